"""Answers requests: features, routing, prediction and journal for all rows that are ready at once.

Rows of one flush that one version answers are computed as one frame. Nothing is answered before it is journalled. Models that run
in this process are asked at once; one in a child process is awaited, and nobody else waits for it. Knows no HTTP.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Generator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import polars as pl

from flyball.core.clock import Clock, Timer
from flyball.core.duration import microseconds
from flyball.core.errors import FlyballError, InvalidError
from flyball.core.ids import Ids
from flyball.data.model import PREDICTION_TIME, TIME
from flyball.runtimes.model import Floats
from flyball.serving.asked import Asked, Part, Wants
from flyball.serving.child import ChildModel
from flyball.serving.columns import Column, to_columns
from flyball.serving.counters import Counters
from flyball.serving.errors import InternalError, ModelFailedError, ModelRaisedError, NotAnsweredError, RowsRefusedError
from flyball.serving.outcome import Outcome, outcome_of
from flyball.serving.record import Answered, encode
from flyball.serving.routing import FALLBACK, STOOD_IN_FOR, Choice, decide
from flyball.serving.rowform import Rows
from flyball.serving.version import NOTHING, LoadedEndpoint, LoadedVersion, Serving, Vector
from flyball.storage.journal import Journal

_LOG = logging.getLogger(__name__)
Steps: TypeAlias = "Generator[Coroutine[Any, Any, Floats], Floats, None]"


@dataclass(frozen=True, eq=False)
class _Group:
    """Rows of one flush that one version is to answer; `owners` says, in their order, which rows of which request they are."""

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

    def part(self, choice: Choice) -> _Group:
        """The rows that were chosen, for the version that is to answer them."""
        if choice.rows is None:
            return replace(self, version=choice.version, route=choice.route)
        return replace(
            self, version=choice.version, route=choice.route, rows=self.rows.take(choice.rows), owners=self._owners(choice.rows),
            keys=[self.keys[row] for row in choice.rows], ids=[self.ids[row] for row in choice.rows],
        )  # fmt: skip

    def compute(self) -> Vector:
        """What the version's model takes of the rows."""
        frame = self.rows.frame()
        if self.vector:
            return self.version.given(frame)
        stamps = pl.Series(PREDICTION_TIME, [self.time] * self.rows.n, dtype=pl.Int64)
        return self.version.vectors.compute(frame.hstack([stamps.cast(TIME)]))

    def _owners(self, rows: Sequence[int]) -> list[tuple[Asked, list[int]]]:
        places = [(asked, row) for asked, own in self.owners for row in own]
        found: dict[int, tuple[Asked, list[int]]] = {}
        for asked, row in (places[row] for row in rows):
            found.setdefault(id(asked), (asked, []))[1].append(row)
        return list(found.values())


@dataclass(frozen=True, eq=False)
class _Failure:
    """A version that did not answer its group, and the vector that it was given, if it came so far."""

    group: _Group
    reason: str
    vector: Vector | None = field(default=None)
    raised: bool = False


