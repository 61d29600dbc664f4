"""A plan that is carried out with times beside its rows shows, as of any time, what it would have made of the inputs of that time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from flyball.data.derivation.plan import find_plan
from flyball.data.derivation.timed import TIMES, Replay, Timed, UnknownPlanError
from flyball.data.history import known_until
from flyball.data.model import ARRIVAL, KNOWN_TIME, KNOWN_UNTIL, TIME

Function: TypeAlias = Callable[..., pl.LazyFrame]
Row: TypeAlias = tuple[int, int, int]
START = datetime(2013, 1, 1, tzinfo=UTC)
LAST = 12

_rows = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3), st.integers(0, LAST)), min_size=1, max_size=12)

EXACT: dict[str, Function] = {
    "select": lambda a, _: a.select("key", twice=pl.col("value") * 2),
    "filter": lambda a, _: a.filter(pl.col("value") > 1).rename({"value": "v"}),
    "selectors": lambda a, _: a.select(pl.all()).with_columns(pl.all().exclude("key") + 1).drop("key"),
    "inner join": lambda a, b: a.join(b, left_on="value", right_on="key"),
    "left join": lambda a, b: a.join(b, left_on="value", right_on="key", how="left"),
    "left join of a selection": lambda a, b: a.join(b.select(pl.col("key") + 1, z="value"), on="key", how="left"),
    "concat": lambda a, b: pl.concat([a, b.with_columns(pl.col("key") + 100)]),
    "joined with itself": lambda a, _: a.join(a, left_on="value", right_on="key", how="left"),
}  # fmt: skip
LATE: dict[str, Function] = {
    "group": lambda a, _: a.group_by("value").agg(pl.len().alias("n"), pl.col("key").max()),
    "over": lambda a, _: a.with_columns(total=pl.col("value").sum().over("key")),
    "mean": lambda a, _: a.select("key", above=pl.col("value") - pl.col("value").mean()),
    "filter of all": lambda a, _: a.filter(pl.col("value") > pl.col("value").mean()),
    "unique": lambda a, _: a.select("value").unique(),
    "sorted group": lambda a, _: a.sort("key", descending=True).group_by("value").agg(pl.col("key").first()),
    "nearest": lambda a, b: a.sort("value").join_asof(b.sort("value").rename({"key": "other"}), on="value"),
    "group of a join": lambda a, b: a.join(b, left_on="value", right_on="key").group_by("key").agg(pl.col("value_right").sum()),
    "literal": lambda a, _: a.select(pl.len()),
}  # fmt: skip
UNKNOWN: dict[str, Function] = {
    "head": lambda a, _: a.sort("key").head(3),
    "semi": lambda a, b: a.join(b, on="key", how="semi"),
    "anti": lambda a, b: a.join(b, on="key", how="anti"),
    "full": lambda a, b: a.join(b, on="key", how="full"),
    "cross": lambda a, b: a.join(b, how="cross"),
    "unique by": lambda a, _: a.unique("key"),
    "index": lambda a, _: a.with_row_index(),
    "diagonal": lambda a, b: pl.concat([a, b.rename({"value": "x"})], how="diagonal"),
    "rolling": lambda a, _: a.with_columns(pl.lit(START).alias("t")).rolling("t", period="1h").agg(pl.len()),
    "sql": lambda a, b: pl.SQLContext({"a": a, "b": b}, eager=False).execute("select a.key from a join b on a.key = b.key"),
    "map": lambda a, _: a.map_batches(lambda rows: rows),
}  # fmt: skip


def _time(hour: int) -> datetime:
    return START + timedelta(hours=hour)


def _history(rows: list[Row]) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema={"key": pl.Int64, "value": pl.Int64, "hour": pl.Int64}, orient="row").unique(
        ["key", "hour"], keep="last", maintain_order=True
    )
    known = (pl.lit(START, dtype=TIME) + pl.duration(hours=pl.col("hour"))).cast(TIME).alias(KNOWN_TIME)
    timed = frame.select("key", "value", known).with_row_index(ARRIVAL)
    return known_until(timed, ["key"]).select("key", "value", *TIMES)


def _as_of(rows: pl.DataFrame, hour: int) -> pl.DataFrame:
    until = pl.col(KNOWN_UNTIL)
    return rows.filter(pl.col(KNOWN_TIME) <= _time(hour), until.is_null() | (until > _time(hour))).drop(TIMES)


def _run(function: Function, one: pl.DataFrame, *, other: pl.DataFrame) -> Timed:
    schema = pl.Schema({"key": pl.Int64(), "value": pl.Int64()})
    plan = find_plan(lambda frames: function(*frames), [schema, schema])
    assert plan is not None
    return Replay(plan, [one.lazy(), other.lazy()]).run()


@pytest.mark.parametrize("name", EXACT)
@given(one=_rows, other=_rows)
def test_as_of_any_time_it_is_what_it_would_have_been(name: str, one: list[Row], other: list[Row]) -> None:
    a, b = _history(one), _history(other)
    made = _run(EXACT[name], a, other=b).rows.collect()
    for hour in range(LAST + 1):
        wanted = EXACT[name](_as_of(a, hour).lazy(), _as_of(b, hour).lazy()).collect()
        assert_frame_equal(_as_of(made, hour), wanted, check_row_order=False, check_column_order=False)


@pytest.mark.parametrize("name", LATE)
@given(one=_rows, other=_rows)
def test_what_looks_across_rows_is_right_now_and_never_early(
    name: str, one: list[tuple[int, int, int]], other: list[tuple[int, int, int]]
) -> None:
    a, b = _history(one), _history(other)
    found = _run(LATE[name], a, other=b)
    made = found.rows.collect()
    now = LATE[name](_as_of(a, LAST).lazy(), _as_of(b, LAST).lazy()).collect()
    assert not found.rowwise
    if name != "nearest":  # of equal partners any may be taken
        assert_frame_equal(_as_of(made, LAST), now, check_row_order=False, check_column_order=False)
    if name in {"mean", "filter of all", "literal"} and made.height:
        assert made[KNOWN_TIME].min() == _latest(a)


def _latest(history: pl.DataFrame) -> object:
    return history.filter(pl.col(KNOWN_UNTIL).is_null())[KNOWN_TIME].max()


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_is_not_understood_is_unknown(name: str) -> None:
    a = _history([(1, 2, 3)])
    with pytest.raises(UnknownPlanError):
        _run(UNKNOWN[name], a, other=a)


def test_a_function_that_looks_at_rows_has_no_plan() -> None:
    schema = pl.Schema({"key": pl.Int64()})
    assert find_plan(lambda frames: frames[0].collect().lazy(), [schema]) is None
    assert find_plan(lambda frames: frames[0].select(pl.lit(frames[0].select(pl.len()).collect().item())), [schema]) is None
    assert find_plan(lambda _: 5, [schema]) is None
