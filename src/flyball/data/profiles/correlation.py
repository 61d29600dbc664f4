"""What columns say of a label, each for itself: the first look at which features may be worth anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from flyball.data.profiles.columns import Kind
from flyball.kernels.arrays import Floats, Ints
from flyball.kernels.association import correlation_ratio, mutual_information, pearson
from flyball.kernels.distances import numeric_edges

LEVELS = 100
FEWEST = 10
"""A text that fewer rows have says nothing by itself: every name of a row would tell its label."""
MOST_ROWS = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Association:
    """A column and the label over the `rows` that have both.

    `correlation` is Pearson's (of a flag the point-biserial) for numbers and times, the correlation ratio for texts and flags,
    None where a side is constant. `information` is mutual information in bits, with numbers in ten bins of equal rows and
    texts beyond the 100 most frequent ones, or of fewer than ten rows, as one.
    """

    column: str
    rows: int
    measure: str
    correlation: float | None
    information: float


def correlate(rows: pl.DataFrame, label: pl.Series) -> Sequence[Association]:
    """Each column of `rows` with the label of its row (Boolean or a number, null where there is none), the most telling first.

    Of more than a million rows every n-th is taken, so that no more are.
    """
    labelled = rows.with_columns(label.cast(pl.Float64).alias("__label")).filter(pl.col("__label").is_finite())
    if labelled.height > MOST_ROWS:
        labelled = labelled.gather_every(-(-labelled.height // MOST_ROWS))
    names = [name for name in rows.columns if not name.startswith("__") and Kind.of(rows.schema[name]) is not Kind.OTHER]
    found = [_associate(labelled.select(name, "__label"), name) for name in names]
    return sorted(found, key=lambda one: (-one.information, -abs(one.correlation or 0.0), one.column))


def _associate(pairs: pl.DataFrame, name: str) -> Association:
    dtype = pairs.schema[name]
    if Kind.of(dtype) in {Kind.TEXT, Kind.BOOLEAN}:
        pairs = pairs.drop_nulls()
        codes, y = _codes(pairs[name].cast(pl.String)), pairs["__label"].to_numpy()
        return Association(
            column=name,
            rows=pairs.height,
            measure="correlation ratio",
            correlation=correlation_ratio(codes, y),
            information=mutual_information(codes, _binned(y)),
        )
    value = pl.col(name) if dtype.is_numeric() else pl.col(name).to_physical()
    pairs = pairs.select(value.cast(pl.Float64), "__label").filter(pl.col(name).is_finite())
    x, y = pairs[name].to_numpy(), pairs["__label"].to_numpy()
    return Association(
        column=name, rows=pairs.height, measure="pearson", correlation=pearson(x, y), information=mutual_information(_binned(x), _binned(y))
    )


def _binned(values: Floats) -> Ints:
    return np.asarray(np.searchsorted(numeric_edges(values), values, side="right"), dtype=np.int64)


def _codes(values: pl.Series) -> Ints:
    """Dense codes of texts; for all that are rare there is one (of equally frequent ones the smaller texts come first)."""
    cells = values.alias("text").to_frame()
    counts = (
        cells.group_by("text")
        .len("rows")
        .filter(pl.col("rows") >= FEWEST)
        .sort("rows", "text", descending=[True, False])
        .head(LEVELS)
        .with_row_index("code")
    )
    coded = cells.join(counts.select("text", "code"), on="text", how="left", maintain_order="left")
    return np.asarray(coded["code"].fill_null(LEVELS).to_numpy(), dtype=np.int64)
