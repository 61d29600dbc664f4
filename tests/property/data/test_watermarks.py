"""Pulls by a watermark bring each row that is not committed later than the overlap, and a quiet place brings nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from flyball.app.sources import open_source
from flyball.data.declared.generated import RowsSource, rows
from flyball.data.sources.port import Seen, Surroundings

START = datetime(2013, 1, 1, tzinfo=UTC)
OVERLAP = 5
STEPS = st.lists(st.lists(st.none() | st.integers(-OVERLAP, 10), max_size=4), min_size=1, max_size=6)
"""Per pull, what was committed before it: each row's watermark, counted from the highest that any pull saw; None has none."""


class _Place:
    """A table with late writers, as a function and as what a naive reader would have to see."""

    __name__ = "place"

    def __init__(self, *, times: bool) -> None:
        self.rows: list[dict[str, Any]] = []
        self.times, self.height = times, 0

    def commit(self, marks: list[int | None]) -> None:
        for mark in marks:
            value = None if mark is None else self.height + mark
            self.rows.append({"id": len(self.rows), "at": START + timedelta(hours=value) if self.times and value is not None else value})

    def see(self) -> None:
        known = [row["at"] for row in self.rows if row["at"] is not None]
        highest = max(known, default=None)
        if highest is not None:
            self.height = int((highest - START) / timedelta(hours=1)) if self.times else highest

    def __call__(self, since: Any) -> Iterator[dict[str, Any]]:
        yield from (row for row in self.rows if since is None or row["at"] is None or row["at"] >= since)


def _pull(source: RowsSource, place: Path, *, seen: Seen) -> tuple[set[int], Seen]:
    with open_source(source, Surroundings(root=place, scratch=place)) as opened:
        parts = [part for part in opened.find(seen) if part.digest not in seen.digests]
        found = {row for part in parts for frame in opened.read(part) for row in frame["id"]}
    position = parts[-1].position if parts and parts[-1].position else seen.position
    return found, Seen(digests=seen.digests | {part.digest for part in parts}, position=position)


@settings(deadline=None, max_examples=40)
@given(STEPS, st.sampled_from(["times", "numbers"]))
def test_rows_within_the_overlap_are_seen_and_quiet_places_bring_nothing(steps: list[list[int | None]], kind: str) -> None:
    table = _Place(times=kind == "times")
    source = rows(table, watermark="at", overlap=f"{OVERLAP}h" if table.times else OVERLAP)
    seen, got = Seen(digests=frozenset({"something"})), set[int]()  # type: ignore[arg-type]  # so that no rows at first are no error
    with tempfile.TemporaryDirectory() as folder:
        for marks in steps:
            table.commit(marks)
            found, seen = _pull(source, Path(folder), seen=seen)
            got |= found
            table.see()
            assert got == {row["id"] for row in table.rows}
            assert _pull(source, Path(folder), seen=seen)[0] == set()
