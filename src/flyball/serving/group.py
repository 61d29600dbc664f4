"""Rows that one version is to answer together, and what becomes of them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt
from msgspec import Struct, structs

from flyball.core.errors import FlyballError, InvalidError
from flyball.features.lacking import Terms
from flyball.features.mirror import Lack
from flyball.serving.asked import Asked
from flyball.serving.errors import ModelFailedError, ModelRaisedError
from flyball.serving.logspec import LogPlan
from flyball.serving.outcome import Outcome, outcome_of
from flyball.serving.routing import SHADOW, Choice
from flyball.serving.rowform import Rows
from flyball.serving.vector import Lacks, Vector
from flyball.serving.version import LoadedEndpoint, LoadedVersion

_LOG = logging.getLogger(__name__)


class Group(Struct, frozen=True, eq=False):
    """Rows of one flush that one version is to answer; `owners` says, in their order, which rows of which request they are.

    `time` is their prediction time, in microseconds since 1970 UTC.
    """

    endpoint: LoadedEndpoint
    version: LoadedVersion
    route: str
    time: int
    owners: Sequence[tuple[Asked, Sequence[int]]]
    rows: Rows
    keys: list[str]
    ids: list[str]

    @property
    def vector(self) -> bool:
        """Whether the rows are the features that the version takes."""
        return self.owners[0][0].wants.vector

    @property
    def log(self) -> LogPlan:
        """How the rows' records are kept; nobody waits for those of a shadow, so they do not wait for the disk."""
        found = self.endpoint.plan.log
        return structs.replace(found, fsync=False) if found.fsync and self.route == SHADOW else found

    def part(self, choice: Choice) -> Group:
        """The rows that were chosen, for the version that is to answer them."""
        if choice.rows is None:
            return structs.replace(self, version=choice.version, route=choice.route)
        return structs.replace(
            self, version=choice.version, route=choice.route, rows=self.rows.take(choice.rows), owners=self._owners(choice.rows),
            keys=[self.keys[row] for row in choice.rows], ids=[self.ids[row] for row in choice.rows],
        )  # fmt: skip

    def each(self) -> list[Group]:
        """The same, request by request."""
        found, start = [], 0
        for _, own in self.owners:
            found.append(self.part(Choice(self.version, self.route, range(start, start + len(own)))))
            start += len(own)
        return found

    def compute(self) -> Vector:
        """What the version's model takes of the rows."""
        return self.version.compute(self.rows, time=self.time, vector=self.vector)

    def outcome(self, said: npt.NDArray[Any]) -> Outcome:
        """What the version said of the rows.

        Raises:
            ModelFailedError: it is no answer for so many rows.
        """
        return outcome_of(said, self.rows.n, task=self.version.plan.task, description=self.version.description)

    def words(self, label: str, row: int, *, lack: Lack) -> str:
        """What a look-up lacks for the row."""
        terms = self.version.terms[label]
        return terms.words(lack, self._entity(terms, row))

    def refusals(self, lacks: Lacks) -> dict[int, FlyballError]:
        """Of each row that is not answered without a value, why."""
        found: dict[int, FlyballError] = {}
        for label, of in lacks.items():
            terms = self.version.terms[label]
            for row, lack in of.items() if terms.refuses else ():
                found.setdefault(row, terms.refusal(lack, self._entity(terms, row)))
        return found

    def _entity(self, terms: Terms, row: int) -> dict[str, Any]:
        return {name: self.rows.columns[name][row] for name in terms.bound}

    def split(self, refused: Mapping[int, FlyballError]) -> tuple[Group | None, list[tuple[Asked, int, FlyballError]]]:
        """The requests without a refused row, if there are any; each other one with its number of rows and its first reason."""
        kept, turned, start = list[int](), list[tuple[Asked, int, FlyballError]](), 0
        for asked, own in self.owners:
            rows = range(start, start + len(own))
            reason = next((refused[row] for row in rows if row in refused), None)
            if reason is None:
                kept += rows
            else:
                turned.append((asked, len(own), reason))
            start += len(own)
        return (self.part(Choice(self.version, self.route, kept)) if kept else None), turned

    def seconds(self, now: float) -> list[float]:
        """How long ago the request of each row arrived."""
        if len(self.owners) == self.rows.n:
            return [now - asked.arrived for asked, _ in self.owners]
        return [now - asked.arrived for asked, own in self.owners for _ in own]

    def fail(self, error: FlyballError) -> None:
        """No row has an answer, for this reason."""
        for asked, own in self.owners:
            asked.fail(error, len(own))

    def _owners(self, rows: Sequence[int]) -> list[tuple[Asked, list[int]]]:
        places = [(asked, row) for asked, own in self.owners for row in own]
        found: dict[int, tuple[Asked, list[int]]] = {}
        for asked, row in (places[row] for row in rows):
            found.setdefault(id(asked), (asked, []))[1].append(row)
        return list(found.values())


@dataclass(frozen=True, eq=False)
class Failure:
    """A version that did not answer its group, and the vector that it was given, if it came so far.

    `raised`: a model that was made elsewhere said of the rows that it does not take them.
    """

    group: Group
    reason: str
    vector: Vector | None = field(default=None)
    raised: bool = False

    @staticmethod
    def of(group: Group, error: Exception, *, vector: Vector | None) -> Failure:
        """What the error means; one that no model should cause is logged."""
        raised = group.version.features is None and isinstance(error, ModelRaisedError | InvalidError)
        if not (raised or isinstance(error, ModelFailedError)):
            _LOG.error("version %d at endpoint %r failed", group.version.number, group.endpoint.name, exc_info=error)
        words = str(error) if isinstance(error, ModelFailedError) else f"{type(error).__name__}: {error}"
        return Failure(group, words, vector, raised=raised)
