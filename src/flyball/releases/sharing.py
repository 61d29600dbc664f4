"""Ways to share an endpoint's rows, checked once where a person names them: what is made here can stand in a plan."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime

from flyball.kernels.bandit import best_probabilities
from flyball.releases.errors import PolicyError
from flyball.serving.policies import Arm, Bandit, Learning, Policy, Segments, Weights

MOST_VERSIONS, MOST_VALUES = 16, 1000
"""Each version is held in memory by every model server; each value stands in the plan that all of them keep."""
_LONGEST_VALUE = 200
_SUM = 1e-6


def weights(shares: Mapping[int, float]) -> Weights:
    """Each version gets its share of the rows; one with a share of 0 gets none and is not named.

    >>> weights({1: 0.9, 2: 0.1}).shares
    {1: 0.9, 2: 0.1}

    Raises:
        PolicyError: a share is negative or no number, they do not sum to 1, or too many versions have one.
    """
    for number, share in shares.items():
        _check_version(number)
        if not (math.isfinite(share) and share >= 0):
            raise PolicyError(f"version {number} is given {share:g}")
    total = math.fsum(shares.values())
    if abs(total - 1) > _SUM:
        raise PolicyError(f"the shares sum to {total:g}, not to 1")
    given = {number: share for number, share in shares.items() if share > 0}
    if len(given) > MOST_VERSIONS:
        raise PolicyError(f"{len(given)} versions, but at most {MOST_VERSIONS} may share")
    return Weights(given)


def segments(column: str, values: Mapping[str, int]) -> Segments:
    """Rows with one of the values in `column` are that version's.

    Raises:
        PolicyError: there is no column or no value, a value is too long, or there are too many.
    """
    if not column:
        raise PolicyError("no column is named")
    if not 0 < len(values) <= MOST_VALUES:
        raise PolicyError(f"{len(values):,} values are named; between 1 and {MOST_VALUES:,} may be")
    for value, number in values.items():
        _check_version(number)
        if len(value) > _LONGEST_VALUE:
            raise PolicyError(f"a value has {len(value):,} characters; it may have {_LONGEST_VALUE}")
    if len(set(values.values())) > MOST_VERSIONS:
        raise PolicyError(f"more than {MOST_VERSIONS} versions are named")
    return Segments(column=column, values=dict(values))


def bandit(versions: Sequence[int], *, learns: Learning, since: datetime) -> Bandit:
    """The versions share the rows equally, until rewards of answers from `since` on say otherwise.

    Raises:
        PolicyError: fewer than two versions are named, one twice, or too many.
    """
    for number in versions:
        _check_version(number)
    if len(set(versions)) < len(versions):
        raise PolicyError("a version is named twice")
    if not 2 <= len(versions) <= MOST_VERSIONS:
        raise PolicyError(
            f"{len(versions)} {'is' if len(versions) == 1 else 'are'} named; a bandit has between 2 and {MOST_VERSIONS} versions"
        )
    begun = Bandit(shares={}, arms=dict.fromkeys(versions, Arm()), learns=learns, since=since.isoformat())
    return learnt(begun, begun.arms)


def learnt(bandit: Bandit, arms: Mapping[int, Arm]) -> Bandit:
    """The bandit when its versions have earned `arms`: each has the share by which it is probably the best, and at least the floor."""
    known = {number: arms.get(number, Arm()) for number in bandit.arms}
    chances = best_probabilities([(arm.total, arm.count) for arm in known.values()])
    free = 1 - bandit.floor * len(known)
    shares = {number: bandit.floor + free * chance for number, chance in zip(known, chances, strict=True)}
    return Bandit(shares=shares, arms=known, learns=bandit.learns, since=bandit.since, floor=bandit.floor)


def moved(before: Policy | None, after: Bandit) -> float:
    """The largest change of a share."""
    if not isinstance(before, Bandit):
        return 1.0
    return max(abs(share - before.shares.get(number, 0.0)) for number, share in after.shares.items())


def _check_version(number: int) -> None:
    if number < 1:
        raise PolicyError(f"{number} is no version")
