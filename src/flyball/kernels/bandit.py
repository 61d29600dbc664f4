"""Which of several arms is best, as far as their rewards say: the probabilities by which Thompson sampling draws.

To draw every key's arm by these probabilities is Thompson sampling in batches: rewards that come later count at the next batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from flyball.kernels.errors import RangeError

_POINTS = 512


def best_probabilities(rewards: Sequence[tuple[float, float]]) -> list[float]:
    """The probability that each arm has the highest mean reward, in their order; they sum to 1.

    Of each arm: the sum of its rewards, each in [0, 1], and how many there were. Means are independent with a uniform prior, so an arm's
    is Beta(1 + sum, 1 + count - sum). P(arm k is best) is the mean over u of the others' distribution functions at the u-quantile of k,
    taken at 512 midpoints: the error is below 0.002. Deterministic.

    >>> best_probabilities([(0, 0), (0, 0)])
    [0.5, 0.5]
    >>> [round(found, 2) for found in best_probabilities([(10, 100), (20, 100)])]
    [0.02, 0.98]

    References: Thompson, "On the likelihood that one unknown probability exceeds another", Biometrika 25, 1933; Scott, "A modern
    Bayesian look at the multi-armed bandit", 2010, section 3.

    Raises:
        RangeError: a sum is negative or above its count, or there is no arm.
    """
    from scipy.special import betainc, betaincinv  # type: ignore[import-untyped]  # scipy ships no types

    if not rewards:
        raise RangeError("the number of arms", 0, need="one or more")
    for total, count in rewards:
        if not 0 <= total <= count or not np.isfinite(count):
            raise RangeError("a sum of rewards", total, need=f"between 0 and the count, {count:g}")
    won = np.array([1.0 + total for total, _ in rewards])
    lost = np.array([1.0 + count - total for total, count in rewards])
    middles = (np.arange(_POINTS) + 0.5) / _POINTS
    found = np.ones((len(rewards), _POINTS))
    for arm in range(len(rewards)):
        at = betaincinv(won[arm], lost[arm], middles)
        for other in range(len(rewards)):
            if other != arm:
                found[arm] *= betainc(won[other], lost[other], at)
    chances = found.mean(axis=1)
    return [float(chance) for chance in chances / chances.sum()]
