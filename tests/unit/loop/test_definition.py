"""A declaration's digest is its meaning: equal for what is equal, another for every field that is another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

import flyball as fb
from flyball.core.ids import Digest
from flyball.loop.definition import datasets_of, fingerprint
from flyball.loop.errors import DeclarationError

Declare = Callable[..., fb.Model]
FEATURES = Digest("f" * 64)
ROWS = fb.Dataset("parcels", fb.files("parcels"), key="parcel", event_time="leaves_at", known_before="9h")
CAME = fb.Dataset("arrivals", fb.files("arrivals"), key="parcel", event_time="arrived_at")
GATES = {"gates": [fb.at_least("roc_auc", 0.5)]}


def fit(rows: Any) -> Any:
    return rows


def fit_otherwise(rows: Any) -> Any:
    return [rows]


def test_equal_declarations_are_equal_wherever_they_were_made(declare: Declare) -> None:
    assert fingerprint(declare(), FEATURES) == fingerprint(declare(), FEATURES)
    assert fingerprint(declare(train=fit), FEATURES) == fingerprint(declare(train=fit), FEATURES)
    moved = fb.Dataset("parcels", fb.files("elsewhere"), key="parcel", event_time="leaves_at", known_before="6h")
    assert fingerprint(declare(rows=moved), FEATURES) == fingerprint(declare(), FEATURES)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"name": "later"}),
        ({}, {"rows": ROWS}),
        ({}, {"label": fb.label(CAME, pl.col("delay") > 11, timeout="2d")}),
        ({}, {"label": fb.label(CAME, pl.col("delay") > 10, timeout="3d")}),
        ({}, {"train": fb.search(metric="roc_auc", trials=3)}),
        ({}, {"train": fit}),
        ({"train": fit}, {"train": fit_otherwise}),
        *[({}, {name: "8d"}) for name in ("history", "lead", "holdout", "window", "cool_down", "train_timeout", "train_on")],
        ({}, GATES),
        (GATES, {"gates": [fb.at_most("roc_auc", 0.5)]}),
        (GATES, {"gates": [fb.at_least("roc_auc", 0.6)]}),
        ({}, {"rollout": fb.canary([0.1, 1.0])}),
        ({"rollout": fb.canary([0.1, 1.0])}, {"rollout": fb.canary([0.1, 1.0], hold="2d")}),
        ({}, {"monitors": [fb.performance()]}),
        ({"monitors": [fb.performance()]}, {"monitors": [fb.quality()]}),
        ({}, {"retrain": [fb.every("30d")]}),
        ({"retrain": [fb.every("30d")]}, {"retrain": [fb.every("31d")]}),
        ({}, {"metric": "log_loss"}),
        ({}, {"maturity": 0.9}),
        ({}, {"endpoint": "other"}),
        ({}, {"seed": 1}),
    ],
)
def test_another_field_is_another_declaration(declare: Declare, one: dict[str, Any], other: dict[str, Any]) -> None:
    assert fingerprint(declare(**one), FEATURES) != fingerprint(declare(**other), FEATURES)


def test_other_features_are_another_declaration(declare: Declare) -> None:
    assert fingerprint(declare(), FEATURES) != fingerprint(declare(), Digest("e" * 64))


def test_datasets_are_those_of_rows_label_and_features_the_rows_first(declare: Declare) -> None:
    assert list(datasets_of(declare())) == ["parcels", "arrivals"]


def test_two_datasets_of_one_name_are_refused(declare: Declare) -> None:
    other = fb.label(fb.Dataset("parcels", fb.files("x"), key="parcel", event_time="at"), pl.col("delay") > 10, timeout="2d")
    with pytest.raises(DeclarationError, match="two different datasets are named 'parcels'"):
        datasets_of(declare(label=other))
