"""Rows as the matrix that a model of trees was fitted on: columns in its order, a category as its code, NaN for what it has not seen.

Unlike an `Encoder`, this knows nothing that was learnt from rows: it does what the model's own library does with a table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from flyball.core.errors import UnknownNameError
from flyball.runtimes.columns import Columns, Values, columns_of, list_of, numbers_of
from flyball.runtimes.model import Floats, Label


@dataclass(frozen=True)
class MatrixColumn:
    """A column by its name; a category has its `levels` in the order of their codes."""

    name: str
    levels: tuple[Label, ...] | None = None

    @cached_property
    def _codes(self) -> Mapping[Any, float]:
        return {level: float(code) for code, level in enumerate(self.levels or ())}

    def encode(self, values: Values) -> Floats:
        """The codes of the levels, NaN for what is none of them."""
        return np.array([self._codes.get(value, np.nan) for value in list_of(values)])


@dataclass(frozen=True)
class Matrix:
    """A row's numbers depend on that row alone. Immutable."""

    columns: tuple[MatrixColumn, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def transform(self, frame: pl.DataFrame) -> Floats:
        """The rows, ``(n_rows, n_columns)`` float64; NaN for null and for a level that is not among the column's.

        Raises:
            UnknownNameError: a column is missing.
            FeatureTypeError: a column holds what is no number.
        """
        return self.encode(columns_of(frame), frame.height)

    def encode(self, columns: Columns, n_rows: int) -> Floats:
        """As `transform`, of so many rows whose columns these are.

        Raises:
            UnknownNameError, FeatureTypeError: as there.
        """
        result = np.empty((n_rows, len(self.columns)))
        for place, column in enumerate(self.columns):
            if column.name not in columns:
                raise UnknownNameError("feature", column.name, known=columns, where="the rows to predict")
            values = columns[column.name]
            result[:, place] = numbers_of(column.name, values) if column.levels is None else column.encode(values)
        return result

    def to_json(self) -> list[dict[str, Any]]:
        """The columns as JSON."""
        return [{"name": column.name, "levels": None if column.levels is None else list(column.levels)} for column in self.columns]

    @staticmethod
    def from_json(data: Sequence[Mapping[str, Any]]) -> Matrix:
        """The matrix that `to_json` wrote."""
        return Matrix(tuple(MatrixColumn(item["name"], None if item["levels"] is None else tuple(item["levels"])) for item in data))
