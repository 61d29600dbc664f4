"""Features and their fingerprint are the same in every process, whatever the hash seed and the number of threads."""

from __future__ import annotations

import os
import subprocess
import sys

SCRIPT = """
from datetime import timedelta
import hashlib
import polars as pl
from flyball.data import Dataset, FileSource, known_until, prediction_rows
from flyball.features import FeatureSet, count, max, mean, on_demand, view, window_view

time = pl.Datetime("us", "UTC")
rides = Dataset("rides", FileSource("rides"), key="ride", event_time="at", known_before="2h")
readings = Dataset("readings", FileSource("readings"), key="reading", event_time="seen", known_after="10m")

@view(readings, entity="place", ttl="12h")
def air(rows):
    return rows.filter(pl.col("value") > 3).select("value", "word")

crowd = window_view(readings, entity="place", over="2d", every="1h", level=mean("value"), seen=count(), word=max("word"))

@on_demand
def mixed(at, level):
    return {"sum": level + at.dt.hour(), "known": at.dt.weekday().is_in({1, 2, 3})}

def history(n, event, known, key):
    row = pl.int_range(n, eager=True)
    moment = (pl.lit(0).cast(time) + pl.duration(minutes=row * 7919 % 100_000)).cast(time)
    place, word = ((row * step % size).cast(pl.String) for step, size in ((31, 17), (13, 53)))
    frame = pl.DataFrame({key: row, "place": place, "value": (row * 37 % 101) / 7, "word": word})
    frame = frame.with_columns(moment.alias(event)).with_columns(
        pl.col(event).alias("__event_time"), (pl.col(event) + known).alias("__known_time"), row.cast(pl.Int64).alias("__arrival"))
    return known_until(frame, [key])

histories = {
    "rides": history(3000, "at", -timedelta(hours=2), "ride"),
    "readings": history(20000, "seen", timedelta(minutes=10), "reading"),
}
features = FeatureSet.compile([rides["place"], air, crowd, mixed], rides, schemas={name: frame.schema for name, frame in histories.items()})
rows = prediction_rows(histories["rides"], key=["ride"], lead=timedelta(hours=1))
found = features.compute(rows, histories)
print(features.fingerprint, hashlib.sha256(found.write_csv().encode()).hexdigest(), found.height, found["air.value"].null_count() < 1000)
"""


def _asked(seed: str, threads: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": seed, "POLARS_MAX_THREADS": threads}
    done = subprocess.run([sys.executable, "-"], input=SCRIPT, env=environment, capture_output=True, text=True, check=True)
    return done.stdout


def test_two_processes_agree_to_the_byte() -> None:
    first = _asked("1", "1")
    assert first.endswith("3000 True\n")
    assert _asked("4242", "4") == first
