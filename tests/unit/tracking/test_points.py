"""Packing gives back what was packed; orders and samples are what a plain sort says."""

from __future__ import annotations

import math

import numpy as np
import pytest

from flyball.tracking.points import NOTHING, Columns, by_key, by_time, joined, pack, ranks, records, sampled, unpack

_I64 = np.iinfo(np.int64)


def _columns(*, times: list[int], steps: list[int], values: list[float]) -> Columns:
    return Columns(np.array(times, np.int64), np.array(steps, np.int64), np.array(values, np.float64))


def test_nothing_packs_to_nothing() -> None:
    assert len(unpack(pack(NOTHING))) == 0
    assert by_key([]) == {}
    assert joined([]) is NOTHING


def test_even_steps_cost_eight_bytes_a_point() -> None:
    even = _columns(times=list(range(0, 10_000, 10)), steps=list(range(1000)), values=[0.5] * 1000)
    assert len(pack(even)) < 8 * 1000 + 60


def test_the_extremes_survive() -> None:
    extreme = _columns(
        times=[int(_I64.min), int(_I64.max), 0, int(_I64.min)],
        steps=[int(_I64.max), int(_I64.min), -1, 5],
        values=[math.inf, -math.inf, math.nan, -0.0],
    )
    found = unpack(pack(extreme))
    assert found.times.tolist() == extreme.times.tolist()
    assert found.steps.tolist() == extreme.steps.tolist()
    assert found.values.tobytes() == extreme.values.tobytes()


def test_a_newer_form_is_refused() -> None:
    with pytest.raises(ValueError, match="form 2"):
        unpack(b"\x02" + pack(NOTHING)[1:])


def test_ranks_are_in_the_order_of_values_and_nan_is_above_all() -> None:
    values = np.array([-math.inf, -1.5, -5e-324, -0.0, 0.0, 5e-324, 1.5, math.inf, math.nan])
    assert (np.diff(ranks(values)) > 0).all()


def test_a_point_that_is_there_twice_is_once() -> None:
    twice = _columns(times=[1, 1, 1, 0], steps=[1, 1, 1, 9], values=[math.nan, math.nan, 1.0, 0.0])
    assert by_time(twice).times.tolist() == [0, 1, 1]


def test_samples_are_the_first_of_equal_shares_and_the_last_of_all() -> None:
    ten = _columns(times=list(range(10)), steps=list(range(10)), values=[0.0] * 10)
    assert sampled(ten, 3).steps.tolist() == [0, 4, 9]
    assert sampled(ten, 10) is ten
    assert sampled(ten, 1).steps.tolist() == [9]


def test_records_are_split_by_key_in_order() -> None:
    stored = [records([(7, 1, 10, 0.5), (3, 2, 20, 1.5)]), records([(7, 0, 30, 2.5)])]
    found = by_key(stored)
    assert {key: columns.values.tolist() for key, columns in found.items()} == {3: [1.5], 7: [0.5, 2.5]}
    assert found[7].times.tolist() == [10, 30]
