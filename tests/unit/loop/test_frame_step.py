"""The step that makes a model's frame has a key whatever its rows come from: functions, checks and all."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from flyball.core.canonical import digest
from flyball.core.ids import Digest
from flyball.data import Dataset, files, label
from flyball.data.declared.check import check
from flyball.data.derivation.source import derive
from flyball.loop.frames import frame_step
from flyball.loop.model import Model
from flyball.training import search


def _key(rows: Dataset) -> Digest:
    model = Model("late", rows=rows, label=label(rows, pl.col("late")), features=[rows["size"]], train=search(), history="30d")
    return digest(frame_step(model, project=Path("project.py"), histories={}, features=Digest("f" * 64)).parameters)


def test_rows_that_are_derived_count_by_their_code() -> None:
    parcels = Dataset("parcels", files("parcels"), key="parcel", event_time="sent")

    def derived(limit: int) -> Dataset:
        return derive(parcels, key="parcel", event_time="sent", name="big")(lambda rows: rows.filter(pl.col("size") > limit))

    assert _key(derived(3)) == _key(derived(3))
    assert _key(derived(3)) != _key(derived(4))


def test_what_is_promised_of_rows_changes_no_frame() -> None:
    plain = Dataset("parcels", files("parcels"), key="parcel", event_time="sent")
    checked = Dataset("parcels", files("elsewhere"), key="parcel", event_time="sent", checks=[check("some", pl.col("size") > 0)])
    assert _key(plain) == _key(checked)
