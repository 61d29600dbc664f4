"""The linear candidate: ridge and logistic regression by Newton's method in blocks of rows, with a fixed number of steps.

Numbers are standardised and categories become one column per level; the normal equations are summed over blocks, so that memory
does not grow with the rows (McCullagh & Nelder 1989, *Generalized Linear Models*, section 2.5).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from flyball.runtimes.linear import LinearPredictor, Term, sigmoid
from flyball.runtimes.model import Floats
from flyball.training.prepared import Prepared

DEFAULTS: Mapping[str, Any] = {"l2": 10.0, "levels": 64}
"""`l2` is the penalty on every weight but the intercept; of a category the `levels` most frequent get a weight of their own."""

_STEPS = 6
_BLOCK_ROWS = 8192


@dataclass(frozen=True)
class _Design:
    """Where each feature's columns stand in the expanded matrix; column 0 is the intercept."""

    means: Floats
    scales: Floats
    widths: tuple[int, ...]  # of each feature: 1 for a number, its levels for a category; one more for null follows
    categories: frozenset[int]

    @staticmethod
    def of(prepared: Prepared, levels: int) -> _Design:
        columns = prepared.encoder.columns
        widths = tuple(1 if column.kind == "number" else min(len(column.levels), levels) + 1 for column in columns)
        numbers = [index for index, column in enumerate(columns) if column.kind == "number"]
        means, scales = np.zeros(len(columns)), np.ones(len(columns))
        for index in numbers:
            values = prepared.matrix[:, index]
            values = values[~np.isnan(values)]
            if len(values):
                means[index] = values.mean()
                scales[index] = values.std() or 1.0
        return _Design(means, scales, widths, frozenset(prepared.encoder.categories))

    @property
    def width(self) -> int:
        return 1 + sum(self.widths) + len(self.widths)

    def expand(self, block: Floats) -> Floats:
        """The block's rows in the expanded columns, ``(n_rows, width)``."""
        result = np.zeros((len(block), self.width))
        result[:, 0] = 1.0
        rows, at = np.arange(len(block)), 1
        for index, width in enumerate(self.widths):
            values = block[:, index]
            null = np.isnan(values)
            if index in self.categories:
                known = ~null
                result[rows[known], at + np.minimum(values[known], width - 1).astype(np.int64)] = 1.0
            else:
                result[:, at] = np.where(null, 0.0, (values - self.means[index]) / self.scales[index])
            result[null, at + width] = 1.0
            at += width + 1
        return result

    def terms(self, weights: Floats) -> tuple[Term, ...]:
        """The weights, taken apart by feature."""
        found, at = [], 1
        for index, width in enumerate(self.widths):
            part = tuple(float(weight) for weight in weights[at : at + width])
            mean, scale = float(self.means[index]), float(self.scales[index])
            found.append(Term(part, float(weights[at + width]), mean, scale))
            at += width + 1
        return tuple(found)


def fit_linear(prepared: Prepared, settings: Mapping[str, Any]) -> LinearPredictor:
    """The linear model that `settings` (keys of `DEFAULTS`) ask for. The same rows and settings give the same bytes."""
    design = _Design.of(prepared, settings["levels"])
    penalty = np.full(design.width, float(settings["l2"]))
    penalty[0] = 1e-9
    weights = np.zeros(design.width)
    for _ in range(_STEPS if prepared.task == "binary" else 1):
        gradient, curvature = _sums(prepared, design, weights=weights)
        gradient -= penalty * weights
        curvature[np.diag_indices_from(curvature)] += penalty
        weights = weights + np.linalg.solve(curvature, gradient)
    return LinearPredictor(prepared.manifest("linear"), prepared.encoder, float(weights[0]), design.terms(weights))


def _sums(prepared: Prepared, design: _Design, *, weights: Floats) -> tuple[Floats, Floats]:
    gradient, curvature = np.zeros(design.width), np.zeros((design.width, design.width))
    binary = prepared.task == "binary"
    for start in range(0, len(prepared.label), _BLOCK_ROWS):
        block = design.expand(prepared.matrix[start : start + _BLOCK_ROWS])
        label = prepared.label[start : start + _BLOCK_ROWS]
        score = block @ weights
        mean = sigmoid(score) if binary else score
        spread = np.maximum(mean * (1 - mean), 1e-6) if binary else np.ones(len(label))
        gradient += block.T @ (label - mean)
        curvature += block.T @ (block * spread[:, None])
    return gradient, curvature
