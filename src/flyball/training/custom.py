"""A user's own training function: what it is given, and what counts as a model that it returned."""

from __future__ import annotations

import random  # noqa: TID251 - it is seeded for the user's code, never drawn from
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from flyball.data.model import TIME
from flyball.runtimes._pickle import PickledPredictor
from flyball.runtimes.model import ModelManifest, Predictor
from flyball.training.errors import TrainingFunctionError
from flyball.training.model import TaskName, TrainingSet
from flyball.training.rows import Rows

TrainingFunction = Callable[[TrainingSet], Any]


def training_set(rows: Rows, *, task: TaskName, metric: str, seed: int) -> TrainingSet:
    """The rows as a training function sees them; the label is a copy, so that the function may change it."""
    times = pl.Series("prediction_time", rows.time).cast(TIME)
    return TrainingSet(rows.features, rows.label.copy(), times, task, metric, seed)


def fit_custom(function: TrainingFunction, given: TrainingSet) -> Predictor:
    """The model that `function` returns for the training set. The global generators are seeded first, since libraries use them.

    Raises:
        TrainingFunctionError: it returned nothing, or something that cannot predict.
    """
    name = getattr(function, "__name__", type(function).__name__)
    random.seed(given.seed)
    np.random.seed(given.seed)  # noqa: NPY002 - scikit-learn draws from the global generator
    fitted = function(given)
    if fitted is None:
        raise TrainingFunctionError(name, "returned nothing. End it with `return model`.")
    if isinstance(fitted, type) or not (callable(getattr(fitted, "predict", None)) or callable(getattr(fitted, "predict_proba", None))):
        raise TrainingFunctionError(
            name, f"returned {type(fitted).__name__}, which has neither `predict` nor `predict_proba`. Return the fitted model."
        )
    if isinstance(getattr(fitted, "manifest", None), ModelManifest):
        own: Predictor = fitted
        return own
    dtypes = tuple(str(dtype) for dtype in given.features.dtypes)
    features = tuple(given.features.columns)
    manifest = ModelManifest(format="pickle", features=features, dtypes=dtypes, task=given.task, carries_code=True)
    return PickledPredictor(manifest, fitted)
