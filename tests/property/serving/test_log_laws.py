"""The log against a plain list: whatever is written, shipped, refused and restarted in whatever order, each row is read once."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flyball.core.duration import microseconds
from flyball.serving.columns import to_columns, type_names
from flyball.serving.log import PredictionLog
from flyball.serving.record import Answered, encode
from flyball.storage._delta import DeltaTables
from flyball.storage._localjournal import LocalJournal
from flyball.storage._sqlstore import SqlPositions
from flyball.storage.database import Database
from flyball.storage.errors import DiskFullError

START = datetime(2013, 12, 1, tzinfo=UTC)
SHAPES = (
    pl.DataFrame({"sky.temp": [1.5]}),
    pl.DataFrame({"sky.temp": [1.5], "calendar.hour": pl.Series([7], dtype=pl.Int8)}),
    pl.DataFrame({"sky.temp": ["cold"]}),
)
Step = tuple[Any, ...]

writes = st.tuples(st.just("write"), st.sampled_from(["a", "b"]), st.integers(0, 2), st.integers(1, 3), st.integers(0, 5))
steps = st.lists(
    writes | writes | st.sampled_from([("drain",), ("ship",), ("restart",), ("cut", "before"), ("cut", "after"), ("rubbish",), ("look",)]),
    min_size=4,
    max_size=14,
)


class Refusing(DeltaTables):
    """Tables whose disk is full once when it is told so, before or just after a commit."""

    refuse: Literal["before", "after"] | None = None

    def append_next(self, table: str, rows: pl.DataFrame, *, stream: str, position: int) -> int:
        refuse, self.refuse = self.refuse, None
        if refuse == "before":
            raise DiskFullError(Path(self.folder.place))
        version = super().append_next(table, rows, stream=stream, position=position)
        if refuse == "after":
            raise DiskFullError(Path(self.folder.place))
        return version


class World:
    """A log, and beside it the rows that were written as a plain list."""

    def __init__(self, place: Path) -> None:
        self.database = Database.open(place / "home.db")
        self.journals = {name: LocalJournal.write(place / name, segment_bytes=512) for name in ("predictions", "predictions-1")}
        self.tables = Refusing(place / "tables")
        self.written: list[tuple[str, datetime, str]] = []
        self.restart()

    def restart(self) -> None:
        self.log = PredictionLog(lambda: self.journals, self.tables, positions=SqlPositions(self.database))

    def write(self, endpoint: str, shape: int, *, rows: int, minute: int) -> None:
        time, first = START + timedelta(minutes=minute), len(self.written)
        ids = [f"{first + row:04}" for row in range(rows)]
        features = pl.concat([SHAPES[shape]] * rows)
        self.journals["predictions-1" if first % 3 == 1 else "predictions"].append(encode(Answered(
            endpoint=endpoint, model="m", version=1, route="champion", time=microseconds(time), features_digest="d", ids=ids, keys=ids,
            request={}, features=to_columns(features), value_times={}, scores=[0.5] * rows, seconds=[0.1] * rows,
            feature_types=type_names(features.schema),
        )))  # fmt: skip
        self.written += [(endpoint, time, name) for name in ids]

    def do(self, step: Step) -> None:
        match step:
            case ("write", endpoint, shape, rows, minute):
                self.write(endpoint, shape, rows=rows, minute=minute)
            case ("rubbish",):
                self.journals["predictions"].append(b"\x00")
            case ("cut", when):  # a shipment that fails, and then either this process goes on or another
                self.tables.refuse = when
                with suppress(DiskFullError):
                    self.log.ship()
                self.tables.refuse = None
            case ("restart",):
                self.restart()
            case ("drain",) | ("ship",):
                getattr(self.log, step[0])()
            case ("look",):
                self.log.drain()
                self.check()

    def check(self, *, minutes: tuple[int, int] = (0, 6)) -> None:
        start, end = (START + timedelta(minutes=minute) for minute in minutes)
        for endpoint in ("a", "b"):
            expected = sorted((time, name) for where, time, name in self.written if where == endpoint and start <= time < end)
            found = self.log.read(endpoint, start, end=end)
            assert list(zip(found["time"], found["id"], strict=True)) == expected
            assert sum(volume.rows for volume in self.log.stats(endpoint, start, until=end)) == len(expected)


ONE, OTHER = ("write", "a", 0, 2, 1), ("write", "b", 1, 1, 3)


@settings(max_examples=40, deadline=None)
@given(steps)
@example([ONE, OTHER, ("cut", "after"), ("look",), ONE, ("look",), ("restart",), ("look",)])
@example([ONE, OTHER, ("cut", "after"), ("restart",), ONE, ("look",), ("ship",), ("look",)])
@example([ONE, ("ship",), OTHER, ONE, ("cut", "before"), OTHER, ("cut", "after"), ("look",)])
def test_each_row_is_read_once_whatever_happens(taken: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as place:
        world = World(Path(place))
        for step in taken:
            world.do(step)
        world.log.drain()
        world.check()
        world.check(minutes=(2, 4))
        world.log.ship()
        assert world.log.pending == 0
        assert all(journal.acknowledged == journal.last for journal in world.journals.values())
        world.check()
        world.restart()
        world.check()
        for _, _, name in world.written[:2]:
            found = world.log.find(name)
            assert found is not None
            assert found["id"] == name
        for journal in world.journals.values():
            journal.close()
        world.database.close()
