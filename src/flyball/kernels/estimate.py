"""A figure with what is known about its error: value, interval, standard error, number of rows, or the reason why there is none.

Most metrics are smooth functions of means; each row then moves the metric by its *influence*, and the standard error is the spread
of the influences over the square root of their number (van der Vaart 1998, *Asymptotic Statistics*, §20.1). The error of a paired
difference is the spread of the rows' differences of influence: whatever both models find hard cancels. No resampling is needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist

import numpy as np

from flyball.kernels.arrays import Floats, Numbers
from flyball.kernels.errors import NotFiniteError, RangeError, ShapeError

UNBOUNDED = (float("-inf"), float("inf"))


class Undefined(StrEnum):
    """Why a figure does not exist on these rows."""

    EMPTY = "no rows"
    ONE_CLASS = "one class only"
    CONSTANT = "all labels are equal"


@dataclass(frozen=True, slots=True)
class Estimate:
    """Either `value` is a number or `undefined` says why there is none; never both, never neither.

    `low` and `high` are the ends of the two-sided interval at the confidence that was asked for; they and `standard_error` are
    None where the value is undefined or one row cannot show a spread. `n` counts the rows behind the figure.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    standard_error: float | None = None
    undefined: Undefined | None = None

    @staticmethod
    def missing(reason: Undefined, n: int = 0) -> Estimate:
        """No value, for `reason`."""
        return Estimate(None, None, None, n, None, reason)

    def negated(self) -> Estimate:
        """The estimate of minus the quantity: value and interval change sign and sides.

        >>> Estimate(0.5, 0.4, 0.75, 10).negated()
        Estimate(value=-0.5, low=-0.75, high=-0.4, n=10, standard_error=None, undefined=None)
        """
        value, low, high = (None if number is None else 0.0 - number for number in (self.value, self.high, self.low))
        return Estimate(value, low, high, self.n, self.standard_error, self.undefined)


@dataclass(frozen=True, slots=True)
class Influence:
    """A metric's value and, per row, how far the row moves it: ``(n,)`` float64, mean zero."""

    value: float
    rows: Floats

    def standard_error(self) -> float | None:
        """The spread of the rows over the square root of their number; None for a single row."""
        n = len(self.rows)
        return float(self.rows.std(ddof=1)) / n**0.5 if n > 1 else None


def normal_quantile(confidence: float) -> float:
    """The standard normal lies within plus and minus this number with probability `confidence`.

    >>> round(normal_quantile(0.95), 6)
    1.959964

    Raises:
        RangeError: `confidence` is not between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise RangeError("confidence", confidence, need="between 0 and 1")
    return NormalDist().inv_cdf((1 + confidence) / 2)


def wald(influence: Influence, *, confidence: float, bounds: tuple[float, float] = UNBOUNDED) -> Estimate:
    """Value plus and minus a normal quantile of standard errors, cut at the bounds that the metric cannot leave."""
    error, n = influence.standard_error(), len(influence.rows)
    if error is None:
        return Estimate(influence.value, None, None, n)
    reach = normal_quantile(confidence) * error
    return Estimate(influence.value, max(influence.value - reach, bounds[0]), min(influence.value + reach, bounds[1]), n, error)


def logit_wald(value: float, error: float, *, n: int, confidence: float) -> Estimate:
    """A Wald interval on the log-odds scale, so that it stays within (0, 1) and is asymmetric where the value is near an end.

    At 0 and 1 themselves there is no log-odds and the interval is the plain one, cut (Pepe 2003, *Statistical Evaluation of
    Medical Tests*, §5.2).
    """
    reach = normal_quantile(confidence) * error
    if not 0 < value < 1:
        return Estimate(value, max(value - reach, 0.0), min(value + reach, 1.0), n, error)
    odds, reach = value / (1 - value), reach / (value * (1 - value))
    low, high = (float(1 / (1 + np.exp(-np.clip(np.log(odds) + side * reach, -700, 700)))) for side in (-1, 1))
    return Estimate(value, low, high, n, error)


def paired(a: Influence, b: Influence, *, confidence: float) -> Estimate:
    """A minus b where both stand on the same rows in the same order: the error is that of the rows' differences."""
    return wald(Influence(a.value - b.value, a.rows - b.rows), confidence=confidence)


def unpaired_difference(a: Estimate, b: Estimate, *, confidence: float = 0.95) -> Estimate:
    """A minus b of figures from different rows: squared standard errors add. Undefined where either is.

    >>> unpaired_difference(Estimate(0.7, 0.6, 0.8, 50, 0.03), Estimate(0.6, 0.5, 0.7, 50, 0.04)).standard_error
    0.05
    """
    reason, n = a.undefined or b.undefined, a.n + b.n
    if a.value is None or b.value is None:
        return Estimate.missing(reason or Undefined.EMPTY, n)
    value = a.value - b.value
    if a.standard_error is None or b.standard_error is None:
        return Estimate(value, None, None, n)
    error = float(np.hypot(a.standard_error, b.standard_error))
    reach = normal_quantile(confidence) * error
    return Estimate(value, value - reach, value + reach, n, error)


def real_numbers(**columns: Numbers) -> tuple[Floats, ...]:
    """The columns as finite float64 of one length.

    Raises:
        ShapeError: a column is not one-dimensional, not of numbers, or differs in length from the first.
        NotFiniteError: a column holds NaN or an infinity.
    """
    arrays: list[Floats] = []
    for name, column in columns.items():
        array = np.asarray(column)
        if array.ndim != 1 or (array.size and array.dtype.kind not in "biuf"):
            raise ShapeError(name, f"one dimension of numbers is needed, not {array.ndim} of {array.dtype}")
        if arrays and len(array) != len(arrays[0]):
            raise ShapeError(name, f"{len(arrays[0])} values are needed, not {len(array)}")
        array = array.astype(np.float64)
        wrong = np.flatnonzero(~np.isfinite(array))
        if len(wrong):
            raise NotFiniteError(name, len(wrong), first=int(wrong[0]))
        arrays.append(array)
    return tuple(arrays)


def zeros_and_ones(labels: Numbers, **scores: Numbers) -> tuple[Floats, ...]:
    """The labels as 0.0 and 1.0, and the scores as finite float64 of the same length.

    Raises:
        RangeError: a label is neither 0 nor 1.
    """
    arrays = real_numbers(labels=labels, **scores)
    wrong = np.flatnonzero((arrays[0] != 0) & (arrays[0] != 1))
    if len(wrong):
        raise RangeError("labels", float(arrays[0][wrong[0]]), need="0 or 1")
    return arrays
