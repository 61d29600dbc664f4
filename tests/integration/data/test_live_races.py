"""Pushed rows where several threads meet: a key is never forgotten, and a row never counts twice."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flyball.core.ids import Digest
from flyball.data import Dataset, files
from flyball.data._sqlstore import SqlPushes
from flyball.data.histories import Histories
from flyball.data.model import ARRIVAL
from flyball.data.rowjournal import Pushed, RowJournal
from flyball.loop.ingestion import snapshot
from flyball.storage._localjournal import LocalJournal
from flyball.testing.data_home import DataHome

SALES = Dataset("sales", files("data"), key="id", event_time="sold_at", known_after="1h")
START = datetime(2013, 1, 1, tzinfo=UTC)


@pytest.fixture
def impatient() -> Iterator[None]:
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def row(number: int) -> dict[str, Any]:
    return {"id": f"s{number}", "sold_at": (START + timedelta(hours=number)).isoformat(), "amount": number + 0.5}


def filled(home: DataHome) -> DataHome:
    lines = [f"s{number},{(START + timedelta(hours=number)).isoformat()},{number}.5" for number in range(50)]
    home.write("a.csv", "\n".join(["id,sold_at,amount", *lines, ""]))
    home.ingest(SALES)
    return home


def pushed(key: str) -> Pushed:
    return Pushed(at=START, key=key, digest=Digest("d"), accepted=1)


@pytest.mark.usefixtures("impatient")
def test_a_key_that_comes_while_others_are_settled_is_remembered(home: DataHome, tmp_path: Path) -> None:
    journal = RowJournal("sales", LocalJournal.write(tmp_path / "rows"), pushes=SqlPushes(home.database))
    keys = [f"k{number}" for number in range(3000)]

    def append() -> None:
        for key in keys:
            journal.put(pushed(key))

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(append)
        while not done.done():
            journal.settle(0)  # nothing new is settled: all keys wait
        done.result()
    lost = [key for key in keys if journal.find(key) is None]
    journal.close()
    assert lost == []


def test_a_history_that_was_read_after_rows_were_applied_takes_them_once(home: DataHome) -> None:
    """A plan may make views read a dataset anew between the two steps of who applies its rows."""
    with filled(home).live() as live:
        histories = Histories(home.service)
        histories.open(SALES, None)
        live.accept(SALES, [row(50), row(51)], key=None, at=START)
        live.apply(SALES)
        histories.open(SALES, None)
        rows = live.take(SALES)
        assert rows is not None
        assert histories.append(SALES, rows).equals(home.service.recent(SALES, None))
        live.accept(SALES, [row(52)], key=None, at=START)
        live.apply(SALES)
        more = live.take(SALES)
        assert more is not None
        assert histories.append(SALES, more).equals(home.service.recent(SALES, None))
        assert histories.get(SALES)[ARRIVAL].to_list() == list(range(53))


def test_what_a_training_reads_is_the_version_that_it_names_though_rows_come_meanwhile(home: DataHome) -> None:
    with filled(home).live() as live:
        named = home.service.get_accepted("sales").number
        promised = home.service.history(SALES)
        live.accept(SALES, [row(50)], key=None, at=START)
        live.apply(SALES)
        found = snapshot({"sales": SALES}, home.service, blobs=home.service.blobs, versions={"sales": named})
        assert pl.read_ipc(home.service.blobs.open_path(found["sales"])).equals(promised)
