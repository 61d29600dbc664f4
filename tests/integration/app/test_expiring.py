"""Answered rows go when they are older than declared, and no others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

import flyball as fb
from flyball.app.expiring import Expiring
from flyball.app.predictionlog import open_log
from flyball.app.stores import Stores
from flyball.core.clock import VirtualClock
from flyball.core.duration import microseconds
from flyball.core.ids import DerivedIds
from flyball.serving.record import Answered, encode
from flyball.storage._delta import DeltaTables
from flyball.storage._localjournal import LocalJournal
from flyball.storage.events import EventQuery

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
rows = fb.Dataset("rows", fb.files("rows"), key="id", event_time="at")
MODEL = fb.Model(
    "late", rows=rows, label=fb.label(rows, pl.col("x") > 1), features=[rows["x"]], train=fb.search(trials=1), history="30d",
    log=fb.prediction_log(keep="30d"),
)  # fmt: skip


def record(day: int, endpoint: str = "late") -> bytes:
    found = Answered(
        endpoint=endpoint, model="m", version=1, route="champion", time=microseconds(START + timedelta(days=day)), features_digest="d",
        ids=[f"{endpoint}-{day}"], keys=[str(day)], request={}, features={"rows.x": [1.5]}, value_times={}, scores=[0.5], seconds=[0.001],
        feature_types=["Float64"],
    )  # fmt: skip
    return encode(found)


@pytest.mark.parametrize("shipped", [True, False], ids=["shipped", "waiting"])
def test_rows_go_a_day_after_their_time_and_others_stay(tmp_path: Path, shipped: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001  a parameter
    clock = VirtualClock(START + timedelta(days=60))
    stores = Stores.open(tmp_path, clock=clock, ids=DerivedIds(0))
    tables = DeltaTables(tmp_path / "tables")
    journal = LocalJournal.write(tmp_path / "journal" / "predictions")
    journal.append(*(record(day) for day in range(60)), *(record(day, "other") for day in range(60)))
    log = open_log(tmp_path, tables, stores=stores)
    if shipped:
        log.ship()
    asked: list[str] = []
    rewrite = tables.rewrite
    monkeypatch.setattr(tables, "rewrite", _counting(rewrite, asked))
    models = [MODEL, replace(MODEL, name="other", log=None)]
    expiring = Expiring(models, tables, log, clock, stores.journal.recorder)
    assert (expiring.run(), expiring.run()) == (30, 0)
    assert len(asked) == 1  # a day is looked at once
    ends = (START - timedelta(days=1), START + timedelta(days=99))
    assert log.read("late", ends[0], end=ends[1])["id"].to_list() == [f"late-{day}" for day in range(30, 60)]
    assert log.read("other", ends[0], end=ends[1]).height == 60
    clock.advance_to(START + timedelta(days=61))
    assert expiring.run() == 1
    events = stores.journal.log.list(EventQuery(type="predictions.expired"))
    assert [(event.subject, event.data["rows"]) for event in events] == [("endpoint/late", 30), ("endpoint/late", 1)]
    journal.close()
    stores.close()


def _counting(work: Callable[..., object], asked: list[str]) -> Callable[..., object]:
    def counted(table: str, *given: object, **named: object) -> object:
        asked.append(table)
        return work(table, *given, **named)

    return counted
