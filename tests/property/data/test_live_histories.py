"""Histories in memory equal what is read anew, whatever came in between and whatever was forgotten."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyball.data import Dataset, files
from flyball.data.histories import Histories
from flyball.data.model import EVENT_TIME
from flyball.testing.data_home import opened_data_home

SALES = Dataset("sales", files("data"), key=["shop", "id"], event_time="sold_at", known_after="1h")
START = datetime(2013, 1, 1, tzinfo=UTC)

rows = st.tuples(st.sampled_from("ab"), st.integers(0, 3), st.integers(0, 9), st.integers(-2, 2))
batches = st.lists(st.tuples(st.lists(rows, min_size=1, max_size=5), st.integers(0, 9), st.booleans()), min_size=1, max_size=6)


def at(hours: int) -> datetime:
    return START + timedelta(hours=hours)


@settings(deadline=None, max_examples=15)
@given(batches, st.none() | st.integers(0, 9))
def test_rows_appended_in_memory_make_what_would_be_read_anew(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[Any, ...]], since: int | None
) -> None:
    place = tmp_path_factory.mktemp("histories")
    with opened_data_home(place) as home, home.live() as live:
        home.write("a.csv", "shop,id,sold_at,amount\n" + "".join(f"a,{n},{at(n).isoformat()},0\n" for n in range(3)))
        home.ingest(SALES)
        histories, earliest = Histories(home.service), None if since is None else at(since)
        histories.open(SALES, earliest)
        for pushed, hour, forget in drawn:
            batch = [{"shop": shop, "id": key, "sold_at": at(event).isoformat(), "amount": amount} for shop, key, event, amount in pushed]
            live.accept(SALES, batch, key=None, at=at(hour))
            live.apply(SALES)
            new = live.take(SALES)
            if new is not None:
                histories.append(SALES, new)
            if forget:
                earliest = max(earliest or START, at(hour))
                histories.forget_before(SALES, earliest)
            # Rows from before `since` that came live are kept until they are forgotten; of the others nothing may differ.
            found = histories.get(SALES)
            if earliest is not None:
                found = found.filter(pl.col(EVENT_TIME) >= earliest)
            assert found.equals(home.service.recent(SALES, earliest))
