"""Records as a model server writes them, and a log over real stores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flyball.core.duration import microseconds
from flyball.serving.columns import to_columns, type_names
from flyball.serving.log import PredictionLog
from flyball.serving.record import Answered, encode
from flyball.storage._delta import DeltaTables
from flyball.storage._localjournal import LocalJournal
from flyball.storage._sqlstore import SqlPositions
from flyball.storage.database import Database

START = datetime(2013, 12, 1, tzinfo=UTC)
Make = Callable[..., Answered]


def make(numbers: range, *, minute: int | None = None, **given: Any) -> Answered:
    """Rows with those numbers as ids, answered `minute` minutes after the start (default: the first number)."""
    moment = START + timedelta(minutes=numbers.start if minute is None else minute)
    request = pl.DataFrame({"origin": ["JFK"] * len(numbers), "departs_at": [moment + timedelta(hours=1)] * len(numbers)})
    request = request.cast({"departs_at": pl.Datetime("us", "UTC")})
    features = pl.DataFrame({"sky.temp": [float(number) for number in numbers], "calendar.hour": [7] * len(numbers)}).cast(
        {"calendar.hour": pl.Int8}
    )
    facts: dict[str, Any] = {
        "endpoint": "late", "model": "late", "version": 1, "route": "champion", "time": microseconds(moment), "features_digest": "abc",
        "ids": [f"prd-{number:06}" for number in numbers], "keys": [f"flight-{number}" for number in numbers],
        "request": to_columns(request), "features": to_columns(features),
        "value_times": {"sky": [microseconds(START)] * len(numbers)}, "scores": [number % 10 / 10 for number in numbers],
        "seconds": [0.001 * (1 + number % 100) for number in numbers], "request_types": type_names(request.schema),
        "feature_types": type_names(features.schema), "task": "binary",
    }  # fmt: skip
    return Answered(**{**facts, **given})


@dataclass
class LogHome:
    """A home's part that the log needs, in one directory."""

    place: Path
    journal: LocalJournal
    database: Database
    tables: DeltaTables
    log: PredictionLog

    def write(self, *records: Answered) -> None:
        """Journal the records, as a model server does."""
        self.journal.append(*map(encode, records))

    def again(self) -> PredictionLog:
        """The log as the next process has it."""
        return PredictionLog(lambda: {"predictions": self.journal}, self.tables, positions=SqlPositions(self.database))

    def ids(self, log: PredictionLog | None = None, endpoint: str = "late") -> list[str]:
        """The ids of all rows, in the order of the log."""
        return (log or self.log).read(endpoint, datetime.min.replace(tzinfo=UTC), end=datetime.max.replace(tzinfo=UTC))["id"].to_list()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[LogHome]:
    database = Database.open(tmp_path / "home.db")
    journal = LocalJournal.write(tmp_path / "journal", segment_bytes=1 << 16)
    tables = DeltaTables(tmp_path / "tables")
    yield LogHome(
        tmp_path, journal, database, tables, PredictionLog(lambda: {"predictions": journal}, tables, positions=SqlPositions(database))
    )
    journal.close()
    database.close()


@pytest.fixture
def answered() -> Make:
    return make
