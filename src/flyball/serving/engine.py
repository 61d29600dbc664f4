"""Answers requests: features, routing, prediction and journal for all rows that are ready at once.

Rows of one flush that one version answers are computed as one frame. Nothing is answered before it is journalled. Models that run
in this process are asked at once; one in a child process is awaited, and nobody else waits for it. Knows no HTTP.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Generator, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol, TypeAlias

from msgspec import structs

from flyball.core.clock import Clock, Timer
from flyball.core.duration import microseconds
from flyball.core.errors import FlyballError
from flyball.core.ids import Ids, create_many
from flyball.serving.asked import Asked, Part, Wants
from flyball.serving.child import ChildModel
from flyball.serving.counters import Counters
from flyball.serving.errors import InternalError, NotAnsweredError, RowsRefusedError
from flyball.serving.group import Failure, Group
from flyball.serving.keeping import Keeper
from flyball.serving.merging import Said, together
from flyball.serving.outcome import Outcome
from flyball.serving.recording import answered, failed
from flyball.serving.routing import FALLBACK, STOOD_IN_FOR, decide
from flyball.serving.rowform import Rows
from flyball.serving.shadowing import Shadowing
from flyball.serving.vector import Ages, Vector, ages_of, taken
from flyball.serving.version import NOTHING, LoadedEndpoint, Serving
from flyball.serving.warned import warnings_of
from flyball.storage.journal import Journal

_LOG = logging.getLogger(__name__)
Answers: TypeAlias = "Said | list[Said | Exception]"
Steps: TypeAlias = "Generator[Coroutine[Any, Any, Answers], Answers, None]"


class Stages(Protocol):
    """Hears when a version is about to be asked, when "features" and "model" have ended, and when the answer is in the journal."""

    def begin(self, group: Group) -> None: ...
    def mark(self, group: Group, stage: str) -> None: ...
    def done(self, group: Group) -> None: ...


class Engine:
    """Answers what is asked by what `serving` holds; replacing that is one assignment between two flushes. For one event loop."""

    def __init__(self, journal: Journal, *, clock: Clock, ids: Ids, timer: Timer, counters: Counters | None = None) -> None:
        self.serving: Serving = NOTHING
        self.stages: Stages | None = None
        """Told of each stage of a group of rows, where somebody traces them."""
        self.counters = counters or Counters()
        self.keeper = Keeper(journal, counters=self.counters, timer=timer)
        self._clock, self._ids, self._timer = clock, ids, timer
        self._tasks: set[asyncio.Task[None]] = set()
        self._shadowing = Shadowing(self._run, counters=self.counters, timer=timer)

    def flush(self, batch: Sequence[Asked]) -> None:
        """Each of `batch` is done when this returns, or, where a child process is asked, soon after."""
        self.counters.flushes += 1
        for requests in [batch] if len(batch) == 1 else _alike(batch):
            for group in self._groups(requests):
                self._count_batch(group)
                self._run(group)

    def _count_batch(self, group: Group) -> None:
        now = self._timer.seconds()
        waits = [now - asked.arrived for asked, _ in group.owners]
        self.counters.add_batch((group.endpoint.name, group.version.number, group.route), waits, rows=group.rows.n)

    async def finish(self) -> None:
        """Everything that was flushed is done; what waits for shadows is dropped."""
        self._shadowing.close()
        while self._tasks:
            await asyncio.gather(*self._tasks)

    def _groups(self, requests: Sequence[Asked]) -> list[Group]:
        endpoint, wants = requests[0].endpoint, requests[0].wants
        rows = Rows.chained([asked.rows for asked in requests])
        ids = create_many(self._ids, "prd", count=rows.n)
        keys = rows.texts(rows.form.key) if rows.form.key else ids  # rows of a model without a project have no key but their answer's
        first, *others = decide(endpoint, rows, keys=keys, wants=wants)
        time, owners = microseconds(self._clock.now()), [(asked, range(asked.rows.n)) for asked in requests]
        everything = Group(endpoint, first.version, first.route, time, owners, rows, keys, ids)
        return [everything] if first.rows is None else [everything.part(choice) for choice in (first, *others)]

    def _run(self, group: Group, failures: tuple[Failure, ...] = ()) -> None:
        steps = self._steps(group, failures)
        with suppress(StopIteration):
            question = next(steps)
            task = asyncio.get_running_loop().create_task(_drive(steps, question))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _steps(self, group: Group, failures: tuple[Failure, ...]) -> Steps:
        try:
            yield from self._ask(group, failures)
        except Exception:  # noqa: BLE001 - nobody may wait for ever because of a mistake of ours
            _LOG.exception("rows at endpoint %r got no answer", group.endpoint.name)
            group.fail(InternalError())

    def _ask(self, group: Group, failures: tuple[Failure, ...]) -> Steps:
        """Ask the group's version; yields what must be awaited, and is sent what came of it."""
        vector, stages = None, self.stages
        if stages is not None:
            stages.begin(group)
        began = self._timer.seconds()
        try:
            vector = group.compute()
            if stages is not None:
                stages.mark(group, "features")
            if vector.lacks and (refused := group.refusals(vector.lacks)):
                self._turn_away(group, refused, failures=failures)
                return
            asked = self._timer.seconds()
            said = yield from _say(group, vector)
            heard = self._timer.seconds()
            if stages is not None:
                stages.mark(group, "model")
            if isinstance(said, list):
                self._take_each(group, said, vector=vector, failures=failures)
                self._count_call(group, began=began, asked=asked, said=heard)
                return
            outcome = group.outcome(said)
        except Exception as error:  # noqa: BLE001 - whatever a version does, only its own rows feel it
            if len(group.owners) == 1:
                self._fail(Failure.of(group, error, vector=vector), failures)
                return
            for one in group.each():  # nobody's rows may cost another an answer
                self._run(one, failures)
        else:
            self._accept(group, vector, outcome=outcome, failures=failures)
            self._count_call(group, began=began, asked=asked, said=heard)

    def _count_call(self, group: Group, *, began: float, asked: float, said: float) -> None:
        labels = (group.endpoint.name, group.version.number, group.route)
        self.counters.add_call(labels, began=began, asked=asked, said=said, done=self._timer.seconds())

    def _turn_away(self, group: Group, refused: Mapping[int, FlyballError], *, failures: tuple[Failure, ...]) -> None:
        """Requests for which a value is missing that they need are refused; nobody else notices, and no version failed."""
        rest, turned = group.split(refused)
        for asked, rows, reason in turned:
            self.counters.turned_away[group.endpoint.name, reason.code] += 1
            asked.fail(reason, rows)
        if rest is not None:
            self._run(rest, failures)

    def _take_each(self, group: Group, said: Sequence[Said | Exception], *, vector: Vector, failures: tuple[Failure, ...]) -> None:
        """What was said of each request of the group, to that request."""
        start = 0
        for one, answer in zip(group.each(), said, strict=True):
            own = taken(vector, range(start, start + one.rows.n))
            start += one.rows.n
            try:
                if isinstance(answer, Exception):
                    raise answer  # noqa: TRY301 - an answer that is wrong in itself fails in the same way
                outcome = one.outcome(answer)
            except Exception as error:  # noqa: BLE001 - as above
                self._fail(Failure.of(one, error, vector=own), failures)
            else:
                self._accept(one, own, outcome=outcome, failures=failures)

    def _fail(self, failure: Failure, before: tuple[Failure, ...]) -> None:
        """The champion stands in for a version that it can stand in for; for others nobody does."""
        group, champion = failure.group, failure.group.endpoint.champion
        if group.route in STOOD_IN_FOR and champion is not None:
            self._run(structs.replace(group, version=champion, route=FALLBACK), (*before, failure))
        else:
            self._refuse((*before, failure))

    def _accept(self, group: Group, vector: Vector, *, outcome: Outcome, failures: Sequence[Failure]) -> None:
        seconds = group.seconds(self._timer.seconds())
        record = answered(group, vector, outcome=outcome, seconds=seconds)
        stood_in = (failed(failure, by=group.version.number, seconds=seconds) for failure in failures)
        try:
            self.keeper.keep(group.log, [*stood_in, record])
        except FlyballError as error:
            group.fail(error)
            return
        if self.stages is not None:
            self.stages.done(group)
        self._count(failures)
        self.counters.add_answers((group.endpoint.name, group.version.number, group.route), seconds)
        warned = warnings_of(group, record, lacks=vector.lacks, outcome=outcome, counters=self.counters)
        self.counters.add_ages(group.endpoint.name, time=group.time, value_times=vector.value_times)
        ages = ages_of(vector, time=group.time) if group.owners[0][0].wants.ages else {}
        self._tell(group, outcome, warned=warned, ages=ages)
        if group.endpoint.plan.shadows:
            self._shadowing.offer(group)

    def _tell(self, group: Group, outcome: Outcome, *, warned: Mapping[int, list[str]], ages: Ages) -> None:
        start = 0
        for asked, own in group.owners:
            end = start + len(own)
            part = Part(
                rows=own, version=group.version.number, route=group.route, ids=group.ids[start:end],
                predictions=outcome.predictions[start:end], scores=outcome.scores[start:end],
                probabilities=outcome.probabilities[start:end],
                warnings={row - start: words for row, words in warned.items() if start <= row < end} if warned else {},
                ages={label: seconds[start:end] for label, seconds in ages.items()} if ages else {},
            )  # fmt: skip
            asked.accept(part)
            start = end

    def _refuse(self, failures: Sequence[Failure]) -> None:
        last = failures[-1]
        seconds = last.group.seconds(self._timer.seconds())
        with suppress(FlyballError):  # the request fails for the version's reason, whether or not that could be kept
            self.keeper.keep(last.group.log, [failed(failure, by=0, seconds=seconds) for failure in failures])
        self._count(failures)
        kind = RowsRefusedError if last.raised else NotAnsweredError
        last.group.fail(kind(last.group.endpoint.name, last.group.version.number, reason=last.reason))

    def _count(self, failures: Sequence[Failure]) -> None:
        for failure in failures:
            self.counters.failed[failure.group.endpoint.name, failure.group.version.number] += len(failure.group.ids)


