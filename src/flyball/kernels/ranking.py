"""How well scores order the rows: the area under the ROC curve and the average precision, with closed-form errors.

Only the order of the scores matters; ties count half in the ROC area and stand at one threshold in the precision. Everything
follows from one sort: within a group of equal scores all rows of a class are alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flyball.kernels.arrays import Floats, Ints, Numbers
from flyball.kernels.estimate import Estimate, Influence, Undefined, logit_wald, normal_quantile, paired, zeros_and_ones


@dataclass(frozen=True, slots=True)
class _Groups:
    """Rows of equal score, ascending: their numbers of positive and negative rows, and each row's group."""

    of_row: Ints
    positive: Floats
    negative: Floats


def _groups(labels: Floats, scores: Floats) -> _Groups:
    _, of_row = np.unique(scores, return_inverse=True)
    total = np.bincount(of_row).astype(np.float64)
    positive = np.bincount(of_row, weights=labels).astype(np.float64)
    return _Groups(of_row, positive, total - positive)


def _missing(labels: Floats) -> Estimate | None:
    if not len(labels):
        return Estimate.missing(Undefined.EMPTY)
    return Estimate.missing(Undefined.ONE_CLASS, len(labels)) if labels.min() == labels.max() else None


def _placements(labels: Floats, scores: Floats) -> tuple[float, Floats]:
    """The ROC area, and per row the share of the other class that it is ordered rightly against, ties half (DeLong 1988, eq. 5)."""
    groups = _groups(labels, scores)
    positives, negatives = groups.positive.sum(), groups.negative.sum()
    wins = np.cumsum(groups.negative) - groups.negative / 2
    beaten = (positives - np.cumsum(groups.positive) + groups.positive / 2) / positives
    area = float((groups.positive * wins).sum() / (positives * negatives))  # whole and half counts are exact: perfect order is 1.0
    return area, np.where(labels == 1, (wins / negatives)[groups.of_row], beaten[groups.of_row])


def _variance(labels: Floats, placements: Floats, *, area: float) -> float:
    """DeLong's variance: that of each class's mean placement, added (DeLong et al. 1988, eq. 8).

    With a single row in a class there is no spread to see, and the largest possible variance stands in its place
    (Birnbaum & Klose 1957).
    """
    classes = placements[labels == 1], placements[labels == 0]
    fewest = min(len(part) for part in classes)
    if fewest < 2:
        return area * (1 - area)
    return float(sum(part.var(ddof=1) / len(part) for part in classes))


def roc_auc(labels: Numbers, scores: Numbers, *, confidence: float = 0.95) -> Estimate:
    """The chance that a positive row scores above a negative one, ties counting half, with DeLong's standard error.

    Midranks make it O(n·log n) (Sun & Xu 2014, *IEEE Signal Processing Letters* 21, 1389). The interval is on the log-odds
    scale. Perfect order has no visible spread; then the lower end is (alpha/2)^(1/k) with k rows in the smaller class, since k
    disjoint pairs would all be in order with probability at most area^k; and likewise mirrored for perfectly reversed order.

    Shapes: labels ``(n,)`` of 0 and 1, scores ``(n,)`` finite. Undefined for no rows and for one class.

    >>> rng = np.random.default_rng(0)
    >>> labels = rng.random(400) < 0.5
    >>> found = roc_auc(labels, labels + rng.normal(size=400))
    >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
    (0.776, 0.728, 0.818)

    Raises:
        NotFiniteError: a score is NaN or infinite.
        RangeError: a label is neither 0 nor 1.
    """
    labels, scores = zeros_and_ones(labels, scores=scores)
    missing = _missing(labels)
    if missing is not None:
        return missing
    area, placements = _placements(labels, scores)
    error = _variance(labels, placements, area=area) ** 0.5
    estimate = logit_wald(area, error, n=len(labels), confidence=confidence)
    if 0 < area < 1:
        return estimate
    normal_quantile(confidence)
    reach = ((1 - confidence) / 2) ** (1 / min(labels.sum(), (1 - labels).sum()))
    low, high = (float(reach), 1.0) if area == 1 else (0.0, float(1 - reach))
    return Estimate(area, low, high, len(labels), error)


