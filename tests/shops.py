"""Shops, their sales and their visits: real stores, and the intake and the online features of a home over them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from flyball.app.intake import Intake, Watched
from flyball.app.online import Online
from flyball.core.clock import ManualTimer, VirtualClock
from flyball.core.ids import Digest
from flyball.data import Dataset, files
from flyball.data.bodies import Body, Form
from flyball.data.histories import Histories
from flyball.data.live import LiveRows
from flyball.data.model import PREDICTION_TIME, TIME
from flyball.features import FeatureSet, count, view, window_view
from flyball.features._redis import RedisOnlineStore
from flyball.features._sqlite import SqliteOnlineStore
from flyball.features.vectors import Vectors
from flyball.loop.definition import Declared
from flyball.testing.data_home import DataHome, opened_data_home

START = datetime(2013, 6, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
SALES = Dataset("sales", files("data/sales"), key="id", event_time="sold_at", known_after="0s")
VISITS = Dataset("visits", files("data/visits"), key="id", event_time="came_at", known_after="0s")


@view(SALES, entity="shop")
def latest(rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.select("amount")


pace = window_view(SALES, entity="shop", over="1d", every="1h", sold=count())


def sale(number: int, moment: datetime, *, amount: float = 1.0) -> dict[str, Any]:
    return {"id": f"s{number}", "shop": "a", "sold_at": moment.isoformat(), "amount": amount}


def as_json(*rows: dict[str, Any]) -> Body:
    """The rows as they are sent."""
    return Body(Form.JSON, msgspec.json.encode({"rows": rows}))


@dataclass
class Yard:
    """An intake whose features are read through a reader's own handle on the store."""

    home: DataHome
    clock: VirtualClock
    timer: ManualTimer
    live: LiveRows
    online: Online
    intake: Intake
    features: FeatureSet
    vectors: Vectors

    @property
    def root(self) -> Path:
        return self.home.place / "project"

    def serve(self) -> None:
        self.online.serve({Digest(self.features.fingerprint): self.features})

    def push(self, *rows: dict[str, Any], key: str | None = None, visible: bool = True) -> dict[str, Any]:
        return self.intake.push("sales", as_json(*rows), key=key, visible=visible)

    def seen(self) -> dict[str, Any]:
        """What a request of shop a gets now."""
        now = pl.Series([self.clock.now()], dtype=TIME)
        row = pl.DataFrame({"id": ["v"], "shop": ["a"], "came_at": now, PREDICTION_TIME: now})
        return self.vectors.compute(row).frame.row(0, named=True)

    def write_sales(self, name: str, *rows: dict[str, Any]) -> None:
        lines = [f"{row['id']},{row['shop']},{row['sold_at']},{row['amount']}" for row in rows]
        path = self.root / "data" / "sales" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(["id,shop,sold_at,amount", *lines, ""]), encoding="utf-8")


@contextmanager
def opened_yard(place: Path, *, redis_url: str | None = None) -> Iterator[Yard]:
    """The yard at `place`, with two sales before it opened; another that is opened there later is what a restart finds."""
    clock, timer = VirtualClock(START), ManualTimer()
    with opened_data_home(place) as home, home.live() as live:
        datasets = {"sales": SALES, "visits": VISITS}
        store = SqliteOnlineStore.write(place / "online.db") if redis_url is None else RedisOnlineStore(redis_url)
        online = Online(datasets, Histories(home.service), whole={"sales"}, store=store, clock=clock)
        declared = {name: Declared(dataset, timedelta(days=59)) for name, dataset in datasets.items()}
        watched = Watched(clock, timer, place / "project", sources=True)
        intake = Intake(declared, home.service, live=live, online=online, watched=watched)
        sales = pl.Schema({"id": pl.String(), "shop": pl.String(), "sold_at": TIME, "amount": pl.Float64()})
        visits = pl.Schema({"id": pl.String(), "shop": pl.String(), "came_at": TIME})
        features = FeatureSet.compile([latest, pace], VISITS, schemas={"sales": sales, "visits": visits})
        reader = SqliteOnlineStore.read(place / "online.db") if redis_url is None else RedisOnlineStore(redis_url)
        yard = Yard(home, clock, timer, live, online, intake, features, Vectors(features, reader))
        if home.service.find_accepted("sales") is None:
            yard.write_sales("a.csv", *(sale(number, START - (2 - number) * HOUR) for number in range(2)))
            home.service.ingest(SALES, root=yard.root, history=timedelta(days=59), cause=None)
        online.open()
        yard.serve()
        try:
            yield yard
        finally:
            reader.close()
            online.close()
