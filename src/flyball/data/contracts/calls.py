"""The functions and aggregates that an expression of a contract file may call; there are no others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from flyball.data.contracts.partials import Partial, variance


@dataclass(frozen=True)
class Function:
    """A function of a row's values; the arguments numbered in `literal` are values that stand in the text itself."""

    make: Callable[..., pl.Expr]
    least: int = 1
    most: int = 1
    literal: tuple[int, ...] = ()

    @property
    def takes(self) -> str:
        """How many arguments it takes, in words."""
        return str(self.least) if self.least == self.most else f"{self.least} to {self.most}"


FUNCTIONS: dict[str, Function] = {
    "abs": Function(lambda x: x.abs()),
    "ceil": Function(lambda x: x.cast(pl.Float64).ceil()),
    "coalesce": Function(lambda *xs: pl.coalesce(xs), 1, 20),
    "contains": Function(lambda x, text: x.str.contains(str(text), literal=True), 2, 2, (1,)),
    "day": Function(lambda x: x.dt.day()),
    "ends_with": Function(lambda x, text: x.str.ends_with(str(text)), 2, 2, (1,)),
    "floor": Function(lambda x: x.cast(pl.Float64).floor()),
    "greatest": Function(lambda *xs: pl.max_horizontal(xs), 2, 20),
    "hour": Function(lambda x: x.dt.hour()),
    "least": Function(lambda *xs: pl.min_horizontal(xs), 2, 20),
    "length": Function(lambda x: x.str.len_chars()),
    "ln": Function(lambda x: x.cast(pl.Float64).log()),
    "lower": Function(lambda x: x.str.to_lowercase()),
    "month": Function(lambda x: x.dt.month()),
    "round": Function(lambda x, digits=0: x.cast(pl.Float64).round(min(max(int(digits), 0), 15)), 1, 2, (1,)),
    "sqrt": Function(lambda x: x.cast(pl.Float64).sqrt()),
    "starts_with": Function(lambda x, text: x.str.starts_with(str(text)), 2, 2, (1,)),
    "trim": Function(lambda x: x.str.strip_chars()),
    "upper": Function(lambda x: x.str.to_uppercase()),
    "weekday": Function(lambda x: x.dt.weekday()),
    "year": Function(lambda x: x.dt.year()),
}

AGGREGATES = ("count", "max", "mean", "min", "nulls", "share", "std", "sum", "var")


def aggregate(word: str, argument: pl.Expr | None, *, key: str) -> tuple[pl.Expr, list[Partial]]:
    """The value of an aggregate over the cells of its partials; equal `key` are equal arguments. Null over no values, sums are 0.

    `argument` None is `count(*)`.
    """
    if argument is None:
        return _cell(_rows := Partial("rows", pl.len(), "sum")), [_rows]
    number = Partial(f"count {key}", argument.count(), "sum")
    total = Partial(f"sum {key}", argument.cast(pl.Float64).sum(), "sum")
    match word:
        case "count":
            return _cell(number), [number]
        case "sum":
            return _cell(total), [total]
        case "mean" | "share":
            return pl.when(_cell(number) > 0).then(_cell(total) / _cell(number)), [number, total]
        case "min":
            least = Partial(f"min {key}", argument.min(), "min")
            return _cell(least), [least]
        case "max":
            most = Partial(f"max {key}", argument.max(), "max")
            return _cell(most), [most]
        case "nulls":
            missing = Partial(f"nulls {key}", argument.null_count(), "sum")
            return _cell(missing), [missing]
        case _:
            moments = Partial(f"moments {key}", argument.cast(pl.Float64), "moments")
            spread = variance(moments.name)
            return spread if word == "var" else spread.sqrt(), [moments]


def _cell(partial: Partial) -> pl.Expr:
    return pl.col(partial.name)
