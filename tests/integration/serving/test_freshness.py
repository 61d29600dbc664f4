"""A view whose values grow older than they may, or that answers nobody, is told of once, and when it is fresh again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from flyball import features as fb
from flyball.app.freshness import LEAST_ROWS, Freshness
from flyball.core.clock import VirtualClock
from flyball.core.duration import microseconds
from flyball.core.ids import DerivedIds
from flyball.data import Dataset, FileSource
from flyball.data.model import TIME
from flyball.loop.trace import describe
from flyball.serving.record import Answered
from flyball.storage._sqlstore import SqlEventLog
from flyball.storage.events import EventQuery
from flyball.storage.recorder import Recorder
from tests.integration.serving.conftest import START, LogHome, make

HOUR = timedelta(hours=1)
STALE, FRESH = "features.stale", "features.fresh"


@pytest.fixture
def features() -> fb.FeatureSet:
    flights = Dataset("flights", FileSource("flights"), key="flight_id", event_time="departs_at", known_before="24h")
    weather = Dataset("weather", FileSource("weather"), key=["origin", "observed_at"], event_time="observed_at", known_after="5m")

    @fb.view(weather, entity="origin", ttl="3h")
    def sky(rows: pl.LazyFrame) -> pl.LazyFrame:
        return rows.select("temp")

    warmth = fb.window_view(weather, entity="origin", over="1h", every="1h", mean=fb.mean("temp"))
    schemas = {
        "flights": pl.Schema({"flight_id": pl.String(), "departs_at": TIME, "origin": pl.String()}),
        "weather": pl.Schema({"origin": pl.String(), "observed_at": TIME, "temp": pl.Float64()}),
    }
    return fb.FeatureSet.compile([sky, warmth], flights, schemas=schemas)


def answered(first: int, *, of: str, minute: int, sky: int | None, warmth: int | None, rows: int = LEAST_ROWS) -> Answered:
    """Rows whose values are of so many minutes after the start."""

    def times(at: int | None) -> list[Any]:
        return [None if at is None else microseconds(START + timedelta(minutes=at))] * rows

    return make(range(first, first + rows), minute=minute, features_digest=of, value_times={"sky": times(sky), "warmth": times(warmth)})


def test_a_view_is_told_of_when_it_turns_stale_and_when_it_is_fresh_again(home: LogHome, features: fb.FeatureSet) -> None:
    events, clock = SqlEventLog(home.database), VirtualClock(START)
    freshness = Freshness(lambda: {"late": features}, home.log, clock, Recorder(events, clock=clock, ids=DerivedIds(0)))

    def at(first: int, **given: Any) -> Answered:
        return answered(first, of=features.fingerprint, **given)

    def look(minute: int, *records: Answered) -> int:
        home.write(*records)
        home.log.drain()
        clock.advance_to(START + timedelta(minutes=minute))
        return freshness.run()

    assert look(10, at(0, minute=5, sky=0, warmth=0)) == 0
    assert look(150, at(100, minute=140, sky=0, warmth=0)) == 1, "the boundary is 140 minutes old"
    assert look(160, at(200, minute=155, sky=0, warmth=0)) == 0, "it was told"
    assert look(170) == 0, "nobody asked"
    assert look(180, at(300, minute=175, sky=None, warmth=120, rows=LEAST_ROWS - 1)) == 1, "warmth is fresh; the rest may be chance"
    assert look(190, at(400, minute=185, sky=None, warmth=180)) == 1, "nobody finds a value"
    assert look(200, at(500, minute=195, sky=190, warmth=180)) == 1
    told = events.list(EventQuery(subject="endpoint/late"))
    assert [(event.type, dict(event.data)["view"]) for event in told] == [
        (STALE, "warmth"), (FRESH, "warmth"), (STALE, "sky"), (FRESH, "sky"),
    ]  # fmt: skip
    assert describe(told[0]).endswith("the newest value of 'warmth' is 2h20m old; 2h are allowed")
    assert describe(told[2]).endswith(f"none of {LEAST_ROWS} rows found a value of 'sky'")


def test_rows_without_the_entity_and_other_features_tell_nothing(home: LogHome, features: fb.FeatureSet) -> None:
    events, clock = SqlEventLog(home.database), VirtualClock(START + HOUR)
    freshness = Freshness(
        lambda: {"late": features, "none": features}, home.log, clock, Recorder(events, clock=clock, ids=DerivedIds(0))
    )  # fmt: skip
    home.write(make(range(30), minute=5, value_times={"other": [None] * 30}))
    own: dict[str, Any] = {"features_digest": features.fingerprint, "value_times": {"sky": [None] * 30}}
    unnamed = make(range(100, 130), minute=6, **own)
    home.write(make(range(100, 130), minute=6, request={**unnamed.request, "origin": [None] * 30}, **own))
    home.log.drain()
    assert freshness.run() == 0
    assert events.list(EventQuery(subject="endpoint/late")) == []
