"""Many rows are checked as a whole and answered piece by piece, with everybody else in between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest

from flyball.core.clock import MonotonicTimer
from flyball.core.errors import FlyballError
from flyball.predict import arrow
from flyball.predict.batching import Batcher
from flyball.predict.bulk import PIECE_ROWS, Bulk, check_size
from flyball.predict.dataplane import DataPlane
from flyball.predict.errors import BodyTooLargeError
from flyball.predict.meter import Meter
from flyball.predict.sheaves import ArrowSheaf, JsonSheaf
from flyball.predict.target import Origin, Target
from flyball.serving.asked import ROUTED, Answer
from flyball.serving.engine import Engine
from flyball.serving.errors import FieldError, NoRowsError, TooManyRowsError
from flyball.serving.openform import OpenForm
from flyball.serving.vectorform import vector_form
from flyball.serving.version import Serving
from tests.unit.serving.test_engine import Bench

ME = Origin(0.0, "me")


class Many:
    """A data plane over one endpoint, whose model says each number back, or refuses negative ones."""

    def __init__(self, place: Path) -> None:
        def answer(numbers: list[float]) -> Any:
            assert min(numbers) >= 0, "negative"
            return numbers

        self.bench = Bench(place, answer)
        engine: Engine = self.bench.engine
        engine.serving = Serving(1, {"e": self.bench.endpoint})
        self.plane = DataPlane(engine, Batcher(engine), meter=Meter(MonotonicTimer()))
        self.model = self.bench.models[0]

    def columns(self, rows: int) -> dict[str, pl.Series]:
        return {"x": pl.Series("x", np.arange(float(rows)))}

    async def ask(self, columns: dict[str, pl.Series], take: Callable[[Answer], None]) -> None:
        await self.plane.bulk.answer(self.plane.find("e"), columns, asker=ME, take=take)

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run(work)


@pytest.fixture
def many(tmp_path: Path) -> Any:
    made = Many(tmp_path)
    yield made
    made.bench.journal.close()


def test_each_row_is_answered_in_its_place_by_calls_of_bounded_size(many: Many) -> None:
    sheaves = (ArrowSheaf(), JsonSheaf())
    for sheaf in sheaves:
        many.run(many.ask(many.columns(4321), sheaf.add))
    frame = pl.read_ipc_stream(sheaves[0].reply().body)
    assert frame["prediction"].to_list() == frame["score"].to_list() == list(range(4321))
    assert frame["id"].n_unique() == 4321
    told = msgspec.json.decode(sheaves[1].reply().body)
    assert [one["prediction"] for one in told.pop("predictions")] == list(range(4321))
    assert told == {"model": "m", "version": 1, "route": "champion"}
    assert max(many.model.calls) <= PIECE_ROWS
    assert sum(many.model.calls) == 2 * 4321


def test_a_wrong_row_is_named_and_nothing_was_asked(many: Many) -> None:
    values = [float(number) for number in range(5000)]
    values[4444] = float("nan")
    with pytest.raises(FieldError) as refused:
        many.run(many.ask({"x": pl.Series(values)}, lambda _: None))
    assert (refused.value.row, refused.value.field) == (4444, "x")
    assert "Row 4444" in str(refused.value)
    assert many.model.calls == []
    with pytest.raises(FieldError):
        many.run(many.ask({"y": pl.Series([1.0] * 5000)}, lambda _: None))


def test_others_are_answered_between_two_pieces(many: Many) -> None:
    """Whoever asks for a row meanwhile waits for a few pieces, and never for all of them."""
    taken = [0]

    async def main() -> None:
        async def lone() -> int:
            before = taken[0]
            answer = await many.plane.ask(many.plane.find("e"), many.bench.rows([7.0]), asker=ME)
            assert answer.column(lambda part: part.predictions) == [7.0]
            return taken[0] - before

        whole = asyncio.create_task(many.ask(many.columns(20 * PIECE_ROWS), lambda _: taken.__setitem__(0, taken[0] + 1)))
        waited = []
        while not whole.done():
            waited.append(await lone())
        await whole
        assert len(waited) >= 10
        assert max(waited) <= 4

    many.run(main())
    assert taken == [20]


def test_who_fails_half_way_gives_its_turn_back(many: Many) -> None:
    values = pl.Series([1.0] * 1500 + [-1.0] * 10)
    for _ in range(3):
        with pytest.raises(FlyballError, match="negative"):
            many.run(many.ask({"x": values}, lambda _: None))
    many.run(many.ask(many.columns(1001), lambda _: None))


def test_who_hangs_up_gives_its_turn_back(many: Many) -> None:
    async def main() -> None:
        tasks = [asyncio.create_task(many.ask(many.columns(50_000), lambda _: None)) for _ in range(5)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await many.ask(many.columns(1001), lambda _: None)

    many.run(main())


def test_more_than_may_come_is_refused() -> None:
    assert check_size({"x": pl.Series([0.0] * 1001)}, most_rows=2000) == 1001
    assert check_size({"x": pl.Series([0.0] * 1000)}, most_rows=10) == 1000, "what may come in any other way"
    with pytest.raises(TooManyRowsError, match="one may have 1,500"):
        check_size({"x": pl.Series([0.0] * 1501)}, most_rows=1500)
    nothing = dict.fromkeys(map(str, range(5000)), pl.Series([None] * 2001))
    with pytest.raises(TooManyRowsError, match="one may have 2,000"):
        check_size(nothing, most_rows=100_000)
    for empty in ({}, {"x": pl.Series([])}):
        with pytest.raises(NoRowsError):
            check_size(empty, most_rows=2000)


@pytest.mark.parametrize("dtype", [pl.String(), pl.Categorical(), pl.Binary()], ids=str)
def test_a_text_that_is_meant_many_times_over_counts_each_time(dtype: pl.DataType) -> None:
    text: Any = b"x" * 1000 if dtype == pl.Binary() else "x" * 1000
    assert check_size({"t": pl.Series([text, None], dtype=dtype).sample(2000, with_replacement=True, seed=0)}, most_rows=100_000) == 2000
    with pytest.raises(BodyTooLargeError):
        check_size({"t": pl.Series([text], dtype=dtype).new_from_index(0, 70_000)}, most_rows=100_000)


def test_keys_of_a_part_of_the_rows_are_refused_as_in_one_piece(many: Many) -> None:
    form = vector_form({"x": pl.Float64()}, beside={"k": "String"}, key=("k",))
    assert form is not None
    endpoint = many.bench.endpoint
    target = Target("e.vector", endpoint, form, ROUTED, endpoint.versions[1])
    bulk = Bulk(Batcher(many.bench.engine), many.plane.meter, again=lambda found: found)
    rows = 3 * PIECE_ROWS
    for keys in ([None] * PIECE_ROWS + ["k"] * (rows - PIECE_ROWS), ["k"] * (rows - 1) + [None]):
        columns = {"x": pl.Series([1.0] * rows), "k": pl.Series(keys)}
        with pytest.raises(FieldError) as refused:
            asyncio.run(bulk.answer(target, columns, asker=ME, take=lambda _: None))
        assert refused.value.field == "k"
    assert many.model.calls == []


def test_an_open_form_is_made_of_all_rows() -> None:
    """A column whose first thousand values are not known is what the others are."""
    from flyball.serving.fitting import form_of

    found = form_of(OpenForm(), {"a": pl.Series([None] * 1500 + ["text"]), "b": pl.Series([1.5] * 1501)})
    assert dict(found.columns) == {"a": "String", "b": "Float64"}


def test_pieces_of_several_kinds_are_one_stream() -> None:
    frames = [pl.DataFrame({"id": ["a"], "prediction": [1.5]}), pl.DataFrame({"id": ["b"], "prediction": [2], "warnings": [["w"]]})]
    found = pl.read_ipc_stream(arrow.written(frames))
    assert found["prediction"].to_list() == [1.5, 2.0]
    assert found["warnings"].to_list() == [None, ["w"]]
