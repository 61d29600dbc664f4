"""A request on its way: its decoded rows, and their answers as they come in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import msgspec

from flyball.core.errors import FlyballError
from flyball.serving.rowform import RowForm
from flyball.serving.version import LoadedEndpoint

Read: TypeAlias = tuple[RowForm, Sequence[tuple[Any, ...]]]
"""The rows of a request, and the form that they have."""


class Prediction(msgspec.Struct, omit_defaults=True, gc=False):
    """The answer for one row. `prediction` is whether the score is at least a half, or the value itself for a regression.

    A model that was made elsewhere says its own class or value; its rows have no `key`, and `probabilities` where it has more than
    two classes.
    """

    key: Any
    id: str
    prediction: Any
    score: float | None
    version: int
    route: str
    warnings: list[str] = []
    probabilities: dict[str, float] | msgspec.UnsetType = msgspec.UNSET


class Answer(msgspec.Struct, gc=False):
    """The answer to a request; `version` and `route` are those of all its rows, or null and "mixed" where rows differ."""

    predictions: list[Prediction]
    model: str
    version: int | None
    route: str


class Asked:
    """Decoded rows of one request that wait for their answers. `arrived` is real time; `done` is called once, when all is said."""

    __slots__ = ("_left", "answers", "arrived", "done", "endpoint", "error", "form", "rows")

    def __init__(self, endpoint: LoadedEndpoint, rows: Read, *, arrived: float, done: Callable[[], None]) -> None:
        self.endpoint, self.arrived, self.done = endpoint, arrived, done
        self.form, self.rows = rows
        self.answers: list[Prediction | None] = [None] * len(self.rows)
        self.error: FlyballError | None = None
        self._left = len(self.rows)

    @property
    def untouched(self) -> bool:
        """Whether nothing was said of any row yet."""
        return self._left == len(self.rows)

    def set(self, row: int, prediction: Prediction) -> None:
        """`row` is answered; with the last one the request is done."""
        self.answers[row] = prediction
        self._settle()

    def fail(self, error: FlyballError) -> None:
        """A row has no answer, so the request has none; the first error counts."""
        self.error = self.error or error
        self._settle()

    def _settle(self) -> None:
        self._left -= 1
        if self._left == 0:
            self.done()

    def answer(self) -> Answer:
        """The whole answer.

        Raises:
            FlyballError: a row has none.
        """
        if self.error is not None:
            raise self.error
        predictions = [prediction for prediction in self.answers if prediction is not None]
        versions, routes = {found.version for found in predictions}, {found.route for found in predictions}
        alike = len(versions) == len(routes) == 1
        version, route = (predictions[0].version, predictions[0].route) if alike else (None, "mixed")
        return Answer(predictions, self.endpoint.plan.model, version, route)
