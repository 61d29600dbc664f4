"""A request on its way: what is asked, and what the versions that answer it say of its rows, column by column."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
from msgspec import UNSET

from flyball.core.errors import FlyballError
from flyball.serving.rowform import Rows
from flyball.serving.version import LoadedEndpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Wants:
    """What a request wants beside its rows. Requests that want different things are never computed together.

    `version`: that version answers, whatever the routing says. `vector`: the rows are finished features, of the endpoint's `vector_form`.
    `ages`: it is to be told how old the values are that were looked up. `batch`: that version's answers are no traffic.
    """

    version: int | None = None
    vector: bool = False
    ages: bool = False
    batch: bool = False


ROUTED = Wants()
"""Whoever the routing says answers."""
VECTOR = Wants(vector=True)
"""As `ROUTED`, for rows that are finished features."""


class Part(msgspec.Struct, frozen=True, kw_only=True, eq=False, gc=False):
    """What one version said of the rows `rows` of a request; all columns are aligned with them.

    `predictions` are whether the score is at least a half, or the value itself for a regression; a model that was made elsewhere says its
    own class or value, and `probabilities` by class where it has more than two. `warnings` are by place in `rows`;
    `ages` are by look-up, in seconds, None where nothing answered.
    """

    rows: Sequence[int]
    version: int
    route: str
    ids: Sequence[str]
    predictions: Sequence[Any]
    scores: Sequence[float | None]
    probabilities: Sequence[Mapping[str, float]] = ()
    warnings: Mapping[int, list[str]] = {}
    ages: Mapping[str, Sequence[float | None]] = {}


class Prediction(msgspec.Struct, omit_defaults=True, gc=False):
    """The answer for one row; rows of a model that was made elsewhere have no `key`."""

    key: Any
    id: str
    prediction: Any
    score: float | None
    version: int
    route: str
    warnings: list[str] = []
    probabilities: Mapping[str, float] | msgspec.UnsetType = UNSET
    ages: Mapping[str, float | None] | msgspec.UnsetType = UNSET


class Told(msgspec.Struct, gc=False):
    """An answer as JSON has it; `version` and `route` are those of all its rows, or null and "mixed" where rows differ."""

    predictions: list[Prediction]
    model: str
    version: int | None
    route: str


class Answer(msgspec.Struct, frozen=True, eq=False):
    """The answer to all rows of a request, in parts by who answered; together they have each row once."""

    model: str
    rows: Rows
    parts: Sequence[Part]

    @property
    def version(self) -> int | None:
        """The version that answered all rows, or None where several did."""
        return self.parts[0].version if self._alike else None

    @property
    def route(self) -> str:
        """The route of all rows, or "mixed"."""
        return self.parts[0].route if self._alike else "mixed"

    @property
    def _alike(self) -> bool:
        return len(self.parts) == 1 or len({(part.version, part.route) for part in self.parts}) == 1

    def column(self, of: Callable[[Part], Sequence[Any]]) -> Sequence[Any]:
        """A column of the answer in the order of the request's rows: `of` takes it from a part."""
        if len(self.parts) == 1 and len(self.parts[0].rows) == self.rows.n:
            return of(self.parts[0])
        found: list[Any] = [None] * self.rows.n
        for part in self.parts:
            for row, value in zip(part.rows, of(part), strict=True):
                found[row] = value
        return found

    def told(self) -> Told:
        """The answer row by row."""
        keys = self.rows.keys() or [UNSET] * self.rows.n
        found: list[Any] = [None] * self.rows.n
        for part in self.parts:
            number, route, warnings = part.version, part.route, part.warnings
            each: Sequence[Any] = part.probabilities or [UNSET] * len(part.rows)
            columns = zip(part.rows, part.ids, part.predictions, part.scores, each, strict=True)
            for place, (row, name, said, score, chances) in enumerate(columns):
                found[row] = Prediction(keys[row], name, said, score, number, route, warnings.get(place, []), chances)
                if part.ages:
                    found[row].ages = {label: seconds[place] for label, seconds in part.ages.items()}
        return Told(found, self.model, self.version, self.route)


class Asker(Protocol):
    """Who asks: the proved name, and the caller's traceparent; "" where there is none."""

    @property
    def principal(self) -> str: ...
    @property
    def trace(self) -> str: ...


def _nobody() -> None:
    """Nobody is to be told any more."""


class Asked:
    """A request that waits for its answer. `arrived` is real time; `done` is called once, when all of its rows are settled.

    `asker` may be set before it is flushed: who asked stands in the log.
    """

    __slots__ = ("_left", "_parts", "arrived", "asker", "done", "endpoint", "error", "rows", "wants")

    def __init__(self, endpoint: LoadedEndpoint, rows: Rows, *, arrived: float, done: Callable[[], None], wants: Wants = ROUTED) -> None:
        self.endpoint, self.rows, self.arrived, self.done, self.wants = endpoint, rows, arrived, done, wants
        self.asker: Asker | None = None
        self.error: FlyballError | None = None
        self._parts: list[Part] = []
        self._left = rows.n

    @property
    def untouched(self) -> bool:
        """Whether nothing was said of any row yet."""
        return self._left == self.rows.n

    def accept(self, part: Part) -> None:
        """The rows of the part are answered; with the last ones the request is done."""
        self._parts.append(part)
        self._settle(len(part.rows))

    def fail(self, error: FlyballError, rows: int) -> None:
        """So many rows have no answer, so the request has none; the first error counts."""
        self.error = self.error or error
        self._settle(rows)

    def _settle(self, rows: int) -> None:
        self._left -= rows
        if self._left == 0:
            done, self.done = self.done, _nobody  # who is told may hold this: a circle that only the collector would find
            done()

    def answer(self) -> Answer:
        """The whole answer.

        Raises:
            FlyballError: a row has none.
        """
        if self.error is not None:
            raise self.error
        return Answer(self.endpoint.plan.model, self.rows, self._parts)
