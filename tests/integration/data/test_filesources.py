"""Sources of files keep the laws of their port, and the suite that says so catches broken ones."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from flyball.data.declared.files import files
from flyball.data.declared.source import Source
from flyball.data.model import SourceFile
from flyball.data.sources.files import FileParts
from flyball.data.sources.port import OpenSource, Surroundings
from flyball.testing.sources import OpenSourceSuite, Rows
from flyball.testing.suite import failing_tests


class TestFiles(OpenSourceSuite):
    def declare(self, place: Path) -> Source:
        del place
        return files("rows")

    def open(self, source: Source, surroundings: Surroundings) -> OpenSource:
        assert isinstance(source, type(files("rows")))
        return FileParts(source, surroundings)

    def add(self, place: Path, rows: Rows) -> None:
        (place / "rows").mkdir(exist_ok=True)
        number = len(list((place / "rows").iterdir()))
        with (place / "rows" / f"{number:03}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, ["id", "at", "text"])
            writer.writeheader()
            writer.writerows(rows)

    def change(self, place: Path) -> None:
        path = place / "rows" / "000.csv"
        before = path.stat()
        path.write_bytes(path.read_bytes().replace(b"a1", b"c1") if b"a1" in path.read_bytes() else path.read_bytes().replace(b"c1", b"a1"))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


class _Unwatchful(FileParts):
    """Looks at nothing a second time, and says of every part what it is called only."""

    def check_unchanged(self) -> None:
        return

    def read(self, part: SourceFile) -> Iterator[pl.DataFrame]:
        found, _ = self._found[part.name]
        yield pl.read_csv(found.where, infer_schema=False)


class _Littering(FileParts):
    """Leaves a file in its scratch."""

    def close(self) -> None:
        (self._surroundings.scratch / "left").touch()


def _caught(broken: type[FileParts]) -> list[str]:
    class Broken(TestFiles):
        def open(self, source: Source, surroundings: Surroundings) -> OpenSource:
            assert isinstance(source, type(files("rows")))
            return broken(source, surroundings)

    return failing_tests(Broken)


def test_the_suite_catches_a_source_that_reads_what_was_never_found() -> None:
    assert _caught(_Unwatchful) == ["test_what_changes_while_it_is_read_is_said_or_has_no_say"]


def test_the_suite_catches_a_source_that_leaves_files_behind() -> None:
    assert _caught(_Littering) == ["test_nothing_is_left_behind_however_it_ends"]
