"""What steps of a graph say of rows, in the form in which models say it, and how several such answers become one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from flyball.runtimes.model import Description, Floats
from flyball.serving.errors import ModelFailedError
from flyball.serving.outcome import THRESHOLD, outcome_of


@dataclass(frozen=True, eq=False)
class Value:
    """The answers to some rows: a score each, the class and every class's probability each, or whatever a function gave.

    `said` has the shape of `Predictor.predict`: ``(n,)``, ``(n, 1 + k)``, or ``(n,)`` of objects.
    """

    said: npt.NDArray[Any]
    description: Description

    def checked(self, n_rows: int) -> Value:
        """This value, which is an answer to so many rows.

        Raises:
            ModelFailedError: it is none: another number of rows, not finite, no probability, no class.
        """
        outcome_of(self.said, n_rows, task=self.description.task, description=self.description)
        width = 1 + len(self.description.classes)
        flat = width > 1 and self.said.ndim == 1  # as it comes from another process
        return Value(self.said.reshape(n_rows, width), self.description) if flat else self

    def columns(self, name: str) -> dict[str, pl.Series]:
        """The answer as columns: under the step's name the score or class, and under NAME.CLASS each class's probability."""
        if self.said.ndim == 1:
            values = self.said.tolist() if self.said.dtype == object else self.said
            return {name: pl.Series(name, values, strict=False)}
        labels = self.description.classes
        told = [labels[int(place)] for place in self.said[:, 0].tolist()]
        chances = {f"{name}.{label}": pl.Series(f"{name}.{label}", self.said[:, 1 + place]) for place, label in enumerate(labels)}
        return {name: pl.Series(name, told, strict=False), **chances}

    def taken(self, rows: Sequence[int]) -> Value:
        """The answers to these rows."""
        return Value(self.said[np.asarray(rows, dtype=np.intp)], self.description)


def description_of(parts: Sequence[Description]) -> Description:
    """What a mean or a vote of such answers is; of two classes the second's probability is a number like any other.

    Raises:
        ModelFailedError: they have nothing in common.
    """
    if len({(part.task, part.classes) for part in parts}) == 1:
        return Description(task=parts[0].task, classes=parts[0].classes)
    if all(part.task == "binary" or len(part.classes) == 2 for part in parts):
        return Description(task="binary")
    if all(len(part.classes) in (0, 2) for part in parts):
        return Description(task="regression")  # numbers, of which nobody says that they are probabilities
    words = sorted({f"classes {list(part.classes)}" if part.classes else part.task for part in parts})
    raise ModelFailedError(f"answers of different kinds cannot be one: {' and '.join(words)}")


def mean_of(values: Sequence[Value], weights: Sequence[float]) -> Value:
    """The weighted mean of scores, or of each class's probability, with the most probable class.

    Raises:
        ModelFailedError: they are of different kinds, or have no numbers.
    """
    description = description_of([value.description for value in values])
    if any(value.said.dtype == object for value in values):
        raise ModelFailedError("a mean is of numbers, but a step answered something else; use a vote")
    if not description.classes:
        return Value(_average([_score(value) for value in values], weights), description)
    chances = _average([value.said[:, 1:] for value in values], weights)
    if np.isnan(chances).any():
        raise ModelFailedError("a step says its class without probabilities, of which there is no mean; use a vote")
    return Value(_with_class(chances), description)


def vote_of(values: Sequence[Value], weights: Sequence[float]) -> Value:
    """The share of votes for each class; of classes with equal votes the first is said.

    Raises:
        ModelFailedError: they are of different kinds, or numbers without classes.
    """
    if all(value.said.dtype == object for value in values):
        return _majority(values, weights)
    description = description_of([value.description for value in values])
    if description.task == "binary" and not description.classes:
        return Value(_average([(_score(value) >= THRESHOLD).astype(np.float64) for value in values], weights), description)
    if not description.classes:
        raise ModelFailedError("numbers do not vote; use a mean")
    width = len(description.classes)
    votes = [np.eye(width)[value.said[:, 0].astype(np.intp)] for value in values]
    return Value(_with_class(_average(votes, weights)), description)


def _majority(values: Sequence[Value], weights: Sequence[float]) -> Value:
    said = []
    for row in zip(*(value.said.tolist() for value in values), strict=True):
        votes: dict[Any, float] = defaultdict(float)
        for label, weight in zip(row, weights, strict=True):
            votes[label] += weight
        said.append(max(votes, key=lambda label: votes[label]))
    found = np.empty(len(said), dtype=object)
    found[:] = said
    return Value(found, Description(task="values"))


def _score(value: Value) -> Floats:
    """One number per row: the score, or of two classes the second's probability."""
    found: Floats = value.said if value.said.ndim == 1 else value.said[:, 2]
    if np.isnan(found).any():
        raise ModelFailedError("a step says its class without probabilities, of which there is no mean; use a vote")
    return found


def _average(parts: Sequence[Floats], weights: Sequence[float]) -> Floats:
    share = np.asarray(weights, dtype=np.float64) / sum(weights)
    total = np.zeros(parts[0].shape)
    for part, weight in zip(parts, share.tolist(), strict=True):
        total += weight * part
    return total


def _with_class(chances: Floats) -> Floats:
    return np.column_stack([chances.argmax(axis=1).astype(np.float64), chances])


def joined(parts: Sequence[tuple[Sequence[int], Value]], n_rows: int) -> Value:
    """Answers to different rows as one, in the order of the rows; parts are of one kind.

    Raises:
        ModelFailedError: they are not.
    """
    description = description_of([value.description for _, value in parts])
    shapes = {value.said.shape[1:] for _, value in parts}
    if len(shapes) > 1:  # two classes here, a score there: all as scores
        parts = [(rows, Value(_score(value), description)) for rows, value in parts]
        shapes = {()}
    kind = object if any(value.said.dtype == object for _, value in parts) else np.float64
    said = np.empty((n_rows, *shapes.pop()), dtype=kind)
    for rows, value in parts:
        said[np.asarray(rows, dtype=np.intp)] = value.said
    return Value(said, description)
