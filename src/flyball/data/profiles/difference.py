"""What is different between two profiles, column by column; from sketches alone, so that no row is read again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from flyball.data.profiles.columns import ColumnSketch, Kind
from flyball.data.profiles.sketcher import Sketcher
from flyball.data.profiles.summary import QUANTILES, shown
from flyball.kernels.arrays import Floats, Ints
from flyball.kernels.distances import LEVELS, numeric_edges, psi, wasserstein

LISTED = 10
NOTABLE = 0.1
"""A population stability index from here on is worth a look, by custom."""


@dataclass(frozen=True, kw_only=True)
class ColumnDifference:
    """One column in two profiles; pairs are (before, after). `change` is "same" where the column has one kind in both.

    `psi` over the bins of the first (missing, NaN and infinite ones are bins), 0 for equal shares. `wasserstein` in the column's
    unit (times: seconds, texts: characters of length). `new` and `gone` are the texts or flags that only one of the two has, where
    it is known; there are `n_new` and `n_gone` of them. Quantiles, means and psi are within the bounds that the profiles state.
    """

    column: str
    change: str
    types: tuple[str | None, str | None]
    nulls: tuple[float | None, float | None] = (None, None)
    distinct: tuple[int | None, int | None] = (None, None)
    psi: float | None = None
    wasserstein: float | None = None
    means: tuple[Any, Any] | None = None
    quantiles: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    new: tuple[Any, ...] = ()
    gone: tuple[Any, ...] = ()
    n_new: int = 0
    n_gone: int = 0

    @property
    def notable(self) -> bool:
        """Whether a person should look: a column came, went or became another kind, values came, or the shares moved."""
        return self.change != "same" or bool(self.n_new) or (self.psi is not None and self.psi >= NOTABLE)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Two profiles beside each other; columns in the order of the first, then those that only the second has."""

    rows: tuple[int, int]
    columns: tuple[ColumnDifference, ...]

    def as_json(self) -> Mapping[str, Any]:
        """The same as plain values; each column says whether it is notable."""
        columns = [{**asdict(column), "notable": column.notable} for column in self.columns]
        return {"rows": list(self.rows), "columns": columns}


def compare(before: Sketcher, after: Sketcher) -> Difference:
    """How `after` differs from `before`; equal rows differ in nothing."""
    before.settle()
    after.settle()
    names = [name for name in dict.fromkeys([*before.columns, *after.columns]) if not name.startswith("__")]
    columns = tuple(_column(name, a=before.columns.get(name), b=after.columns.get(name)) for name in names)
    return Difference(rows=(before.rows, after.rows), columns=columns)


def _column(name: str, *, a: ColumnSketch | None, b: ColumnSketch | None) -> ColumnDifference:
    facts: dict[str, Any] = {
        "column": name, "types": (a and a.type, b and b.type), "nulls": (_missing(a), _missing(b)),
        "distinct": (a and a.distinct.number, b and b.distinct.number),
    }  # fmt: skip
    if a is None or b is None or a.kind is not b.kind:
        return ColumnDifference(**facts, change="added" if a is None else "gone" if b is None else "changed")
    if a.kind is Kind.OTHER:
        return ColumnDifference(**facts, change="same")
    if a.kind is not Kind.BOOLEAN:
        facts |= _moved(a, b)
    if a.kind in {Kind.TEXT, Kind.BOOLEAN}:
        new, gone = _only(b, a), _only(a, b)
        facts |= {"new": tuple(new[:LISTED]), "gone": tuple(gone[:LISTED]), "n_new": len(new), "n_gone": len(gone)}
    counts = _categories(a, b) if a.kind in {Kind.TEXT, Kind.BOOLEAN} else _bins(a, b)
    return ColumnDifference(**facts, change="same", psi=_number(float(psi(*counts))))


def _missing(column: ColumnSketch | None) -> float | None:
    return None if column is None or not column.rows else column.nulls / column.rows


def _number(value: float) -> float | None:
    return round(value, 6) if np.isfinite(value) else None


def _moved(a: ColumnSketch, b: ColumnSketch) -> Mapping[str, Any]:
    if not a.moments.count or not b.moments.count:
        return {}
    (values, weights), (others, other_weights) = a.quantiles.points(), b.quantiles.points()
    apart = wasserstein(values, weights, b=others, weights_b=other_weights) / (1e6 if a.kind is Kind.TIME else 1)
    pairs = zip(QUANTILES, a.quantiles.at(QUANTILES).tolist(), b.quantiles.at(QUANTILES).tolist(), strict=True)
    return {
        "wasserstein": _number(apart),
        "means": (shown(a, a.moments.mean), shown(b, b.moments.mean)),
        "quantiles": {str(share): (shown(a, low), shown(b, high)) for share, low, high in pairs},
    }


def _bins(a: ColumnSketch, b: ColumnSketch) -> tuple[Ints, Ints]:
    """Rows in the bins that hold about equally many of `a`, then the infinite, NaN and missing ones."""
    edges = numeric_edges(a.quantiles.at(np.linspace(0, 1, 1001).tolist()))
    return _binned(a, edges), _binned(b, edges)


def _binned(column: ColumnSketch, edges: Floats) -> Ints:
    finite = np.diff(column.quantiles.below(edges), prepend=0, append=column.quantiles.count)
    return np.concatenate([finite, [*column.infinities, column.nans, column.nulls]]).astype(np.int64)


def _categories(a: ColumnSketch, b: ColumnSketch) -> tuple[Ints, Ints]:
    """Rows of the most frequent values of `a`, of all others, and missing ones."""
    order = np.argsort(-a.frequent.counts, kind="stable")[:LEVELS]
    levels = a.frequent.keys[order].tolist()
    return _counted(a, levels), _counted(b, levels)


def _counted(column: ColumnSketch, levels: Sequence[int]) -> Ints:
    counts = dict(zip(column.frequent.keys.tolist(), column.frequent.counts.tolist(), strict=True))
    named = [counts.get(level, 0) for level in levels]
    return np.array([*named, max(0, column.rows - column.nulls - sum(named)), column.nulls], dtype=np.int64)


def _only(column: ColumnSketch, other: ColumnSketch) -> list[Any]:
    """Values of `column` that `other` is known not to have, the most frequent first."""
    if other.frequent.slack:
        return []
    absent = set(column.names) - set(other.names)
    pairs = [
        (key, count) for key, count in zip(column.frequent.keys.tolist(), column.frequent.counts.tolist(), strict=True) if key in absent
    ]
    return [column.names[key] for key, count in sorted(pairs, key=lambda pair: (-pair[1], column.names[pair[0]]))]
