"""An expression is accepted only when the value of a row follows from that row: judged, and checked by computing row by row."""

from __future__ import annotations

import polars as pl
import polars.selectors as cs
import pytest

from flyball.features.errors import NotRowWiseError
from flyball.features.rowexpressions import check_rowwise

X, Y, S, D = pl.col("x"), pl.col("y"), pl.col("s"), pl.col("d")
FRAME = pl.DataFrame({
    "x": [1, 2, 3, 2], "y": [3, 3, 1, 9], "f": [1.5, 2.5, None, 0.0], "s": ["ab", "b", None, "ab"], "l": [[1], [1, 2], [5], [2]],
    "d": pl.Series([1, 2, 3, 4]).cast(pl.Datetime("us", "UTC")),
})  # fmt: skip

ACCEPTED = [
    X + 1, X * Y - 2, X > 15, pl.lit(1), pl.lit(1) + pl.lit(2), X.is_null(), X.fill_null(0), X.clip(0, Y), X.is_between(1, Y),
    X.is_in([1, 2]), X.replace({1: 2}), X.replace_strict([1], [2], default=Y), pl.when(X > 1).then(Y).otherwise(X),
    X.cast(pl.Float64).log(),
    S.str.to_uppercase(), S.str.starts_with("a"), S.str.split("b").list.get(0), pl.struct("x", "y"), pl.concat_str("s", "s"),
    pl.max_horizontal("x", "y"), pl.coalesce("f", "x"), D.dt.convert_time_zone("America/New_York").dt.hour(), D.dt.truncate("1h"),
    pl.col("x", "y") + 1, cs.numeric() * 2, cs.string().str.len_chars(), pl.col("l").list.contains(X), pl.col("f").is_nan(),
]  # fmt: skip

REFUSED = [
    X.mean(), X - X.mean(), X.clip(0, X.max()), X.shift(), X.diff(), X.sum().over("y"), X.rank(), X.cum_sum(), X.sort(), X.reverse(),
    X.rolling_mean(2), X.first(), X.unique(), X.is_duplicated(), X.is_first_distinct(), X.fill_null(strategy="forward"), X.forward_fill(),
    pl.len(), pl.int_range(pl.len()), X.count(), X.filter(Y > 1), X.drop_nulls(), pl.col("l").explode(), X.sample(2), X.shuffle(),
    pl.when(X.max() > 1).then(1), pl.struct("x", Y.mean()), X.is_in(Y), X.is_in(Y.implode()), X.replace(Y, X),
    X.replace_strict(1, Y, default=0),
    X.pct_change(), X.interpolate(), X.head(1), X.gather([0]), X.ewm_mean(span=2), X.entropy(), X.top_k(2), X.rle_id(),
    pl.col("x", "y").mean(), cs.numeric().max(), pl.all() - pl.all().min(), pl.lit(pl.Series([1, 2, 3, 4])), X + pl.Series([1, 2, 3, 4]),
    S.cast(pl.Categorical), X.map_elements(lambda value: value, return_dtype=pl.Int64), X.map_batches(lambda values: values),
    pl.col("l").list.eval(pl.element() + 1), S.str.to_datetime(), pl.col("l").list.sample(1), X.search_sorted(2),
    pl.cov("x", "y"), X.dot(Y),
]  # fmt: skip


@pytest.mark.parametrize("expression", ACCEPTED, ids=str)
def test_accepted_expressions_give_each_row_what_it_gives_alone(expression: pl.Expr) -> None:
    check_rowwise(expression, "View 'sky'")
    together = FRAME.with_columns(expression.name.suffix("_new"))
    alone = pl.concat([FRAME[index : index + 1].with_columns(expression.name.suffix("_new")) for index in range(FRAME.height)])
    assert together.equals(alone)


@pytest.mark.parametrize("expression", REFUSED, ids=str)
def test_everything_else_is_refused_by_name(expression: pl.Expr) -> None:
    with pytest.raises(NotRowWiseError, match=r"View 'sky' uses .*depend on other rows"):
        check_rowwise(expression, "View 'sky'")


def test_the_refused_operation_is_the_innermost_one() -> None:
    with pytest.raises(NotRowWiseError) as caught:
        check_rowwise((X - X.mean()) / 2, "View 'sky'")
    assert caught.value.operation == "'col(\"x\").mean()'"
