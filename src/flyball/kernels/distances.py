"""How far two histograms lie apart, and how values become histograms that can be kept, added and compared.

Bins are fixed by the reference once; afterwards only counts are needed. NaN and the two infinities have bins of their own, so
that a sensor that starts to fail is drift and not an error.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from flyball.kernels.arrays import Floats, Ints, Numbers, integers
from flyball.kernels.errors import RangeError, ShapeError

BINS = 10
LEVELS = 30


def numeric_edges(values: Numbers, bins: int = BINS) -> Floats:
    """Edges between which about equally many of the finite values lie; a value that fills a bin by itself gets its own.

    Distinct and ascending, at most 2 * bins. Of at most `bins` distinct values each gets its own bin (so a constant column has the
    bins below, equal and above). No finite values: no edges, one bin. Shapes: values ``(n,)`` to ``(m,)`` float64.

    >>> numeric_edges(np.arange(100.0), 4)
    array([25., 50., 75.])
    >>> numeric_edges(np.array([7.0, 7.0, np.nan])).tolist() == [7.0, np.nextafter(7.0, np.inf)]
    True
    """
    values = np.asarray(values, dtype=np.float64)
    ordered = np.sort(values[np.isfinite(values)])
    if not len(ordered):
        return np.zeros(0)
    distinct = np.unique(ordered)
    if len(distinct) <= bins:
        return np.unique(np.append(distinct, _above(distinct[-1:])))
    cuts = ordered[np.arange(1, bins) * len(ordered) // bins]
    edges, times = np.unique(cuts, return_counts=True)
    return np.unique(np.concatenate([edges, _above(edges[times > 1])]))


def _above(values: Floats) -> Floats:
    """The next double above each value; the greatest finite one stays."""
    return np.nextafter(values, np.finfo(np.float64).max)


def bin_numeric(values: Numbers, edges: Floats) -> Ints:
    """Counts of the values below the first edge, in [edge, next edge) …, from the last edge on; then -inf, +inf, NaN.

    Shapes: values ``(n,)``, edges ``(m,)`` ascending, result ``(m + 4,)`` int64; the counts sum to n.

    >>> bin_numeric(np.array([1.0, 5.0, 9.0, np.nan, np.inf]), np.array([5.0]))
    array([1, 2, 0, 1, 1])
    """
    values = np.asarray(values, dtype=np.float64)
    finite = len(edges) + 1
    place = np.searchsorted(edges, values, side="right")
    place[np.isneginf(values)], place[np.isposinf(values)], place[np.isnan(values)] = finite, finite + 1, finite + 2
    return np.bincount(place, minlength=finite + 3).astype(np.int64)


def category_levels(codes: Numbers, levels: int = LEVELS) -> Ints:
    """The most frequent codes, the most frequent first, of equally frequent ones the smaller first; negative codes are missing.

    >>> category_levels(np.array([3, 1, 1, -1, 2, 3]), 2)
    array([1, 3])
    """
    (codes,) = integers(codes=codes)
    found, counts = np.unique(codes[codes >= 0], return_counts=True)
    return found[np.argsort(-counts, kind="stable")[:levels]]


def categorical_counts(codes: Numbers, levels: Ints) -> Ints:
    """Counts of each level in its order, then of all other codes, then of missing (negative) ones; they sum to n.

    Codes must mean the same in every window. Shapes: codes ``(n,)``, levels ``(m,)`` distinct, result ``(m + 2,)`` int64.

    >>> categorical_counts(np.array([3, 1, 1, -1, 2, 3]), np.array([1, 3]))
    array([2, 2, 1, 1])
    """
    (codes,) = integers(codes=codes)
    order = np.argsort(levels)
    near = np.minimum(np.searchsorted(levels, codes, sorter=order), max(len(levels) - 1, 0))
    known = levels[order[near]] == codes if len(levels) else np.zeros(len(codes), dtype=np.bool_)
    place = np.where(known, order[near] if len(levels) else 0, len(levels))
    place[codes < 0] = len(levels) + 1
    return np.bincount(place, minlength=len(levels) + 2).astype(np.int64)


def psi(reference: Numbers, current: Numbers) -> Floats:
    """The population stability index: the sum over bins of (q - p) * ln(q / p), zero for equal shares, unbounded, symmetric.

    It is Jeffreys' divergence in nats (Jeffreys 1946, *Proc. R. Soc. A* 186, 453). An empty bin would make it infinite: the shares
    of both sides are mixed with the even share over the bins that either side uses, by the weight of half a row per bin
    on the smaller side. So equal shares are at exactly 0, whatever the numbers of rows. NaN where a side has no rows.
    Shapes: counts ``(..., n_bins)``, broadcast against each other; result ``(...)`` float64.

    >>> psi(np.array([50, 50]), np.array([[500, 500], [900, 100]])).round(3)
    array([0.   , 0.853])
    """
    reference, current = _counts(reference, current)
    used = (reference + current) > 0
    bins = used.sum(axis=-1, keepdims=True)
    rows = np.minimum(reference.sum(axis=-1, keepdims=True), current.sum(axis=-1, keepdims=True))
    weight = bins / np.maximum(bins + 2 * rows, 1)
    even = np.where(used, 1 / np.maximum(bins, 1), 1.0)
    p, q = ((1 - weight) * share + weight * even for share in (_shares(reference), _shares(current)))
    return np.asarray(np.where(used | np.isnan(p + q), (q - p) * np.log(q / p), 0.0).sum(axis=-1), dtype=np.float64)


def jensen_shannon(reference: Numbers, current: Numbers) -> Floats:
    """The Jensen-Shannon divergence in bits: 0 for equal shares, 1 for shares without a common bin, symmetric (Lin 1991, eq. 3.4).

    No smoothing is needed: each side is compared with the mean of both. Its square root is a metric. NaN where a side has no
    rows. Shapes: counts ``(..., n_bins)``, broadcast against each other; result ``(...)`` float64.

    >>> jensen_shannon(np.array([5, 5, 0]), np.array([[50, 50, 0], [0, 0, 3], [0, 10, 0]])).round(4)
    array([0.    , 1.    , 0.3113])
    """
    p, q = (_shares(counts) for counts in _counts(reference, current))
    middle = (p + q) / 2
    bits = (_relative(p, middle) + _relative(q, middle)) / 2
    return np.asarray(np.clip(bits, 0.0, 1.0), dtype=np.float64)


def leave_one_out(windows: Numbers, distance: Callable[[Numbers, Numbers], Floats]) -> Floats:
    """Each window's distance from the rest: `distance` of the sum of the other windows' counts and its own.

    Shapes: counts ``(n_windows, n_bins)`` to ``(n_windows,)``; a column of the matrix that `drift_thresholds` takes.

    >>> leave_one_out(np.array([[5, 5], [50, 50], [10, 0]]), jensen_shannon).round(3)
    array([0.001, 0.049, 0.311])
    """
    windows = np.asarray(windows)
    return distance(windows.sum(axis=0) - windows, windows)


def _counts(reference: Numbers, current: Numbers) -> tuple[Floats, Floats]:
    reference, current = np.asarray(reference, dtype=np.float64), np.asarray(current, dtype=np.float64)
    if reference.shape[-1:] != current.shape[-1:] or not reference.ndim:
        raise ShapeError("current", f"as many bins as in the reference are needed, not {current.shape} against {reference.shape}")
    for counts in (reference, current):
        if counts.size and not (counts >= 0).all():
            raise RangeError("a count", float(counts.min()), need="zero or more")
    return reference, current


def _shares(counts: Floats) -> Floats:
    total = counts.sum(axis=-1, keepdims=True)
    shares: Floats = np.divide(counts, total, out=np.full(counts.shape, np.nan), where=total > 0)
    return shares


def _relative(p: Floats, q: Floats) -> Floats:
    """Relative entropy of p to q in bits; 0 * log 0 is 0."""
    ratio = np.divide(p, q, out=np.ones(np.broadcast_shapes(p.shape, q.shape)), where=p != 0)
    return np.asarray((p * np.log2(ratio)).sum(axis=-1), dtype=np.float64)


def wasserstein(a: Numbers, weights_a: Numbers, *, b: Numbers, weights_b: Numbers) -> float:
    """How far the mass of one sample must be moved, on average, to become the other: the area between the two distributions.

    The 1-Wasserstein distance in one dimension (Vallender 1974, *Theory Probab. Appl.* 18, 784), in the values' unit. NaN where
    a side has no weight. Shapes: ascending finite values ``(n,)`` and ``(m,)`` with their weights.

    >>> wasserstein(np.array([1.0, 2.0]), np.array([1, 1]), b=np.array([2.0, 3.0]), weights_b=np.array([5, 5]))
    1.0
    """
    if not np.sum(weights_a) or not np.sum(weights_b):
        return float("nan")
    places = np.sort(np.concatenate([a, b]))
    shares = []
    for values, weights in ((a, weights_a), (b, weights_b)):
        ranks = np.concatenate([np.zeros(1), np.cumsum(weights)])
        shares.append(ranks[np.searchsorted(values, places[:-1], side="right")] / ranks[-1])
    return float((np.abs(shares[0] - shares[1]) * np.diff(places)).sum())
