"""What a model's numbers say of rows: the score that is logged, the prediction that is told, and what else it said.

A binary label of a project is decided by one half; a model that was made elsewhere has said its own class.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from flyball.runtimes import Description
from flyball.runtimes.model import Floats
from flyball.serving.columns import Column
from flyball.serving.errors import ModelFailedError

THRESHOLD = 0.5
MOST_LOGGED = 100
"""Of more classes the log keeps the label and its probability alone."""


@dataclass(frozen=True, slots=True)
class Explained:
    """What a graph of models says: values as a `Predictor`'s, and by row what the caller should know, such as who stood in."""

    values: npt.NDArray[Any]
    warnings: Mapping[int, list[str]]


class Outcome(msgspec.Struct, frozen=True, eq=False):
    """One entry per row in each; `task` is how the log reads a score, `answers` the log's columns beside it, `types` theirs.

    `warnings` are by row, where there are any.
    """

    task: str
    scores: Sequence[float | None]
    predictions: Sequence[Any]
    probabilities: Sequence[dict[str, float]] = ()
    answers: Mapping[str, Column] = {}
    types: Sequence[str] = ()
    warnings: Mapping[int, list[str]] = {}


def outcome_of(said: npt.NDArray[Any] | Explained, n_rows: int, *, task: str, description: Description | None) -> Outcome:
    """What the model said of `n_rows` rows. `description` is that of a model without a project.

    Raises:
        ModelFailedError: it is no answer for so many rows.
    """
    if isinstance(said, Explained):
        return msgspec.structs.replace(outcome_of(said.values, n_rows, task=task, description=description), warnings=said.warnings)
    task = description.task if description is not None and task == "values" else task  # it said so when it was loaded
    if description is not None and description.task == "classes":
        return _classes(said, n_rows, description=description)
    if description is not None and said.dtype == object:
        return _values(said.tolist(), n_rows)
    check_scores(said, n_rows, task=task)
    scores = said.tolist()
    return Outcome(task, scores, [score >= THRESHOLD for score in scores] if task == "binary" else scores)


def check_scores(scores: Floats, n_rows: int, *, task: str) -> None:
    """Scores are one finite number per row, and probabilities for a binary task.

    Raises:
        ModelFailedError: they are not.
    """
    if scores.shape != (n_rows,):
        raise ModelFailedError(f"it gave {len(scores)} scores for {n_rows} rows")
    if not np.isfinite(scores).all():
        raise ModelFailedError(f"{int((~np.isfinite(scores)).sum())} of its {n_rows} scores are NaN or infinite")
    if task == "binary" and n_rows and not (scores.min() >= 0 and scores.max() <= 1):
        raise ModelFailedError(f"a probability lies in [0, 1], but it gave {scores.min():g} to {scores.max():g}")


def _classes(said: Floats, n_rows: int, *, description: Description) -> Outcome:
    labels = description.classes
    width = len(labels)
    said = said.reshape(-1, 1 + width) if said.size == n_rows * (1 + width) else said
    places: list[float] = said[:, 0].tolist() if said.shape == (n_rows, 1 + width) else [-1.0]
    if not all(0 <= place < width for place in places):
        raise ModelFailedError(f"it gave an answer of shape {said.shape} for {n_rows} rows and {width} classes")
    index = list(map(int, places))
    told = [labels[place] for place in index]
    answers: dict[str, Column] = {"prediction": list(map(str, told))}
    chances = said[:, 1:]
    if np.isnan(chances).any():
        return Outcome("classes", [None] * n_rows, told, answers=answers, types=["String"])
    if width == 2:
        return Outcome("binary", chances[:, 1].tolist(), told, answers=answers, types=["String"])
    scores = chances[np.arange(n_rows), index].tolist()
    names = [str(label) for label in labels]
    each = [dict(zip(names, row, strict=True)) for row in chances.tolist()]
    if width <= MOST_LOGGED:
        answers |= {f"probability.{name}": chances[:, place].tolist() for place, name in enumerate(names)}
    return Outcome("classes", scores, told, each, answers, ["String", *["Float64"] * (len(answers) - 1)])


def _values(said: Sequence[Any], n_rows: int) -> Outcome:
    if len(said) != n_rows:
        raise ModelFailedError(f"it gave {len(said)} values for {n_rows} rows")
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in said):
        return Outcome("regression", [float(value) for value in said], said)
    return Outcome("classes", [None] * n_rows, said, answers={"prediction": [str(value) for value in said]}, types=["String"])
