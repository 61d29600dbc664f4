"""Thompson sampling in batches: the shares are the probabilities of being best, whatever the counts."""

from __future__ import annotations

import numpy as np
import pytest

from flyball.kernels import RangeError
from flyball.kernels.bandit import best_probabilities


@pytest.mark.parametrize("seed", range(4))
def test_shares_are_how_often_a_draw_of_each_posterior_wins(seed: int) -> None:
    draw = np.random.default_rng(seed)
    counts = draw.integers(0, 300, 4)
    sums = [float(draw.uniform(0, count)) for count in counts]
    found = best_probabilities(list(zip(sums, map(float, counts), strict=True)))
    drawn = np.array([draw.beta(1 + total, 1 + count - total, 200_000) for total, count in zip(sums, counts, strict=True)])
    wins = np.bincount(drawn.argmax(axis=0), minlength=4) / drawn.shape[1]
    assert found == pytest.approx(wins.tolist(), abs=0.006)


def test_millions_of_rewards_leave_no_doubt_and_no_nan() -> None:
    assert best_probabilities([(5e6, 1e7), (5.1e6, 1e7), (0.0, 0.0)]) == pytest.approx([0.0, 0.51, 0.49], abs=0.01)


def test_one_arm_gets_all_and_equal_arms_get_equal_parts() -> None:
    assert best_probabilities([(3, 7)]) == [1.0]
    assert best_probabilities([(30, 70)] * 5) == pytest.approx([0.2] * 5)


def test_rewards_that_cannot_be_are_refused() -> None:
    for rewards in ([], [(2.0, 1.0)], [(-1.0, 1.0)], [(float("nan"), 1.0)], [(0.0, float("inf"))]):
        with pytest.raises(RangeError):
            best_probabilities(rewards)
