"""Exact sums over intervals: integers stay integers, floats are summed as integers too and rounded once at the end.

A finite double is an integer times a power of two. Cut at fixed powers of two into digits of 30 bits, doubles become at most
three integers each; int64 sums of fewer than 2**32 such digits are exact, hence free of any order (a superaccumulator; Neal 2015,
*Fast exact summation using small and large superaccumulators*, §2). So a sum depends on its members only, never on what else was asked,
and a running sum over the points may add and take away without losing a bit.
"""

from __future__ import annotations

import numpy as np

from flyball.kernels.arrays import Bools, Floats, Ints, Numbers
from flyball.kernels.errors import IntegerRangeError

DIGIT_BITS = 30
_MASK = (1 << DIGIT_BITS) - 1
_LOWEST = -1074  # the exponent of the smallest subnormal double


def sum_exactly(first: Ints, stop: Ints, *, values: Numbers, points: int) -> Floats | Ints:
    """Each point's sum over the values of the intervals first <= point < stop: exact int64, or the exact sum rounded to float64.

    Infinities win over finite values, and both together are NaN; NaN must have been left out. Shapes ``(n,)`` to ``(points,)``.

    >>> sum_exactly(np.zeros(3, int), np.ones(3, int), values=np.array([0.1, 0.2, -0.3]), points=1)
    array([2.77555756e-17])

    Raises:
        IntegerRangeError: an integer sum does not fit in 64 bits.
    """
    if values.dtype.kind == "f":
        return _sum_floats(first, stop, values=values, points=points)
    bound = max(abs(int(values.max())), abs(int(values.min()))) * len(values) if len(values) else 0
    if bound < 2**63:
        return _sum(first, stop, values=values.astype(np.int64), points=points)
    low, high = _sum(first, stop, values=values & 0xFFFFFFFF, points=points), _sum(first, stop, values=values >> 32, points=points)
    high += low >> 32
    if (high != high.astype(np.int32)).any():
        raise IntegerRangeError("sum of a window")
    return (high << 32) | (low & 0xFFFFFFFF)


def _sum(first: Ints, stop: Ints, *, values: Ints, points: int) -> Ints:
    """Each interval enters at its first point and leaves at its stop; integers (mod 2**64) leave no trace of what has left."""
    steps = np.zeros(points + 1, dtype=np.int64)
    held = np.flatnonzero(first < stop)
    np.add.at(steps, first[held], values[held])
    np.subtract.at(steps, stop[held], values[held])
    return np.cumsum(steps)[:points]


def _sum_floats(first: Ints, stop: Ints, *, values: Floats, points: int) -> Floats:
    finite = np.isfinite(values)
    total = _sum_finite(first[finite], stop[finite], values=values[finite], points=points)
    for sign in (np.inf, -np.inf):
        hit = values == sign
        if hit.any():
            reached = _sum(first[hit], stop[hit], values=np.ones(int(hit.sum()), np.int64), points=points) > 0
            total = np.where(reached, _joined(total, sign), total)
    return total


def _joined(total: Floats, sign: float) -> Floats:
    return np.where(np.isinf(total) & (np.sign(total) != np.sign(sign)), np.nan, sign)


def _sum_finite(first: Ints, stop: Ints, *, values: Floats, points: int) -> Floats:
    kept = np.flatnonzero(values != 0)
    if not len(kept):
        return np.zeros(points)
    first, stop = first[kept], stop[kept]
    fraction, exponents = np.frexp(values[kept])
    mantissa = np.ldexp(fraction, 53).astype(np.int64)
    exponent = exponents.astype(np.int64) - 53
    unit = int((exponent + np.frexp((mantissa & -mantissa).astype(np.float64))[1] - 1).min())
    if int(exponents.max()) + len(kept).bit_length() - unit < 63:
        return _ldexp(_sum(first, stop, values=np.ldexp(values[kept], -unit).astype(np.int64), points=points), unit)
    place, shift = np.divmod(exponent - _LOWEST, DIGIT_BITS)
    base = int(place.min())
    digits = np.zeros((int(place.max()) - base + 5, points), dtype=np.int64)
    for offset, digit in enumerate(_digits(mantissa, shift)):
        for level in np.unique(place):
            mine = np.flatnonzero((place == level) & (digit != 0))
            digits[int(level) - base + offset] += _sum(first[mine], stop[mine], values=digit[mine], points=points)
    return _rounded(digits, base * DIGIT_BITS + _LOWEST)


def _digits(mantissa: Ints, shift: Ints) -> tuple[Ints, Ints, Ints]:
    """The digits of mantissa * 2**shift, lowest first, each with the sign of the mantissa and below 2**30 in size."""
    sign, size = np.sign(mantissa), np.abs(mantissa)
    low = (size & ((1 << (DIGIT_BITS - shift)) - 1)) << shift
    rest = size >> (DIGIT_BITS - shift)
    return sign * low, sign * (rest & _MASK), sign * (rest >> DIGIT_BITS)


def _rounded(digits: Ints, exponent: int) -> Floats:
    """The double nearest to the sum of digits[i] * 2**(30 * i + exponent), per column; ties to even."""
    size, negative = _magnitude(digits)
    padded = np.concatenate([np.zeros((2, size.shape[1]), dtype=np.int64), size])
    column = np.arange(size.shape[1])
    top = len(padded) - 1 - np.argmax(padded[::-1] > 0, axis=0)
    top = np.maximum(top, 2)
    lead, second, third = (padded[top - back, column] for back in range(3))
    bits = np.maximum(np.frexp(lead.astype(np.float64))[1].astype(np.int64), 1)
    lower = np.cumsum(padded > 0, axis=0)
    sticky = (np.where(top > 2, lower[top - 3, column], 0) > 0) | ((third & ((1 << np.maximum(bits - 2, 0)) - 1)) > 0)
    cut = np.where(bits >= 2, third >> np.maximum(bits - 2, 0), third << 1)
    joined = (lead << (62 - bits)) | (second << (32 - bits)) | cut | sticky
    value = _ldexp(joined, (top - 2) * DIGIT_BITS + exponent - (62 - bits))
    return np.where(negative, -value, value)


def _magnitude(digits: Ints) -> tuple[Ints, Bools]:
    """The digits after carrying, all in [0, 2**30), of the absolute value, and whether the value is negative."""
    carried = _carried(digits)
    negative = carried[-1] < 0
    return _carried(np.where(negative, -digits, digits)), negative


def _carried(digits: Ints) -> Ints:
    """The same value with every digit but the highest in [0, 2**30); the highest has the sign of the value."""
    result, carry = np.empty_like(digits), np.zeros(digits.shape[1], dtype=np.int64)
    for index, digit in enumerate(digits[:-1]):
        whole = digit + carry
        result[index], carry = whole & _MASK, whole >> DIGIT_BITS
    result[-1] = digits[-1] + carry
    return result


def _ldexp(whole: Ints, exponent: Ints | int) -> Floats:
    with np.errstate(over="ignore"):
        return np.ldexp(whole.astype(np.float64), exponent)
