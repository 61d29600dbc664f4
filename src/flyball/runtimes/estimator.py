"""A fitted object of somebody's notebook as a model: what it is given, and what its answers mean, in its own words.

It is asked with a table of the names that it was fitted with (pandas' where that is installed, else Polars') or, where it was fitted
on arrays, with an array. Classes are what its `classes_` are; nothing is decided by a threshold of ours.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from flyball.core.errors import UnknownNameError
from flyball.runtimes.errors import PredictionError, UnservableError
from flyball.runtimes.model import Description, Files, Floats, Label, ModelManifest


class EstimatorPredictor:
    """A `Predictor` around a fitted object with `predict`, and `predict_proba` where it has one."""

    def __init__(self, manifest: ModelManifest, fitted: Any, *, files: Files) -> None:
        self.manifest, self.fitted, self._files = manifest, fitted, files
        if not callable(getattr(fitted, "predict", None)):
            raise UnservableError(f"what was logged is a {type(fitted).__name__}, which has no `predict`")
        names = tuple(str(name) for name in getattr(fitted, "feature_names_in_", ()))
        classes = classes_of(fitted)
        self.description = Description(task="classes" if classes else "regression", classes=classes, features=names)
        self._index = {label: float(index) for index, label in enumerate(classes)}

    def predict(self, frame: pl.DataFrame) -> Floats:
        names = self.manifest.features or self.description.features
        for name in names:
            if name not in frame.columns:
                raise UnknownNameError("feature", name, known=frame.columns, where="the rows to predict")
        rows = frame.select(names) if names else frame
        if not rows.height:
            return np.empty((0, 1 + len(self._index)) if self._index else 0)
        given = self.given(rows)
        said = np.asarray(self.fitted.predict(given))
        return self._classes(said, given) if self._index else values_of(said, rows.height)

    def dump(self) -> Files:
        return self._files

    def given(self, rows: pl.DataFrame) -> Any:
        """The rows as the fitted object takes them."""
        own = any(kind.__module__.partition(".")[0] in {"sklearn", "lightgbm", "xgboost"} for kind in type(self.fitted).__mro__)
        if own and not self.description.features:
            return as_array(rows)
        return as_table(rows.select(self.description.features) if self.description.features else rows)

    def _classes(self, said: Any, given: Any) -> Floats:
        n_rows = len(said)
        result = np.full((n_rows, 1 + len(self._index)), np.nan)
        labels = said.reshape(n_rows, -1)[:, 0].tolist() if n_rows else []
        unknown = next((label for label in labels if label not in self._index), None)
        if unknown is not None:
            raise PredictionError(f"it said {unknown!r}, which is none of its classes {', '.join(map(repr, list(self._index)[:12]))}.")
        result[:, 0] = [self._index[label] for label in labels]
        ask = getattr(self.fitted, "predict_proba", None)
        if ask is not None:
            probabilities = np.asarray(ask(given), dtype=np.float64)
            if probabilities.shape != (n_rows, len(self._index)):
                raise PredictionError(f"its probabilities have the shape {probabilities.shape}, not one per row and class.")
            result[:, 1:] = probabilities
        return result


def classes_of(fitted: Any) -> tuple[Label, ...]:
    """The classes of a classifier as plain values, in the order of its probabilities; none for any other model.

    Raises:
        UnservableError: it says several things of one row.
    """
    found = getattr(fitted, "classes_", None)
    if found is None or not callable(getattr(fitted, "predict", None)) or _kind_of(fitted) in {"clusterer", "outlier_detector"}:
        return ()
    if isinstance(found, list) and found and isinstance(found[0], np.ndarray):
        raise UnservableError(f"it gives {len(found)} classes for each row; one is served")
    return tuple(plain(label) for label in np.asarray(found).tolist())


def _kind_of(fitted: Any) -> str | None:
    tags = getattr(fitted, "__sklearn_tags__", None)
    kind = getattr(tags(), "estimator_type", None) if tags is not None else getattr(fitted, "_estimator_type", None)
    return None if kind is None else str(kind)


def plain(label: Any) -> Label:
    """The label as JSON can say it.

    Raises:
        UnservableError: it is neither text nor number.
    """
    if isinstance(label, str | bool | int) or (isinstance(label, float) and math.isfinite(label)):
        return label
    raise UnservableError(f"one of its classes is {label!r}, which is neither text nor number")


def values_of(said: Any, n_rows: int) -> Floats:
    """One finite number per row.

    Raises:
        PredictionError: it is something else.
    """
    try:
        array = np.asarray(said, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise PredictionError(f"it returned {type(said).__name__}, which is no array of numbers ({error}).") from error
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.shape != (n_rows,):
        raise PredictionError(f"its shape is {array.shape} for {n_rows} rows. One value per row is served.")
    if not np.isfinite(array).all():
        raise PredictionError(f"{int((~np.isfinite(array)).sum())} of {n_rows} values are NaN or infinite.")
    return array


def as_array(rows: pl.DataFrame) -> Any:
    """The rows as numpy's array: float64 where all columns are numbers, else objects."""
    numbers = all(dtype.is_numeric() or dtype in {pl.Boolean, pl.Null} for dtype in rows.dtypes)
    return rows.select(pl.all().cast(pl.Float64)).to_numpy() if numbers else np.array(rows.rows(), dtype=object)


def as_table(rows: pl.DataFrame) -> Any:
    """The rows as a table by name: of pandas where that is installed; a whole number that is missing somewhere makes floats, as there."""
    gaps = [name for name, dtype in rows.schema.items() if dtype.is_integer() and rows[name].null_count()]
    rows = rows.with_columns(pl.col(gaps).cast(pl.Float64)) if gaps else rows
    try:
        import pandas as pd  # type: ignore[import-not-found,import-untyped,unused-ignore]  # it may not be there
    except ModuleNotFoundError:
        return rows
    return pd.DataFrame({name: _for_pandas(rows[name]) for name in rows.columns})


def _for_pandas(series: pl.Series) -> Any:
    if series.dtype.is_numeric() or (series.dtype == pl.Boolean and not series.null_count()):
        return series.to_numpy()
    if series.dtype.is_temporal():
        return series.to_numpy()
    return np.array(series.to_list(), dtype=object)


def told_values(said: Any, n_rows: int) -> list[Label]:
    """What any function answered as one plain value per row.

    Raises:
        PredictionError: it is not that.
    """
    found = _flat(said)
    if len(found) != n_rows:
        raise PredictionError(f"it gave {len(found)} values for {n_rows} rows. One per row is served.")
    odd = next((value for value in found if not _is_plain(value)), None)
    if odd is not None:
        raise PredictionError(f"it gave {str(odd)[:60]!r} for a row, which is neither a text nor a finite number.")
    return found


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value))


def _flat(said: Any) -> list[Any]:
    if hasattr(said, "to_numpy"):  # a table or a column of pandas
        said = said.to_numpy()
    if isinstance(said, Mapping):
        said = next(iter(said.values())) if len(said) == 1 else [said]
    array = np.asarray(said)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    found: list[Any] = array.tolist() if array.ndim else [array.item()]
    return found