def paired_auc_difference(labels: Numbers, a: Numbers, *, than: Numbers, confidence: float = 0.95) -> Estimate:
    """The ROC area of scores a minus that of scores `than` on the same rows, with DeLong's covariance (1988, eq. 8-9).

    Shapes ``(n,)`` each. Undefined for no rows and for one class; equal scores differ by exactly 0 with error 0.

    >>> paired_auc_difference(np.array([0, 1, 0, 1]), np.array([1.0, 2, 3, 4]), than=np.array([4.0, 3, 2, 1])).value
    0.5

    Raises:
        NotFiniteError: a score is NaN or infinite.
        RangeError: a label is neither 0 nor 1.
    """
    labels, a, than = zeros_and_ones(labels, a=a, than=than)
    missing = _missing(labels)
    if missing is not None:
        return missing
    (area_a, places_a), (area_b, places_b) = _placements(labels, a), _placements(labels, than)
    value, n = area_a - area_b, len(labels)
    if min(labels.sum(), n - labels.sum()) < 2:
        return Estimate(value, None, None, n)
    error = _variance(labels, places_a - places_b, area=0.5) ** 0.5
    reach = normal_quantile(confidence) * error
    return Estimate(value, max(value - reach, -1.0), min(value + reach, 1.0), n, error)


def average_precision(labels: Numbers, scores: Numbers, *, confidence: float = 0.95) -> Estimate:
    """The mean over positive rows of the share of positives among the rows that score at least as high.

    This is the area under the precision-recall steps without interpolation; rows of equal score stand at one threshold. The
    error is by influence functions (see `_precision_influence`), the interval on the log-odds scale (Boyd et al. 2013, *ECML*, §4).
    Shapes: labels ``(n,)`` of 0 and 1, scores ``(n,)`` finite. Undefined for no rows and for one class.

    >>> round(average_precision(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8])).value, 4)
    0.8333

    Raises:
        NotFiniteError: a score is NaN or infinite.
        RangeError: a label is neither 0 nor 1.
    """
    labels, scores = zeros_and_ones(labels, scores=scores)
    missing = _missing(labels)
    if missing is not None:
        return missing
    influence = _precision_influence(labels, scores)
    return logit_wald(influence.value, influence.standard_error() or 0.0, n=len(labels), confidence=confidence)


def paired_precision_difference(labels: Numbers, a: Numbers, *, than: Numbers, confidence: float = 0.95) -> Estimate:
    """The average precision of scores a minus that of scores `than` on the same rows, by the rows' differences of influence."""
    labels, a, than = zeros_and_ones(labels, a=a, than=than)
    missing = _missing(labels)
    if missing is not None:
        return missing
    return paired(_precision_influence(labels, a), _precision_influence(labels, than), confidence=confidence)


def _precision_influence(labels: Floats, scores: Floats) -> Influence:
    """Average precision is E[y/p · A(s)/H(s)] with p = E[y], A(s) = E[y; S >= s], H(s) = P(S >= s).

    Its derivative towards a row (s', y') is ``y'/p · (A(s')/H(s') - AP)`` from the row's own place among the positives, plus
    ``E[y/p · (y'/H(s) - A(s)/H(s)²); s <= s']`` from the row's part in the precision at every threshold below it.
    """
    groups, n = _groups(labels, scores), len(labels)
    share = groups.positive.sum() / n
    reached = np.cumsum(groups.positive[::-1])[::-1] / n
    above = np.cumsum((groups.positive + groups.negative)[::-1])[::-1] / n
    precision = reached / above
    weight = groups.positive / n / share
    value = min(float((weight * precision).sum()), 1.0)  # the weights are thirds and the like, and add up to one but for rounding
    hits, dilution = np.cumsum(weight / above), np.cumsum(weight * precision / above)
    own = labels / share * (precision[groups.of_row] - value)
    return Influence(value, own + labels * hits[groups.of_row] - dilution[groups.of_row])
