"""The recent part of a history is that part of the whole one, though as little as possible is read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flyball.data import Dataset, files
from flyball.data.errors import VersionNotFoundError
from flyball.data.model import EVENT_TIME
from flyball.testing.data_home import DataHome, opened_data_home

SALES = Dataset("sales", files("data"), key=["shop", "id"], event_time="sold_at", known_time="known_at")
START = datetime(2013, 1, 1, tzinfo=UTC)


def at(hours: int) -> datetime:
    return START + timedelta(hours=hours)


rows = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=12)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(rows, min_size=1, max_size=3))
def test_recent_is_the_whole_history_from_an_event_time_on(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[tuple[str, int, int, int]]]
) -> None:
    place: Path = tmp_path_factory.mktemp("recent")
    with opened_data_home(place) as home:
        for number, batch in enumerate(batches):
            lines = [f"{shop},{key},{at(event).isoformat()},{at(known).isoformat()}" for shop, key, event, known in batch]
            home.write(f"{number}.csv", "\n".join(["shop,id,sold_at,known_at", *lines, ""]))
            version = home.ingest(SALES)
            if version.state == "held":
                home.service.accept("sales", version.number, cause=None)
        whole = home.service.history(SALES)
        assert home.service.recent(SALES, None).equals(whole)
        for hour in range(-1, 11, 2):
            assert home.service.recent(SALES, at(hour)).equals(whole.filter(pl.col(EVENT_TIME) >= at(hour)))


def test_nothing_is_recent_where_nothing_was_ingested(home: DataHome) -> None:
    with pytest.raises(VersionNotFoundError, match="never ingested"):
        home.service.recent(SALES, START)
