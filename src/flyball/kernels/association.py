"""How much one column says of another: linear correlation, the correlation ratio, and mutual information."""

from __future__ import annotations

import numpy as np

from flyball.kernels.arrays import Floats, Ints, Numbers, integers


def pearson(x: Floats, y: Floats) -> float | None:
    """Pearson's linear correlation, of a flag (0 and 1) the point-biserial one; None where a side is constant.

    Shapes: finite values ``(n,)`` each.

    >>> pearson(np.array([1.0, 2.0, 3.0]), np.array([0.0, 0.0, 1.0]))
    0.866025
    """
    if len(x) < 2:
        return None
    x, y = _centred(x), _centred(y)
    scale = float(np.sqrt(np.dot(x, x)) * np.sqrt(np.dot(y, y)))
    return None if not scale else round(float(np.clip(np.dot(x, y) / scale, -1.0, 1.0)), 6)


def correlation_ratio(codes: Numbers, y: Floats) -> float | None:
    """Fisher's eta: the square root of the share of the variance of `y` that lies between the groups; None where `y` is constant.

    From 0 (the groups' means are equal) to 1 (a group tells `y`). Shapes: codes ``(n,)`` of 0 and more, finite values ``(n,)``.

    >>> correlation_ratio(np.array([0, 0, 1, 1]), np.array([1.0, 1.0, 5.0, 5.0]))
    1.0
    """
    (codes,) = integers(codes=codes)
    if len(y) < 2:
        return None
    y = _centred(y)
    whole = float(np.dot(y, y))
    if not whole:
        return None
    counts, sums = np.bincount(codes), np.bincount(codes, weights=y)
    between = float((np.square(sums[counts > 0]) / counts[counts > 0]).sum())
    return round(float(np.sqrt(np.clip(between / whole, 0.0, 1.0))), 6)


def mutual_information(a: Numbers, b: Numbers) -> float:
    """Bits that one code says of the other, less what chance alone gives so many rows (Miller 1955), at least 0.

    Shapes: codes ``(n,)`` of 0 and more.

    >>> a = np.tile([0, 1], 5000)
    >>> round(mutual_information(a, a), 2), mutual_information(a, np.repeat([0, 1], 5000))
    (1.0, 0.0)
    """
    a, b = integers(a=a, b=b)
    if not len(a):
        return 0.0
    table = _contingency(a, b).astype(np.float64)
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    joint = table / len(a)
    apart = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    bits = float((joint[joint > 0] * np.log2(joint[joint > 0] / apart[joint > 0])).sum())
    chance = (table.shape[0] - 1) * (table.shape[1] - 1) / (2 * len(a) * np.log(2))
    return round(max(0.0, bits - float(chance)), 6)


def _contingency(a: Ints, b: Ints) -> Ints:
    wide = int(b.max()) + 1
    return np.bincount(a * wide + b, minlength=(int(a.max()) + 1) * wide).reshape(-1, wide)


def _centred(values: Floats) -> Floats:
    """Without mean and scaled to 1, so that no square leaves the doubles."""
    values = np.asarray(values, dtype=np.float64)
    largest = float(np.abs(values).max(initial=0.0))
    values = values / largest if largest else values
    centred: Floats = values - values.mean()
    noise = 1e-12 * np.sqrt(len(values))
    return centred if float(np.abs(centred).max(initial=0.0)) > noise else np.zeros_like(centred)
