"""A few rows that broke a promise, as evidence: found in early-stopping passes, only where something was broken."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from flyball.data.contracts.outcome import EXAMPLES
from flyball.data.contracts.promises import CELL, RowPromise
from flyball.data.model import Dataset

_PASSES = 2
_ROWS = 2_000


def examples_of(dataset: Dataset, broken: Sequence[RowPromise], *, rows: pl.LazyFrame | None) -> dict[str, tuple[str, ...]]:
    """By promise, the first rows that break it: their keys and the values that it reads.

    Each pass stops at its first 2,000 broken rows; the second looks for those promises only of which the first showed none.
    """
    found: dict[str, tuple[str, ...]] = {}
    wanted = list(broken)
    for _ in range(_PASSES):
        if not wanted or rows is None:
            break
        any_of_them = pl.any_horizontal(promise.broken for promise in wanted)
        some = rows.filter(any_of_them.fill_null(False)).head(_ROWS).collect(engine="streaming")
        found |= {promise.check: _texts(dataset, promise, rows=some) for promise in wanted}
        wanted = [promise for promise in wanted if not found[promise.check]]
    return found


def _texts(dataset: Dataset, promise: RowPromise, *, rows: pl.DataFrame) -> tuple[str, ...]:
    read = dict.fromkeys([*dataset.key, *promise.broken.meta.root_names()])
    columns = [name for name in read if name in rows.columns and (name.startswith(CELL) or CELL + name not in read)]
    some = rows.filter(promise.broken.fill_null(False)).head(EXAMPLES).select(columns)
    return tuple(", ".join(f"{name.removeprefix(CELL)}={value}" for name, value in row.items())[:200] for row in some.iter_rows(named=True))