class Engine:
    """Answers what is asked by what `serving` holds; replacing that is one assignment between two flushes. For one event loop."""

    def __init__(self, journal: Journal, *, clock: Clock, ids: Ids, timer: Timer, counters: Counters | None = None) -> None:
        self.serving: Serving = NOTHING
        self.counters = counters or Counters()
        self._journal, self._clock, self._ids, self._timer = journal, clock, ids, timer
        self._tasks: set[asyncio.Task[None]] = set()

    def flush(self, batch: Sequence[Asked]) -> None:
        """Each of `batch` is done when this returns, or, where a child process is asked, soon after."""
        self.counters.flushes += 1
        alike: dict[tuple[LoadedEndpoint, int, Wants], list[Asked]] = {}
        for asked in batch:
            alike.setdefault((asked.endpoint, id(asked.rows.form), asked.wants), []).append(asked)
        for requests in alike.values():
            for group in self._groups(requests):
                self._run(self._steps(group))

    async def finish(self) -> None:
        """Everything that was flushed is done."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    def _groups(self, requests: Sequence[Asked]) -> list[_Group]:
        endpoint, wants = requests[0].endpoint, requests[0].wants
        rows = Rows.chained([asked.rows for asked in requests])
        ids = [self._ids.create("prd") for _ in range(rows.n)]
        keys = rows.texts(rows.form.key) if rows.form.key else ids  # rows of a model without a project have no key but their answer's
        first, *others = decide(endpoint, rows, keys=keys, wants=wants)
        time, owners = microseconds(self._clock.now()), [(asked, range(asked.rows.n)) for asked in requests]
        everything = _Group(endpoint, first.version, first.route, time, owners, rows, keys, ids)
        return [everything.part(choice) for choice in (first, *others)]

    def _run(self, steps: Steps) -> None:
        with suppress(StopIteration):
            question = next(steps)
            task = asyncio.get_running_loop().create_task(_drive(steps, question))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _steps(self, group: _Group) -> Steps:
        try:
            yield from self._ask(group)
        except Exception:  # noqa: BLE001 - nobody may wait for ever because of a mistake of ours
            _LOG.exception("rows at endpoint %r got no answer", group.endpoint.name)
            _fail(group, InternalError())

    def _ask(self, group: _Group) -> Steps:
        """Ask the group's version, and the champion where a canary fails; yields what must be awaited, and is sent what came of it."""
        failures: list[_Failure] = []
        while True:
            vector = None
            try:
                vector = group.compute()
                model = group.version.model
                said = (yield model.predict(vector.frame)) if isinstance(model, ChildModel) else model.predict(vector.frame)
                outcome = outcome_of(said, len(group.ids), task=group.version.plan.task, description=group.version.description)
            except Exception as error:  # noqa: BLE001 - whatever a version does, only its own rows feel it
                raised = group.version.features is None and isinstance(error, ModelRaisedError | InvalidError)
                if raised and len(group.owners) > 1:
                    self._ask_each(group)  # nobody's rows may cost another an answer
                    return
                if not (raised or isinstance(error, ModelFailedError)):
                    _LOG.exception("version %d at endpoint %r failed", group.version.number, group.endpoint.name)
                words = str(error) if isinstance(error, ModelFailedError) else f"{type(error).__name__}: {error}"
                failures.append(_Failure(group, words, vector, raised=raised))
            else:
                self._accept(group, vector, outcome=outcome, failures=failures)
                return
            champion = group.endpoint.champion
            if group.route not in STOOD_IN_FOR or champion is None:
                self._refuse(failures)
                return
            group = replace(group, version=champion, route=FALLBACK)

    def _ask_each(self, group: _Group) -> None:
        """Ask the group's version for each request by itself."""
        start = 0
        for _, own in group.owners:
            self._run(self._steps(group.part(Choice(group.version, group.route, range(start, start + len(own))))))
            start += len(own)

    def _accept(self, group: _Group, vector: Vector, *, outcome: Outcome, failures: Sequence[_Failure]) -> None:
        seconds = self._seconds(group)
        record = _record(group, vector, scores=list(outcome.scores), seconds=seconds, **_beside(group, outcome))
        stood_in = (_failed(failure, by=group.version.number, seconds=seconds) for failure in failures)
        try:
            self._journal.append(*stood_in, encode(record))
        except FlyballError as error:
            _fail(group, error)
            return
        self._count(failures)
        self.counters.add_answers((group.endpoint.name, group.version.number, group.route), seconds)
        self._tell(group, outcome, warned=self._warnings(group, record.features, value_times=record.value_times))

    def _seconds(self, group: _Group) -> list[float]:
        now = self._timer.seconds()
        return [now - asked.arrived for asked, own in group.owners for _ in own]

    def _tell(self, group: _Group, outcome: Outcome, *, warned: Mapping[int, list[str]]) -> None:
        start = 0
        for asked, own in group.owners:
            end = start + len(own)
            part = Part(
                rows=own, version=group.version.number, route=group.route, ids=group.ids[start:end],
                predictions=outcome.predictions[start:end], scores=outcome.scores[start:end],
                probabilities=outcome.probabilities[start:end],
                warnings={row - start: words for row, words in warned.items() if start <= row < end} if warned else {},
            )  # fmt: skip
            asked.accept(part)
            start = end

    def _refuse(self, failures: Sequence[_Failure]) -> None:
        last = failures[-1]
        seconds = self._seconds(last.group)
        with suppress(FlyballError):  # the request fails for the version's reason, whether or not that could be kept
            self._journal.append(*(_failed(failure, by=0, seconds=seconds) for failure in failures))
        self._count(failures)
        kind = RowsRefusedError if last.raised else NotAnsweredError
        _fail(last.group, kind(last.group.endpoint.name, last.group.version.number, reason=last.reason))

    def _count(self, failures: Sequence[_Failure]) -> None:
        for failure in failures:
            self.counters.failed[failure.group.endpoint.name, failure.group.version.number] += len(failure.group.ids)

    def _warnings(
        self, group: _Group, features: Mapping[str, Column], *, value_times: Mapping[str, list[int | None]]
    ) -> Mapping[int, list[str]]:
        """What the caller should know of single rows: entities of which nothing is known, and categories that the model never saw."""
        found: dict[int, list[str]] = {}
        for label, times in value_times.items():
            bound = group.version.bound.get(label, ())
            for row in (row for row, time in enumerate(times) if time is None) if None in times else ():
                entity = {name: group.rows.columns[name][row] for name in bound}
                if None not in entity.values():
                    words = ", ".join(f"{name} {value!r}" for name, value in entity.items())
                    found.setdefault(row, []).append(f"nothing is known for {label!r} of {words}")
                    self.counters.warnings[group.endpoint.name, "entity"] += 1
        for name, levels in group.version.levels.items():
            values = features[name]
            new = set(values) - levels - {None}
            for row in (row for row, value in enumerate(values) if value in new) if new else ():
                found.setdefault(row, []).append(f"the model has never seen {name} {values[row]!r}")
                self.counters.warnings[group.endpoint.name, "category"] += 1
        return found


