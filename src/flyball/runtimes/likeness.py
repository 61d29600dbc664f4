"""Whether two forms of a model answer the same, row by row, with what they refuse counted as an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from flyball.runtimes.model import Floats, Predictor
from flyball.runtimes.sampling import Samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """What a comparison found: `max_abs_diff` of probabilities, or of values relative to those beyond 1, over `rows` rows.

    `labels` counts rows of different classes that no tie explains, `refused` those that one form refuses and the other answers.
    `never_null` are columns without which the original refuses a row, and so must the other form. `bounded` are columns in which the
    forms differ beyond single precision, or the original refuses there: a form may refuse such rows, never answer them otherwise.
    """

    rows: int
    logged: int
    max_abs_diff: float
    tolerance: float
    labels: int = 0
    refused: int = 0
    never_null: tuple[str, ...] = ()
    bounded: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        """Whether the other form may stand in for the original."""
        return self.labels == self.refused == 0 and self.max_abs_diff <= self.tolerance

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "never_null": list(self.never_null), "bounded": list(self.bounded), "same": self.same}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Likeness:
        """The value that `to_json` wrote."""
        facts = {name: value for name, value in data.items() if name != "same"}
        return Likeness(**{**facts, "never_null": tuple(data["never_null"]), "bounded": tuple(data.get("bounded", ()))})


def compare(original: Predictor, other: Predictor, *, samples: Samples, tolerance: float) -> Likeness:
    """How like the original the other form is on these rows."""
    found = Likeness(rows=0, logged=samples.n_logged, max_abs_diff=0.0, tolerance=tolerance)
    for rows in (samples.usual, samples.whole, samples.extremes, samples.unseen):
        if rows.height:
            found = _compared(original, other, rows=rows, found=found)
    never_null = []
    for name, rows in samples.missing.items():
        if all(_answer(original, row) is None for row in rows.iter_slices(1)):
            never_null.append(name)
        else:
            found = _compared(original, other, rows=rows, found=found)
    beyond = {name: _alike(original, other, rows=rows, tolerance=tolerance) for name, rows in samples.beyond.items()}
    return replace(
        found,
        rows=found.rows + sum(samples.missing[name].height for name in never_null) + sum(rows.height for rows in samples.beyond.values()),
        never_null=tuple(never_null),
        bounded=tuple(name for name, alike in beyond.items() if not alike),
    )


def _alike(original: Predictor, other: Predictor, *, rows: pl.DataFrame, tolerance: float) -> bool:
    found = Likeness(rows=0, logged=0, max_abs_diff=0.0, tolerance=tolerance)
    return all(_compared(original, other, rows=row, found=found).same for row in rows.iter_slices(1))


def _compared(original: Predictor, other: Predictor, *, rows: pl.DataFrame, found: Likeness) -> Likeness:
    ours, theirs = _answer(original, rows), _answer(other, rows)
    if ours is None or theirs is None:
        if rows.height == 1:
            return replace(found, rows=found.rows + 1, refused=found.refused + ((ours is None) != (theirs is None)))
        for row in rows.iter_slices(1):
            found = _compared(original, other, rows=row, found=found)
        return found
    difference, labels = _difference(ours, theirs, tolerance=found.tolerance)
    return replace(
        found, rows=found.rows + rows.height, max_abs_diff=max(found.max_abs_diff, difference), labels=found.labels + labels
    )  # fmt: skip


def _answer(model: Predictor, rows: pl.DataFrame) -> Floats | None:
    try:
        said: npt.NDArray[Any] = model.predict(rows)
    except Exception:  # noqa: BLE001 - whatever a model raises, it refuses the rows
        return None
    if said.dtype == object:
        return None
    return said if np.isfinite(said[:, 0] if said.ndim == 2 else said).all() else None


def _difference(ours: Floats, theirs: Floats, *, tolerance: float) -> tuple[float, int]:
    if ours.shape != theirs.shape:
        return float("inf"), len(ours)
    if ours.ndim == 1:
        return float((np.abs(ours - theirs) / np.maximum(1.0, np.abs(ours))).max()), 0
    chances = ours[:, 1:]
    if not (np.isnan(chances) == np.isnan(theirs[:, 1:])).all():
        return float("inf"), 0
    difference = np.nan_to_num(np.abs(chances - theirs[:, 1:])).max()
    other = ours[:, 0] != theirs[:, 0]
    sorted_chances = np.sort(np.nan_to_num(chances), axis=1)
    tied = sorted_chances[:, -1] - sorted_chances[:, -2] <= 2 * tolerance if chances.shape[1] > 1 else np.zeros(len(ours), bool)
    return float(difference), int((other & ~tied).sum())
