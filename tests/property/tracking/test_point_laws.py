"""Points in columns behave as a sorted set of tuples does."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from flyball.tracking.points import Columns, Packed, after, by_step, by_time, pack, ranks, sampled, unpack
from flyball.tracking.sampling import sample

_longs = st.integers(-(2**63), 2**63 - 1)
_near = st.integers(-2, 2)
_points = st.lists(st.tuples(_near, _near, st.sampled_from([-1.0, 0.0, 0.5, float("inf")])), max_size=12)


def _columns(points: list[tuple[int, int, float]]) -> Columns:
    times, steps, values = zip(*points, strict=True) if points else ((), (), ())
    return Columns(np.array(times, np.int64), np.array(steps, np.int64), np.array(values, np.float64))


def _rows(columns: Columns) -> list[tuple[int, int, float]]:
    return list(zip(columns.times.tolist(), columns.steps.tolist(), columns.values.tolist(), strict=True))


@given(st.lists(st.tuples(_longs, _longs, st.floats(allow_nan=False)), max_size=20))
def test_unpack_takes_back_pack(points: list[tuple[int, int, float]]) -> None:
    assert _rows(unpack(pack(_columns(points)))) == points


@given(_points)
def test_order_is_that_of_a_sorted_set(points: list[tuple[int, int, float]]) -> None:
    assert _rows(by_time(_columns(points))) == sorted(set(points))
    assert _rows(by_step(_columns(points))) == sorted(set(points), key=lambda point: (point[1], point[0], point[2]))


@given(_points, st.tuples(_near, _near, st.sampled_from([-1.0, 0.0, 0.5])))
def test_after_a_mark_comes_what_is_above_it(points: list[tuple[int, int, float]], mark: tuple[int, int, float]) -> None:
    rank = int(ranks(np.array([mark[2]]))[0])
    assert _rows(after(_columns(points), (mark[0], mark[1], rank))) == [point for point in points if point > mark]


@given(st.integers(0, 60), st.integers(1, 30))
def test_a_sample_keeps_both_ends_and_is_no_longer_than_asked(count: int, most: int) -> None:
    found = sampled(_columns([(at, at, 0.0) for at in range(count)]), most).steps.tolist()
    assert len(found) == min(count, most)
    assert found == sorted(set(found))
    if count and most > 1:
        assert (found[0], found[-1]) == (0, count - 1)


@given(
    st.lists(st.lists(st.tuples(_near, st.integers(-6, 6), st.sampled_from([0.0, 0.5])), max_size=5), max_size=4),
    st.none() | st.tuples(st.integers(-7, 7), st.integers(-7, 7)),
    st.integers(1, 6),
)
def test_a_sample_of_parts_is_one_of_all(parts: list[list[tuple[int, int, float]]], asked: tuple[int, int] | None, most: int) -> None:
    start, end = asked or (None, None)
    packed = [Packed.of(pack(_columns(part))) for part in parts]
    found = sample([*packed, by_step(_columns([(9, 9, 9.0)]))], start=start, end=end, most=most)
    whole = by_step(_columns([point for part in [*parts, [(9, 9, 9.0)]] for point in part]))
    if start is not None and end is not None:
        whole = whole.take((whole.steps >= start) & (whole.steps <= end))
    assert _rows(found) == _rows(sampled(whole, most))
