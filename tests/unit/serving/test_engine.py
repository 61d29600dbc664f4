"""What a version does to rows, it does to them alone: engines over models that live in the same process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from flyball.core.clock import MonotonicTimer, WallClock
from flyball.core.errors import FlyballError
from flyball.core.ids import Digest, RandomIds
from flyball.predict.batching import Batcher
from flyball.runtimes import Description, ModelManifest
from flyball.runtimes.errors import MissingValueError
from flyball.serving.asked import ROUTED, Answer, Wants
from flyball.serving.engine import Engine
from flyball.serving.errors import NotAnsweredError, RowsRefusedError
from flyball.serving.plan import Cost, EndpointPlan, InputColumn, VersionPlan
from flyball.serving.record import Answered, decode
from flyball.serving.rowform import Rows
from flyball.serving.version import LoadedEndpoint, LoadedVersion, RequestAsIs
from flyball.storage._localjournal import LocalJournal

MANIFEST = ModelManifest(format="linear", features=("x",), dtypes=("Float64",), task="regression")
Answering = Callable[[list[float]], Any]


class Model:
    """Says what `answer` says of the numbers that it is given, and keeps how many they were."""

    manifest = MANIFEST

    def __init__(self, answer: Answering) -> None:
        self.answer = answer
        self.calls: list[int] = []

    def predict(self, frame: pl.DataFrame) -> Any:
        self.calls.append(frame.height)
        return np.asarray(self.answer(frame["x"].to_list()))

    def dump(self) -> dict[str, bytes]:
        return {}


class Bench:
    """An engine with one endpoint, at which version 1 answers and 2 is held ready."""

    def __init__(self, place: Path, *answers: Answering, cost: Cost | None = None) -> None:
        self.journal = LocalJournal.write(place)
        self.engine = Engine(self.journal, clock=WallClock(), ids=RandomIds(), timer=MonotonicTimer())
        self.models = [Model(answer) for answer in answers]
        inputs = (InputColumn("x", "Float64"),)
        plans = [
            VersionPlan(number=number, model_digest=Digest("d"), task="regression", inputs=inputs, cost=cost)
            for number in range(1, len(answers) + 1)
        ]
        told = Description(task="regression")
        versions = {plan.number: LoadedVersion(plan, None, RequestAsIs(), self.models[plan.number - 1], {}, told) for plan in plans}
        plan = EndpointPlan(endpoint="e", model="m", revision=1, champion=1, canary=None, share=0.0, versions=tuple(plans))
        self.endpoint = LoadedEndpoint.of(plan, versions)

    def ask(self, *requests: list[float], wants: Wants = ROUTED) -> list[Answer | FlyballError]:
        """What is answered to requests that come in one turn of the loop."""

        async def main() -> list[Any]:
            batcher = Batcher(self.engine)
            asked = [batcher.ask(self.endpoint, self.rows(numbers), arrived=0.0, wants=wants) for numbers in requests]
            found = await asyncio.gather(*asked, return_exceptions=True)
            await self.engine.finish()
            return found

        return asyncio.run(main())

    def rows(self, numbers: list[float]) -> Rows:
        form: Any = self.endpoint.form
        return Rows(form, {"x": numbers}, len(numbers))

    def records(self) -> list[Answered]:
        return [decode(entry.payload) for entry in self.journal.read_after(0)]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(*answers: Answering, cost: Cost | None = None) -> Bench:
        made.append(Bench(tmp_path / str(len(made)), *answers, cost=cost))
        return made[-1]

    yield make
    for found in made:
        found.journal.close()


def told(answers: list[Answer | FlyballError]) -> list[Any]:
    return [list(found.column(lambda part: part.scores)) if isinstance(found, Answer) else type(found) for found in answers]


def doubled(numbers: list[float]) -> Any:
    return [2 * number for number in numbers]


def test_what_one_turn_delivers_is_one_call_and_one_record(bench: Callable[..., Bench]) -> None:
    made = bench(doubled)
    assert told(made.ask([1.0], [2.0, 3.0], [4.0])) == [[2], [4, 6], [8]]
    assert made.models[0].calls == [4]
    assert [record.scores for record in made.records()] == [[2, 4, 6, 8]]


def test_requests_that_want_different_things_are_never_one_call(bench: Callable[..., Bench]) -> None:
    made = bench(doubled, doubled)

    async def main() -> list[Any]:
        batcher = Batcher(made.engine)
        wants = [ROUTED, Wants(version=2), ROUTED, Wants(ages=True), Wants(version=1)]
        asked = [batcher.ask(made.endpoint, made.rows([1.0]), arrived=0.0, wants=one) for one in wants]
        return await asyncio.gather(*asked)

    found = asyncio.run(main())
    assert [(answer.version, answer.route) for answer in found] == [
        (1, "champion"), (2, "pinned"), (1, "champion"), (1, "champion"), (1, "pinned"),
    ]  # fmt: skip
    assert made.models[0].calls == [2, 1, 1]
    assert made.models[1].calls == [1]


@pytest.mark.parametrize(
    ("bad", "error"), [(float("nan"), NotAnsweredError), (float("inf"), NotAnsweredError), (ZeroDivisionError(), NotAnsweredError)]
)
def test_what_it_cannot_say_of_one_request_it_says_of_the_others(bench: Callable[..., Bench], bad: Any, error: type[FlyballError]) -> None:
    def answer(numbers: list[float]) -> Any:
        if 3.0 in numbers and isinstance(bad, Exception):
            raise bad
        return [bad if number == 3.0 else 2 * number for number in numbers]

    made = bench(answer)
    assert told(made.ask([1.0], [2.0, 3.0], [4.0])) == [[2], error, [8]]
    assert sorted((record.error is None, len(record.ids)) for record in made.records()) == [(False, 2), (True, 1), (True, 1)]


def test_rows_that_a_model_made_elsewhere_does_not_take_are_refused_alone(bench: Callable[..., Bench]) -> None:
    def answer(numbers: list[float]) -> Any:
        if 3.0 in numbers:
            raise MissingValueError("x")
        return doubled(numbers)

    assert told(bench(answer).ask([1.0], [3.0], [4.0])) == [[2], RowsRefusedError, [8]]


@pytest.mark.parametrize("shape", [[], [1.0], [[1.0, 2.0]] * 3, 7.0])
def test_an_answer_of_another_shape_is_none(bench: Callable[..., Bench], shape: Any) -> None:
    made = bench(lambda numbers: shape if len(numbers) > 1 or not isinstance(shape, list) or len(shape) != 1 else [*shape, 1.0])
    assert set(told(made.ask([1.0], [2.0], [4.0]))) == {NotAnsweredError}


def test_a_call_that_takes_long_lets_others_be_answered(bench: Callable[..., Bench]) -> None:
    let_go = threading.Event()

    def answer(numbers: list[float]) -> Any:
        assert let_go.wait(60)
        return doubled(numbers)

    made = bench(answer, doubled, cost=Cost(call_seconds=0.0, row_seconds=0.01, rows=10))

    async def main() -> Any:
        batcher = Batcher(made.engine)
        slow = asyncio.ensure_future(batcher.ask(made.endpoint, made.rows([1.0, 2.0, 3.0]), arrived=0.0))
        quick = await batcher.ask(made.endpoint, made.rows([1.0]), arrived=0.0, wants=Wants(version=2))
        waited = not slow.done()
        let_go.set()
        return [quick, await slow], waited

    answers, waited = asyncio.run(main())
    assert (told(answers), waited) == ([[2], [2, 4, 6]], True)
