"""Routing: the same everywhere, even over keys, and sticky when a share grows."""

from __future__ import annotations

import numpy as np
import pytest

from flyball.kernels import RangeError, route, uniform_keys
from flyball.kernels.routing import rendezvous

KEYS = [f"flight-{number}" for number in range(20_000)]


def test_places_are_fixed_for_ever() -> None:
    """These figures may never change: a deployment that runs would reshuffle its callers."""
    assert uniform_keys(["JFK-1", "LGA-2"], "late-arrival/3").tolist() == [0.17062535313363647, 0.3949150502086234]


def test_keys_spread_evenly() -> None:
    """Pearson's chi-square over 20 cells: 43.8 is its 99.9 % point with 19 degrees of freedom."""
    cells = np.bincount((uniform_keys(KEYS, "salt") * 20).astype(np.int64), minlength=20)
    assert ((cells - 1_000) ** 2 / 1_000).sum() < 43.8


def test_shares_get_their_part() -> None:
    counts = np.bincount(route(KEYS, "salt", shares=[0.05, 0.25, 0.7])) / len(KEYS)
    assert counts == pytest.approx([0.05, 0.25, 0.7], abs=0.01)


def test_a_share_that_grows_keeps_its_keys() -> None:
    small, large = (route(KEYS, "salt", shares=[share, 1 - share]) == 0 for share in (0.05, 0.25))
    assert large[small].all()


def test_another_salt_is_an_independent_draw() -> None:
    first, second = (route(KEYS, salt, shares=[0.5, 0.5]) for salt in ("a", "b"))
    assert abs((first == second).mean() - 0.5) < 0.02


def test_a_share_of_nothing_gets_nobody_and_all_gets_everybody() -> None:
    assert set(route(KEYS, "salt", shares=[0.0, 1.0, 0.0])) == {1}
    assert set(route(KEYS, "salt", shares=[1.0])) == {0}
    assert set(route(KEYS, "salt", shares=[1 / 3, 1 / 3, 1 / 3])) == {0, 1, 2}
    assert route([], "salt", shares=[1.0]).tolist() == []


def test_text_and_its_bytes_are_one_key() -> None:
    assert uniform_keys(["München"], "s").tolist() == uniform_keys(["München".encode()], "s").tolist()


def test_shares_that_are_none_are_refused() -> None:
    for shares in ([0.5, 0.6], [-0.1, 1.1], [], [float("nan"), 1.0]):
        with pytest.raises(RangeError):
            route(["a"], "salt", shares=shares)


def test_keys_meet_in_proportion_to_the_weights() -> None:
    found = rendezvous(KEYS, "salt", weights={"1": 6.0, "2": 3.0, "3": 1.0})
    assert [found.count(name) / len(KEYS) for name in "123"] == pytest.approx([0.6, 0.3, 0.1], abs=0.01)


def test_a_weight_that_grows_takes_keys_from_all_and_nobody_else_s_key_moves() -> None:
    before = rendezvous(KEYS, "salt", weights={"1": 0.5, "2": 0.3, "3": 0.2})
    after = rendezvous(KEYS, "salt", weights={"1": 0.5, "2": 0.6, "3": 0.2})
    moved = {(old, new) for old, new in zip(before, after, strict=True) if old != new}
    assert moved == {("1", "2"), ("3", "2")}


def test_where_keys_meet_is_fixed_for_ever() -> None:
    """As above: these answers may never change."""
    assert rendezvous(["JFK-1", "LGA-2", "EWR-3", "München"], "late", weights={"1": 1, "2": 1, "3": 1}) == ["3", "3", "2", "1"]


def test_weights_that_are_none_are_refused() -> None:
    for weights in ({}, {"1": 0.0}, {"1": -1.0, "2": 2.0}, {"1": float("nan")}, {"1": float("inf")}):
        with pytest.raises(RangeError):
            rendezvous(["a"], "salt", weights=weights)
