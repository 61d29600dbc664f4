"""Luck reaches the evidence that is asked for as seldom as it says, however often one looks; a real excess reaches it soon."""

from __future__ import annotations

import math

import numpy as np
import pytest

from flyball.kernels.sequential import exceedance_evidence, least_count


def ever_reached(share: float, *, limit: float, chance: float, runs: int, length: int) -> float:
    """The share of runs whose evidence reaches 1/chance at any of the looks after each trial."""
    draws = np.random.default_rng(7).random((runs, length)) < share
    least = np.array([least_count(n, limit=limit, chance=chance) or length + 1 for n in range(1, length + 1)])
    return float((draws.cumsum(axis=1) >= least).any(axis=1).mean())


@pytest.mark.parametrize("share", [0.01, 0.005])
def test_luck_is_ever_a_finding_as_seldom_as_stated(share: float) -> None:
    assert ever_reached(share, limit=0.01, chance=0.02, runs=4000, length=1000) <= 0.02


def test_a_real_excess_is_found_soon() -> None:
    assert ever_reached(0.05, limit=0.01, chance=0.001, runs=500, length=1000) > 0.99
    assert ever_reached(1.0, limit=0.01, chance=0.001, runs=1, length=3) == 1.0


def test_more_of_the_same_is_more_evidence() -> None:
    found = [exceedance_evidence(count, 300, limit=0.02) for count in range(301)]
    assert found == sorted(found)


def test_limits_at_their_ends() -> None:
    assert exceedance_evidence(3, 3, limit=1.0) == 0.0
    assert exceedance_evidence(0, 9, limit=0.0) == 1.0
    assert exceedance_evidence(1, 9, limit=0.0) == math.inf
    assert exceedance_evidence(10**6, 10**6, limit=0.01) > 1e300
    assert exceedance_evidence(0, 0, limit=0.5) == 1.0
