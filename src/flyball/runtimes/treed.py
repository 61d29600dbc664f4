"""What predictors of trees have in common that were trained elsewhere: columns in, a value or the classes' probabilities out."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import polars as pl

from flyball.runtimes.answering import classed
from flyball.runtimes.columns import Columns, columns_of
from flyball.runtimes.model import Floats, ModelManifest


class TreedPredictor(ABC):
    """A `Predictor` but for `dump`; `_scores` are what the trees say of rows, of which there is one at least."""

    manifest: ModelManifest

    def predict(self, frame: pl.DataFrame) -> Floats:
        return self.predict_columns(columns_of(frame), frame.height)

    def predict_columns(self, columns: Columns, n_rows: int) -> Floats:
        width = 1 + len(self.manifest.classes) if self.manifest.task == "classes" else 0
        if not n_rows:
            return np.empty((0, width) if width else 0)
        scores = self._scores(columns, n_rows)
        return classed(scores) if width else np.asarray(scores, dtype=np.float64)

    @abstractmethod
    def _scores(self, columns: Columns, n_rows: int) -> Floats:
        """A value of each row, or of each class; of two classes the second's may stand alone."""
