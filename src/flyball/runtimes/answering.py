"""What a model that was made elsewhere means by its numbers: a value, probabilities, or logits, as whoever brought it declared.

Nothing is guessed from the numbers themselves; what they cannot mean is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from flyball.runtimes.errors import PredictionError
from flyball.runtimes.linear import sigmoid
from flyball.runtimes.model import Floats, Label

Gives = Literal["value", "probabilities", "logits"]
_ROUNDING = 1e-3
"""How far probabilities that were added up in single precision may be from one."""


def answered(said: Any, n_rows: int, *, gives: Gives, classes: Sequence[Label] = ()) -> Floats:
    """What `said` means for `n_rows` rows, as a `Predictor` says it.

    Of two classes one number per row is that of the second.

    Raises:
        PredictionError: its shape or its numbers cannot mean that.
    """
    numbers = _floats(said)
    if gives == "value":
        return _values(numbers, n_rows)
    if not np.isfinite(numbers).all():
        raise PredictionError(f"{int((~np.isfinite(numbers)).sum())} of its {gives} for {n_rows} rows are NaN or infinite.")
    if gives == "logits":
        return classed(_chances(_shaped(numbers, n_rows, width=len(classes), gives=gives)))
    shaped = _shaped(numbers, n_rows, width=len(classes), gives=gives)
    sums = shaped.sum(axis=1) if shaped.ndim == 2 else np.ones(n_rows)
    if shaped.size and (shaped.min() < 0 or shaped.max() > 1 + _ROUNDING or np.abs(sums - 1).max() > _ROUNDING):
        raise PredictionError("its numbers are no probabilities. Where they are logits, declare it: -> logits(…).")
    return classed(shaped)


def classed(probabilities: Floats) -> Floats:
    """Probabilities with the index of the likeliest class before them, the first where several are; ``(n_rows, 1 + n_classes)``.

    Of two classes those of the second alone will do.
    """
    whole = np.column_stack([1.0 - probabilities, probabilities]) if probabilities.ndim == 1 else probabilities
    return np.column_stack([whole.argmax(axis=1), whole])


def _floats(said: Any) -> Floats:
    try:
        return np.asarray(said, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise PredictionError(f"it returned {type(said).__name__}, which is no array of numbers ({error}).") from error


def _values(numbers: Floats, n_rows: int) -> Floats:
    flat = numbers[:, 0] if numbers.ndim == 2 and numbers.shape[1] == 1 else numbers
    if flat.shape != (n_rows,):
        raise PredictionError(f"its shape is {numbers.shape} for {n_rows} rows. One value per row is served; declare classes if these are.")
    if not np.isfinite(flat).all():
        raise PredictionError(f"{int((~np.isfinite(flat)).sum())} of {n_rows} values are NaN or infinite.")
    return flat


def _shaped(numbers: Floats, n_rows: int, *, width: int, gives: str) -> Floats:
    if width == 2 and numbers.shape in {(n_rows,), (n_rows, 1)}:
        return numbers.reshape(n_rows)
    if numbers.shape != (n_rows, width):
        raise PredictionError(f"its {gives} have the shape {numbers.shape}, not one per row and class of {width}.")
    return numbers


def _chances(logits: Floats) -> Floats:
    if logits.ndim == 1:
        return sigmoid(logits)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True)) if logits.size else logits
    chances: Floats = powers / powers.sum(axis=1, keepdims=True)
    return chances