def _alike(batch: Sequence[Asked]) -> Iterable[Sequence[Asked]]:
    """Requests that may be computed together: of one endpoint as it was when they came, of one form, and wanting the same."""
    found: dict[tuple[LoadedEndpoint, int, Wants], list[Asked]] = {}
    for asked in batch:
        found.setdefault((asked.endpoint, id(asked.rows.form), asked.wants), []).append(asked)
    return found.values()


def _say(group: Group, vector: Vector) -> Generator[Coroutine[Any, Any, Answers], Answers, Answers]:
    """What the group's model says: of all rows, or, where one of its requests got no answer, to each request."""
    version = group.version
    if isinstance(version.model, ChildModel):
        answers = yield version.model.predict_parts(vector.frame, [len(own) for _, own in group.owners])
        assert isinstance(answers, list)
        return together(answers)
    if version.takes_long(group.rows.n):  # libraries of models let go of the interpreter, so that others are answered meanwhile
        return (yield asyncio.to_thread(version.ask, vector, group.rows.n))
    asked: Any = version.ask(vector, group.rows.n)
    return (yield asked) if version.awaited else asked


async def _drive(steps: Steps, question: Coroutine[Any, Any, Answers]) -> None:
    with suppress(StopIteration):
        while True:
            try:
                answer = await question
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - the steps decide what an error means
                question = steps.throw(error)
            else:
                question = steps.send(answer)
