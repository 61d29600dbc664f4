"""Evidence that a share exceeds a limit, valid whenever one looks: watching until it is large enough does not make luck a finding.

The evidence is a mixture of likelihood ratios of larger shares against the limit. While the true share is at most the limit, it
is a nonnegative supermartingale that starts at 1, so that it ever reaches 1/a with a probability of at most a (Ville 1939;
Robbins 1970, *Annals of Mathematical Statistics* 41, 1397). What counts is that the trials are independent, not how many there will be.
"""

from __future__ import annotations

import math

_ALTERNATIVES = 12  # odds of 2, 4, …, 4096 times the limit's: the true one is at most a factor of 1.5 from one of them


def exceedance_evidence(count: int, trials: int, *, limit: float) -> float:
    """How much likelier `count` of `trials` is under larger shares than under `limit`; luck ever reaches 1/a in at most a of all cases.

    Grows with `count`. Infinite where the limit is 0 and something was counted; 0 where no share is larger. Trials independent, 0 <=
    count <= trials.

    >>> [round(exceedance_evidence(count, 100, limit=0.01), 1) for count in (1, 5, 10)]
    [0.1, 8.6, 185898.8]
    """
    if limit >= 1:
        return 0.0
    if limit <= 0:
        return math.inf if count else 1.0
    odds = limit / (1 - limit)
    larger = [odds * 2**step / (1 + odds * 2**step) for step in range(1, _ALTERNATIVES + 1)]
    logs = [count * math.log(share / limit) + (trials - count) * math.log((1 - share) / (1 - limit)) for share in larger if share < 1]
    if not logs:
        return 0.0
    top = max(logs)
    if top > 700:  # beyond what a float holds, and beyond any doubt
        return math.inf
    return math.exp(top) * math.fsum(math.exp(one - top) for one in logs) / _ALTERNATIVES


def least_count(trials: int, *, limit: float, chance: float) -> int | None:
    """The smallest count of which luck alone is ever the cause with a probability of at most `chance`; None where none of `trials` is.

    >>> least_count(200, limit=0.01, chance=0.001), least_count(1, limit=0.01, chance=0.001)
    (11, None)
    """
    low, high = 0, trials + 1
    while low < high:
        middle = (low + high) // 2
        if exceedance_evidence(middle, trials, limit=limit) * chance >= 1:
            high = middle
        else:
            low = middle + 1
    return low if low <= trials else None
