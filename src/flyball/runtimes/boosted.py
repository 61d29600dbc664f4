"""Gradient-boosted trees in LightGBM's own text form."""

from __future__ import annotations

import json

import numpy as np
import polars as pl

from flyball.core.canonical import canonical
from flyball.runtimes.columns import Columns
from flyball.runtimes.encoder import Encoder
from flyball.runtimes.model import Files, Floats, ModelManifest
from flyball.runtimes.trees import Trees

THREADS = 1
"""Several threads meet at a barrier in every leaf: on two cores they train slower than one does, and policies and workers use the rest."""


class BoostedPredictor:
    """A `Predictor` of trees; `text` is LightGBM's model file, which carries no code."""

    def __init__(self, manifest: ModelManifest, encoder: Encoder, *, text: str) -> None:
        self.manifest, self.encoder, self._text = manifest, encoder, text
        self._booster = Trees(text, threads=THREADS)

    def predict(self, frame: pl.DataFrame) -> Floats:
        if not frame.height:
            return np.empty(0)
        return self._booster.predict(self.encoder.transform(frame))

    def predict_columns(self, columns: Columns, n_rows: int) -> Floats:
        return self._booster.predict(self.encoder.encode(columns, n_rows)) if n_rows else np.empty(0)

    def dump(self) -> Files:
        return {"model.txt": self._text.encode(), "encoder.json": canonical(self.encoder.to_json()).encode()}

    @staticmethod
    def parse(manifest: ModelManifest, files: Files) -> BoostedPredictor:
        """The predictor that `dump` wrote."""
        return BoostedPredictor(manifest, Encoder.from_json(json.loads(files["encoder.json"])), text=files["model.txt"].decode())
