"""Numbers over rows that can be taken chunk by chunk and put together: counts, sums, extremes, moments.

Each is one or more cells of a one-row frame; the frames of two sets of rows merge to that of both. Sums of floats may differ
in their last digits by how the rows were parted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import polars as pl

How = Literal["sum", "min", "max", "moments"]


@dataclass(frozen=True)
class Partial:
    """The cell `name` of the one-row frame: `value` over the rows, put together by `how`."""

    name: str
    value: pl.Expr
    how: How

    def cells(self) -> Iterator[pl.Expr]:
        """What is taken of rows; of moments the number, the mean and the sum of squared distances from it."""
        if self.how != "moments":
            yield self.value.alias(self.name)
            return
        number = self.value.count().cast(pl.Float64)
        yield number.alias(self.name + ":n")
        yield self.value.mean().alias(self.name + ":mean")
        yield (self.value.var(ddof=0) * number).alias(self.name + ":m2")

    def merged(self) -> Iterator[pl.Expr]:
        """The cells of all frames that stand below each other; moments by Chan, Golub and LeVeque (1979)."""
        if self.how != "moments":
            yield getattr(pl.col(self.name), self.how)()
            return
        number, mean, squares = (pl.col(self.name + part) for part in (":n", ":mean", ":m2"))
        grand = (number * mean).sum() / number.sum()
        yield number.sum()
        yield grand.alias(self.name + ":mean")
        yield squares.sum() + (number * (mean - grand) ** 2).sum()


def variance(name: str) -> pl.Expr:
    """The sample variance that the moments `name` come to; null with fewer than two values."""
    number = pl.col(name + ":n")
    return pl.when(number > 1).then(pl.col(name + ":m2") / (number - 1))


def take(partials: Iterable[Partial]) -> list[pl.Expr]:
    """What to select of rows to have their one-row frame."""
    return [cell for partial in partials for cell in partial.cells()]


def merge(frames: Iterable[pl.DataFrame], partials: Iterable[Partial]) -> pl.DataFrame:
    """The one-row frame of the rows of all `frames`."""
    return pl.concat(frames, how="vertical_relaxed").select(cell for partial in partials for cell in partial.merged())