async def _drive(steps: Steps, question: Coroutine[Any, Any, Floats]) -> None:
    with suppress(StopIteration):
        while True:
            try:
                answer = await question
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - the steps decide what an error means
                question = steps.throw(error)
            else:
                question = steps.send(answer)


def _record(group: _Group, vector: Vector | None, **outcome: Any) -> Answered:
    version = group.version
    vector = None if version.features is None else vector  # the request is the vector then, and stands in the record already
    request = {} if group.vector and version.features is not None else group.rows.columns
    return Answered(
        endpoint=group.endpoint.name, model=group.endpoint.plan.model, version=version.number, route=group.route, time=group.time,
        features_digest=version.plan.features or "", ids=group.ids, keys=group.keys, request=dict(request),
        request_types=group.rows.form.type_names if request else [], features={} if vector is None else to_columns(vector.frame),
        feature_types=[] if vector is None else version.type_names, value_times={} if vector is None else dict(vector.value_times),
        **{"task": version.plan.task, **outcome},
    )  # fmt: skip


def _beside(group: _Group, outcome: Outcome) -> Mapping[str, Any]:
    """What a model without a project said beside its scores."""
    if group.version.description is None:
        return {}
    return {"task": outcome.task, "answers": dict(outcome.answers), "answer_types": list(outcome.types)}


def _failed(failure: _Failure, *, by: int, seconds: list[float]) -> bytes:
    nothing = [None] * len(failure.group.ids)
    return encode(_record(failure.group, failure.vector, scores=nothing, seconds=seconds, error=failure.reason, answered_by=by))


def _fail(group: _Group, error: FlyballError) -> None:
    for asked, own in group.owners:
        asked.fail(error, len(own))
