"""A file of any size takes the memory of a chunk: measured in a process of its own, which reads files many times larger."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

SCRIPT = """
import sys
from pathlib import Path
from flyball.data.declared.files import files
from flyball.data.sources.files import FileParts
from flyball.data.sources.port import Seen, Surroundings

def peak():
    # The largest memory of this program; what getrusage tells begins with that of the process that started it.
    return next(int(line.split()[1]) >> 10 for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))

def read(name):
    place, rows = Path(sys.argv[1]), 0
    with FileParts(files(name), Surroundings(root=place, scratch=place / "scratch")) as source:
        for part in source.find(Seen()):
            for frame in source.read(part):
                assert frame.height <= 1_500_000, frame.height
                rows += frame.height
        source.check_unchanged()
    return rows

read("small" + sys.argv[2])
before = peak()
rows = read("large" + sys.argv[2])
print(rows, peak() - before)
"""
ROWS = 50_000


@pytest.mark.parametrize(
    ("ending", "copies", "most_mb"), [(".csv", 240, 150), (".csv.gz", 240, 150), (".ndjson", 60, 80), (".parquet", 240, 80)]
)
def test_reading_takes_the_memory_of_a_chunk(ending: str, copies: int, most_mb: int, tmp_path: Path) -> None:
    frame = pl.DataFrame({"id": range(ROWS), "text": [f"text number {number}" for number in range(ROWS)]})
    lines = frame.write_csv().encode() if "csv" in ending else frame.write_ndjson().encode()
    head, _, body = lines.partition(b"\n") if "csv" in ending else (b"", b"", lines)
    for name, times in (("small", 1), ("large", copies)):
        path = tmp_path / f"{name}{ending}"
        if ending == ".parquet":
            pl.concat([frame] * times).write_parquet(path, row_group_size=ROWS, compression="uncompressed")
            continue
        with gzip.open(path, "wb", 1) if ending.endswith(".gz") else path.open("wb") as file:
            file.write(head + b"\n" if head else b"")
            for _ in range(times):
                file.write(body)
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    environment = {**os.environ, "MALLOC_ARENA_MAX": "2"}
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path), ending], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    rows, grown_mb = map(int, done.stdout.split())
    assert rows == ROWS * copies
    content_mb = (int(frame.estimated_size()) if ending == ".parquet" else len(body)) * copies >> 20
    assert content_mb > 1.3 * most_mb, "the file is far larger than what may be taken"
    assert grown_mb < most_mb, f"{grown_mb} MB were taken for {content_mb} MB"
