"""Any fitted object as a model: what it must have, how it is asked, and what counts as an answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from flyball.core.errors import UnknownNameError
from flyball.runtimes.errors import PredictionError
from flyball.runtimes.model import Floats, ModelManifest


def predict_with(fitted: Any, frame: pl.DataFrame, *, manifest: ModelManifest) -> Floats:
    """What `fitted` says of the rows: its `predict_proba` for a binary task where it has one, else its `predict`.

    It is given a Polars frame of the manifest's features; a scikit-learn estimator that was fitted on an array, an array.

    Raises:
        UnknownNameError: a feature is missing.
        PredictionError: the answer is no finite number for each row, or no probability for a binary task.
    """
    for name in manifest.features:
        if name not in frame.columns:
            raise UnknownNameError("feature", name, known=frame.columns, where="the rows to predict")
    rows = frame.select(manifest.features)
    ask = getattr(fitted, "predict_proba", None) if manifest.task == "binary" else None
    answer = (ask or fitted.predict)(_as_fitted(fitted, rows))
    return _checked(answer, rows.height, manifest=manifest)


def _as_fitted(fitted: Any, rows: pl.DataFrame) -> Any:
    estimator = any(kind.__module__.partition(".")[0] == "sklearn" for kind in type(fitted).__mro__)
    return rows.to_numpy() if estimator and not hasattr(fitted, "feature_names_in_") else rows


def _checked(answer: Any, n_rows: int, *, manifest: ModelManifest) -> Floats:
    if answer is None:
        raise PredictionError("it returned nothing. Return one number per row.")
    try:
        array = np.asarray(answer, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise PredictionError(f"it returned {type(answer).__name__}, which is no array of numbers ({error}).") from error
    if array.ndim == 2 and array.shape[1] in {1, 2}:
        array = array[:, -1]  # the last column is the positive class, as scikit-learn orders classes
    if array.shape != (n_rows,):
        raise PredictionError(f"its shape is {array.shape} for {n_rows} rows. Return one number per row.")
    wrong = np.flatnonzero(~np.isfinite(array))
    if len(wrong):
        raise PredictionError(
            f"{len(wrong)} of {n_rows} values are NaN or infinite, the first at row {wrong[0]}. Fill missing inputs first."
        )
    if manifest.task == "binary" and n_rows and (array.min() < 0 or array.max() > 1):
        raise PredictionError(f"a probability lies in [0, 1], but it returned {array.min():g} to {array.max():g}.")
    return array
