"""How the values of a column fall into the bins of a reference, and how far the two lie apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from flyball.data.contracts.partials import Partial
from flyball.data.profiles import Kind, Sketcher
from flyball.data.profiles.columns import ColumnSketch
from flyball.data.profiles.summary import top
from flyball.kernels.arrays import Ints
from flyball.kernels.distances import BINS, LEVELS, psi


@dataclass(frozen=True)
class Bins:
    """The bins of one column under the partial names that begin with `prefix`: between `cuts`, or for each of them where `levels`.

    `reference` counts the reference's rows per bin; one bin more is for other levels, and the last one for missing values.
    """

    prefix: str
    column: str
    cuts: tuple[Any, ...]
    levels: bool
    reference: Ints

    def partials(self) -> Iterator[Partial]:
        """What is counted of rows: below each cut or on each level, and all that is there."""
        value = pl.col(self.column)
        for number, cut in enumerate(self.cuts):
            found = value.eq(cut) if self.levels else value < cut
            yield Partial(f"{self.prefix}{number}", found.sum(), "sum")
        yield Partial(f"{self.prefix}there", value.count(), "sum")
        yield Partial(f"{self.prefix}missing", value.null_count(), "sum")

    def distance(self, cells: dict[str, Any]) -> float:
        """The population stability index between the reference and the rows whose tallied `cells` these are; NaN without rows."""
        counted = np.array([cells[f"{self.prefix}{number}"] or 0 for number in range(len(self.cuts))], dtype=np.int64)
        there, missing = cells[f"{self.prefix}there"] or 0, cells[f"{self.prefix}missing"] or 0
        parts = np.append(counted, there - counted.sum()) if self.levels else np.diff(counted, prepend=0, append=there)
        return float(psi(self.reference, np.append(parts, missing)))


def bins(prefix: str, column: str, *, reference: Sketcher, dtype: pl.DataType) -> Bins | None:
    """The bins that the reference's values of `column` make; None where it has no rows, or no such column of the kind of `dtype`."""
    sketch = reference.columns.get(column)
    if sketch is None or not sketch.rows or sketch.kind in {Kind.OTHER, Kind.TIME} or sketch.kind is not Kind.of(dtype):
        return None
    if sketch.kind is Kind.NUMBER:
        return _numeric(prefix, column, sketch=sketch)
    pairs = top(sketch, LEVELS)
    counts = [count for _, count in pairs]
    rest = sketch.rows - sketch.nulls - sum(counts)
    return Bins(prefix, column, tuple(level for level, _ in pairs), levels=True, reference=np.array([*counts, rest, sketch.nulls]))


def _numeric(prefix: str, column: str, *, sketch: ColumnSketch) -> Bins:
    found = sketch.quantiles.at([step / BINS for step in range(1, BINS)])
    edges, times = np.unique(found[np.isfinite(found)], return_counts=True)
    # A value that fills a bin by itself has one of its own, so that a column of few values is compared value by value.
    edges = np.unique(np.concatenate([edges, np.nextafter(edges[times > 1], np.inf)]))
    counts = np.diff(sketch.quantiles.below(edges), prepend=0, append=sketch.quantiles.count)
    reference = np.append(counts, sketch.nulls + sketch.nans)
    return Bins(prefix, column, tuple(edges.tolist()), levels=False, reference=reference)
