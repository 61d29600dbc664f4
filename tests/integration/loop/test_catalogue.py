"""The features of a model are in its home's log once per definition."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl

import flyball as fb
from flyball.app.stores import Stores
from flyball.core.clock import VirtualClock
from flyball.core.ids import DerivedIds
from flyball.features import FeatureSet
from flyball.loop.catalogue import record_features
from flyball.loop.check import SYSTEM


def test_features_are_recorded_again_only_when_they_are_others(tmp_path: Path) -> None:
    rows = fb.Dataset("parcels", fb.files("parcels"), key="parcel", event_time="leaves_at", known_before="6h")
    came = fb.Dataset("arrivals", fb.files("arrivals"), key="parcel", event_time="arrived_at")
    label = fb.label(came, pl.col("delay") > 10, timeout="2d")
    stores = Stores.open(tmp_path, clock=VirtualClock(datetime(2024, 1, 1, tzinfo=UTC)), ids=DerivedIds(0, "test"))
    log, recorder = stores.journal.log, stores.journal.recorder
    schemas = {"parcels": pl.Schema({"parcel": pl.String(), "weight": pl.Float64(), "depot": pl.String(), **SYSTEM})}

    def compiled(*names: str) -> None:
        model = fb.Model("late", rows=rows, label=label, features=[rows[names]], train=fb.search(), history="28d")
        record_features(model, FeatureSet.compile(model.features, rows, schemas=schemas), log=log, recorder=recorder)

    compiled("weight")
    compiled("weight")
    compiled("weight", "depot")
    compiled("weight")
    told = [[feature["name"] for feature in event.data["features"]] for event in log.list()]
    stores.close()
    assert told == [["parcels.weight"], ["parcels.weight", "parcels.depot"], ["parcels.weight"]]
