"""A linear model as JSON: standardised numbers, one weight per level of a category, and a logistic link where the task is binary."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from flyball.core.canonical import canonical
from flyball.runtimes.columns import Columns
from flyball.runtimes.encoder import Encoder
from flyball.runtimes.model import Files, Floats, ModelManifest


@dataclass(frozen=True)
class Term:
    """One feature's part of the score.

    A number adds `weights[0]` * (x - mean) / scale, and `missing` where it is null; a category adds `weights[code]`, where the
    last weight is that of unknown levels, and `missing` where it is null.
    """

    weights: tuple[float, ...]
    missing: float = 0.0
    mean: float = 0.0
    scale: float = 1.0


@dataclass(frozen=True)
class LinearPredictor:
    """A `Predictor` that sums its terms feature by feature, so that no row's rounding depends on the number of rows."""

    manifest: ModelManifest
    encoder: Encoder
    intercept: float
    terms: tuple[Term, ...]

    def predict(self, frame: pl.DataFrame) -> Floats:
        return self._linked(self.decide(self.encoder.transform(frame)))

    def predict_columns(self, columns: Columns, n_rows: int) -> Floats:
        return self._linked(self.decide(self.encoder.encode(columns, n_rows)))

    def _linked(self, score: Floats) -> Floats:
        return sigmoid(score) if self.manifest.task == "binary" else score

    def decide(self, matrix: Floats) -> Floats:
        """The sum of the terms for encoded rows, ``(n_rows,)``."""
        score = np.full(len(matrix), self.intercept)
        for index, (column, term) in enumerate(zip(self.encoder.columns, self.terms, strict=True)):
            values = matrix[:, index]
            null = np.isnan(values)
            if column.kind == "number":
                part = term.weights[0] * ((np.where(null, term.mean, values) - term.mean) / term.scale)
            else:
                codes = np.minimum(np.where(null, 0, values), len(term.weights) - 1).astype(np.int64)
                part = np.array(term.weights)[codes]
            score += np.where(null, term.missing, part)
        return score

    def dump(self) -> Files:
        data: dict[str, Any] = {"intercept": self.intercept, "terms": [asdict(term) for term in self.terms]}
        return {"linear.json": canonical(data).encode(), "encoder.json": canonical(self.encoder.to_json()).encode()}

    @staticmethod
    def parse(manifest: ModelManifest, files: Files) -> LinearPredictor:
        """The predictor that `dump` wrote."""
        data = json.loads(files["linear.json"])
        encoder = Encoder.from_json(json.loads(files["encoder.json"]))
        return LinearPredictor(manifest, encoder, data["intercept"], tuple(_term(term) for term in data["terms"]))


def _term(data: Mapping[str, Any]) -> Term:
    return Term(tuple(data["weights"]), data["missing"], data["mean"], data["scale"])


def sigmoid(score: Floats) -> Floats:
    """1 / (1 + exp(-score)), without overflow."""
    small = np.exp(-np.abs(score))
    result: Floats = np.where(score >= 0, 1.0, small) / (1.0 + small)
    return result
