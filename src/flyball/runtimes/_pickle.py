"""Models that carry code: the one module that may unpickle, imported inside a step's own process only."""

from __future__ import annotations

from typing import Any

import polars as pl

from flyball.core.optional import extra
from flyball.runtimes.custom import predict_with
from flyball.runtimes.model import Files, Floats, ModelManifest

with extra("train"):
    import cloudpickle  # type: ignore[import-untyped]  # it ships no types


class PickledPredictor:
    """A `Predictor` around any fitted object."""

    def __init__(self, manifest: ModelManifest, fitted: Any, *, data: bytes | None = None) -> None:
        self.manifest, self._fitted = manifest, fitted
        self._data = data

    def predict(self, frame: pl.DataFrame) -> Floats:
        return predict_with(self._fitted, frame, manifest=self.manifest)

    def dump(self) -> Files:
        return {"model.pkl": self._data or cloudpickle.dumps(self._fitted, protocol=5)}

    @staticmethod
    def parse(manifest: ModelManifest, files: Files) -> PickledPredictor:
        """The predictor that `dump` wrote. Runs the code that it carries."""
        data = files["model.pkl"]
        return PickledPredictor(manifest, cloudpickle.loads(data), data=data)
