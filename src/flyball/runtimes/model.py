"""What every runtime speaks: a manifest that says what a model takes, and a predictor that answers row by row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

Floats = npt.NDArray[np.float64]
Format = Literal["lightgbm", "linear", "blend", "pickle"]
Files = Mapping[str, bytes]


@dataclass(frozen=True, kw_only=True)
class ModelManifest:
    """What stands in a model's ``manifest.json``; `dtypes` are Polars' names of the features' types, in the order of `features`.

    `carries_code` marks formats that run code when they are loaded.
    """

    format: Format
    features: tuple[str, ...]
    dtypes: tuple[str, ...]
    task: Literal["binary", "regression"]
    carries_code: bool = False

    def to_json(self) -> dict[str, Any]:
        return {
            "format": self.format, "features": list(self.features), "dtypes": list(self.dtypes), "task": self.task,
            "carries_code": self.carries_code,
        }  # fmt: skip


class Predictor(Protocol):
    """A fitted model. A row's prediction depends on that row alone: neither on the rows beside it nor on their number or order.

    Thread-safe; never changes.
    """

    @property
    def manifest(self) -> ModelManifest: ...

    def predict(self, frame: pl.DataFrame) -> Floats:
        """P(positive) for a binary task, the value for a regression; float64, finite, ``(n_rows,)``.

        `frame` has at least the manifest's features.

        Raises:
            UnknownNameError: a feature is missing.
            PredictionError: a custom model answered something that is no prediction.
        """
        ...

    def dump(self) -> Files:
        """The model's own files by name, without the manifest; equal models give equal bytes."""
        ...
