"""A weighted mean of other models' predictions."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from flyball.core.canonical import canonical
from flyball.runtimes.columns import Columns, by_columns
from flyball.runtimes.model import Files, Floats, ModelManifest, Predictor


@dataclass(frozen=True)
class BlendPredictor:
    """A `Predictor` that is the weighted mean of its members; the weights sum to one."""

    manifest: ModelManifest
    members: tuple[Predictor, ...]
    weights: tuple[float, ...]

    def predict(self, frame: pl.DataFrame) -> Floats:
        return self._mean([member.predict(frame) for member in self.members], frame.height)

    def predict_columns(self, columns: Columns, n_rows: int) -> Floats:
        return self._mean([ask(columns, n_rows) for ask in map(by_columns, self.members) if ask is not None], n_rows)

    def _mean(self, said: Sequence[Floats], n_rows: int) -> Floats:
        total = np.zeros(n_rows)
        for one, weight in zip(said, self.weights, strict=True):
            total += weight * one
        return total

    def dump(self) -> Files:
        files = {"blend.json": canonical({"weights": self.weights}).encode()}
        for index, member in enumerate(self.members):
            files[f"{index}/manifest.json"] = canonical(member.manifest.to_json()).encode()
            files |= {f"{index}/{name}": data for name, data in member.dump().items()}
        return files

    @staticmethod
    def parse(manifest: ModelManifest, files: Files, *, parse: Callable[[Files], Predictor]) -> BlendPredictor:
        """The predictor that `dump` wrote; `parse` reads a member."""
        weights = tuple(json.loads(files["blend.json"])["weights"])
        members = []
        for index in range(len(weights)):
            start = f"{index}/"
            members.append(parse({name.removeprefix(start): data for name, data in files.items() if name.startswith(start)}))
        return BlendPredictor(manifest, tuple(members), weights)
