"""What every runtime speaks: a manifest that says what a model takes, and a predictor that answers row by row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

Floats = npt.NDArray[np.float64]
Format = Literal[
    "lightgbm",
    "linear",
    "blend",
    "pickle",
    "trees",
    "xgboost",
    "onnx",
    "staged",
    "skops",
    "mlflow",
    "function",
    "exported",
    "torchscript",
    "graph",
]
Task = Literal["binary", "regression", "classes", "values"]
Label = str | int | float | bool
Files = Mapping[str, bytes]

APART: frozenset[Format] = frozenset({"pickle", "skops", "mlflow", "function", "exported", "torchscript"})
"""Formats that need a process of their own: what they load may run code, or is too heavy for a server."""


@dataclass(frozen=True, kw_only=True)
class ModelManifest:
    """What stands in a model's ``manifest.json``; `dtypes` are Polars' names of the features' types, in the order of `features`.

    `carries_code` marks formats that run code when they are loaded. A model that was made elsewhere may take whatever comes, and then
    names no features; of its `classes` the order is that of its probabilities.
    """

    format: Format
    features: tuple[str, ...]
    dtypes: tuple[str, ...]
    task: Task
    carries_code: bool = False
    classes: tuple[Label, ...] = ()

    @property
    def apart(self) -> bool:
        """Whether the model is loaded in a process of its own only."""
        return self.carries_code or self.format in APART

    def to_json(self) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "format": self.format, "features": list(self.features), "dtypes": list(self.dtypes), "task": self.task,
            "carries_code": self.carries_code,
        }  # fmt: skip
        return {**facts, "classes": list(self.classes)} if self.classes else facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a model says of itself once it is loaded: the names that it was fitted with, if it kept them, and its classes."""

    task: Task
    classes: tuple[Label, ...] = ()
    features: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {"task": self.task, "classes": list(self.classes), "features": list(self.features)}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Description:
        """The description that `to_json` wrote."""
        return Description(task=data["task"], classes=tuple(data["classes"]), features=tuple(data["features"]))


class Predictor(Protocol):
    """A fitted model. A row's prediction depends on that row alone: neither on the rows beside it nor on their number or order.

    Thread-safe; never changes.
    """

    @property
    def manifest(self) -> ModelManifest: ...

    def predict(self, frame: pl.DataFrame) -> Floats:
        """P(positive) for a binary task, the value for a regression; float64, finite, ``(n_rows,)``.

        For the task "classes" ``(n_rows, 1 + n_classes)``: the index of the class that the model says, then the probability of each,
        NaN where it has none. `frame` has at least the manifest's features.

        Raises:
            UnknownNameError: a feature is missing.
            PredictionError: a custom model answered something that is no prediction.
        """
        ...

    def dump(self) -> Files:
        """The model's own files by name, without the manifest; equal models give equal bytes."""
        ...
