"""What a graph answers: each row by itself, branches for their own rows alone, and what stands in where a model fails."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyball.runtimes import Description, ModelManifest
from flyball.runtimes.model import Files, Floats, Label, Task
from flyball.serving.errors import ModelFailedError
from flyball.serving.graphs import graph as g
from flyball.serving.graphs.errors import GraphColumnError, GraphError
from flyball.serving.graphs.model import Graph, Node
from flyball.serving.graphs.running import GraphModel
from flyball.serving.outcome import Explained


@dataclass
class Line:
    """A model that says `slope` times the column `of`, and fails where that is beyond `most`; it remembers how many rows it was asked."""

    of: str
    slope: float = 1.0
    task: Task = "regression"
    most: float = float("inf")
    asked: list[int] = field(default_factory=list)

    @property
    def manifest(self) -> ModelManifest:
        return ModelManifest(format="linear", features=(self.of,), dtypes=("Float64",), task=self.task)

    def predict(self, frame: pl.DataFrame) -> Floats:
        self.asked.append(frame.height)
        said = frame[self.of].to_numpy() * self.slope
        if (said > self.most).any():
            raise ValueError("beyond")
        return said

    def dump(self) -> Files:
        return {}


@dataclass
class Classed:
    """A model of classes: the label that the column `of` names, with that probability."""

    of: str
    classes: tuple[Label, ...]
    chance: float = 0.8

    @property
    def manifest(self) -> ModelManifest:
        return ModelManifest(format="linear", features=(self.of,), dtypes=("String",), task="classes", classes=self.classes)

    @property
    def description(self) -> Description:
        return Description(task="classes", classes=self.classes)

    def predict(self, frame: pl.DataFrame) -> Floats:
        index = np.array([self.classes.index(label) for label in frame[self.of].to_list()])
        chances = np.full((len(index), len(self.classes)), (1 - self.chance) / (len(self.classes) - 1))
        chances[np.arange(len(index)), index] = self.chance
        return np.column_stack([index.astype(float), chances])

    def dump(self) -> Files:
        return {}


ROWS = g.inputs(x=float, kind=str)
FRAME = pl.DataFrame({"x": [0.1, 0.4, 0.9], "kind": ["a", "b", "a"]})


def run(output: Node, models: Mapping[str, Line | Classed], *, frame: pl.DataFrame = FRAME) -> Explained:
    manifest = ModelManifest(format="linear", features=("x", "kind"), dtypes=("Float64", "String"), task="values")
    return asyncio.run(GraphModel(manifest, Graph("g", output).spec(), models=models).predict(frame))


def said(output: Node, models: Mapping[str, Line | Classed], *, frame: pl.DataFrame = FRAME) -> Sequence[float]:
    found: list[float] = run(output, models, frame=frame).values.round(9).tolist()
    return found


def test_models_in_sequence_are_given_what_stood_before() -> None:
    scaled = g.compute(ROWS, y="x * 10")
    first = g.call("models:/first/1", scaled)
    second = g.call("models:/second/1", scaled, first, rename={"z": "first"})
    assert said(second, {"first": Line("y"), "second": Line("z", 2)}) == [2.0, 8.0, 18.0]


@pytest.mark.parametrize(("weights", "found"), [((), [0.2, 0.8, 1.8]), ((3.0, 1.0), [0.15, 0.6, 1.35]), ((0.0, 1.0), [0.3, 1.2, 2.7])])
def test_a_mean_is_weighted(weights: tuple[float, ...], found: list[float]) -> None:
    output = g.mean([g.call("models:/a/1", ROWS), g.call("models:/b/1", ROWS)], weights=weights)
    assert said(output, {"a": Line("x"), "b": Line("x", 3)}) == found


def test_a_vote_is_the_share_of_those_who_say_yes() -> None:
    output = g.vote([g.call(f"models:/{name}/1", ROWS) for name in "abc"], weights=[2, 1, 1])
    models = {"a": Line("x", task="binary"), "b": Line("x", 0.2, task="binary"), "c": Line("x", 1.1, task="binary")}
    assert said(output, models) == [0.0, 0.0, 0.75]


def test_classes_are_averaged_and_voted_for() -> None:
    a, b = g.call("models:/a/1", ROWS), g.call("models:/b/1", ROWS)
    models = {"a": Classed("kind", ("a", "b", "c")), "b": Classed("kind", ("a", "b", "c"), 0.6)}
    assert run(g.mean([a, b]), models).values.round(9).tolist()[1] == [1.0, 0.15, 0.7, 0.15]
    assert run(g.vote([a, b]), models).values.tolist()[1] == [1.0, 0.0, 1.0, 0.0]


def test_a_stack_asks_a_model_about_the_answers_of_others() -> None:
    a, b = g.call("models:/a/1", ROWS), g.call("models:/b/1", ROWS)
    output = g.call("models:/judge/1", a, b, rename={"first": "a.a"})
    models: dict[str, Line | Classed] = {"a": Classed("kind", ("a", "b")), "b": Line("x"), "judge": Line("first", 10)}
    assert said(output, models) == [8.0, 2.0, 8.0]


def test_a_switch_asks_a_branch_about_its_own_rows_alone() -> None:
    near, far = Line("x", 10), Line("x", -1)
    output = g.switch(ROWS, {"x > 0.5": g.call("models:/far/1", ROWS)}, otherwise=g.call("models:/near/1", ROWS))
    assert said(output, {"near": near, "far": far}) == [1.0, 4.0, -0.9]
    assert (near.asked, far.asked) == ([2], [1])


def test_a_condition_that_is_null_does_not_hold() -> None:
    output = g.switch(ROWS, {"x > 0.5": g.call("models:/far/1", ROWS)}, otherwise=g.score("0 - 1", ROWS))
    assert said(output, {"far": Line("x")}, frame=pl.DataFrame({"x": [None, 0.6], "kind": ["a", "a"]}, schema=FRAME.schema)) == [-1.0, 0.6]


def test_a_step_is_asked_once_however_many_name_it() -> None:
    model = Line("x")
    one = g.call("models:/one/1", ROWS)
    output = g.switch([ROWS, one], {"one > 0.5": g.mean([one, g.score("x + 1", ROWS)])}, otherwise=one)
    assert said(output, {"one": model}) == [0.1, 0.4, 1.4]
    assert model.asked == [3]


def test_a_step_that_fails_is_asked_once_however_many_name_it() -> None:
    bad, well = g.call("models:/bad/1", ROWS), g.call("models:/a/1", ROWS)
    models = {"a": Line("x"), "bad": Line("x", most=0.5)}
    output: Node = g.mean([bad, well], missing="skip", name="m0")
    for level in range(1, 12):  # each names those before twice
        output = g.mean([g.mean([bad, output], missing="skip", name=f"{level}-{side}"[::-1]) for side in "lr"], name=f"m{level}")
    assert run(output, models).values.tolist() == pytest.approx([0.1, 0.4, 0.9])
    assert models["bad"].asked == [3]


def test_a_number_stands_in_and_the_rows_say_so() -> None:
    found = run(g.call("models:/bad/1", ROWS, fallback=0.25), {"bad": Line("x", most=0.5)})
    assert found.values.tolist() == [0.25] * 3
    assert set(found.warnings) == {0, 1, 2}
    assert "models:/bad/1 failed and 0.25 stood in" in found.warnings[0][0]


def test_a_step_stands_in_for_the_rows_of_its_branch() -> None:
    calm = g.call("models:/calm/1", ROWS)
    output = g.switch(ROWS, {"kind = 'b'": calm}, otherwise=g.call("models:/bad/1", ROWS, fallback=calm))
    found = run(output, {"calm": Line("x"), "bad": Line("x", most=0.5)})
    assert found.values.tolist() == [0.1, 0.4, 0.9]
    assert set(found.warnings) == {0, 2}


def test_a_mean_goes_without_what_fails_where_that_is_declared() -> None:
    parts = [g.call("models:/a/1", ROWS), g.call("models:/bad/1", ROWS)]
    models = {"a": Line("x"), "bad": Line("x", most=0.5)}
    found = run(g.mean(parts, missing="skip", weights=[1, 5]), models)
    assert found.values.tolist() == [0.1, 0.4, 0.9]
    assert all("went without" in words[0] for words in found.warnings.values())
    with pytest.raises(ModelFailedError, match=r"'bad'.*beyond"):
        run(g.mean(parts), models)


def test_all_parts_failing_is_a_failure() -> None:
    with pytest.raises(ModelFailedError, match="beyond"):
        run(g.mean([g.call("models:/bad/1", ROWS)], missing="skip"), {"bad": Line("x", most=0.5)})


@pytest.mark.parametrize("slope", [float("nan"), float("inf")])
def test_what_is_no_number_is_a_failure_of_its_step(slope: float) -> None:
    assert said(g.call("models:/odd/1", ROWS, fallback=7), {"odd": Line("x", slope)}) == [7.0] * 3


def test_a_column_that_nobody_gives_is_named_with_the_near_one() -> None:
    with pytest.raises(GraphColumnError, match=r"'y'.*x"):
        run(g.call("models:/a/1", ROWS), {"a": Line("y")})


def test_an_expression_that_is_none_is_refused_when_the_graph_is_made() -> None:
    with pytest.raises(GraphError, match="'score'"):
        run(g.score("x +", ROWS), {})


def test_answers_of_different_kinds_are_no_mean() -> None:
    output = g.mean([g.call("models:/a/1", ROWS), g.call("models:/b/1", ROWS)])
    with pytest.raises(ModelFailedError, match="kinds"):
        run(output, {"a": Classed("kind", ("a", "b", "c")), "b": Line("x")})


def _graph() -> tuple[Node, dict[str, Line | Classed]]:
    scaled = g.compute(ROWS, double="x * 2")
    a, b = g.call("models:/a/1", scaled, fallback=3.0), g.call("models:/b/1", scaled)
    output = g.switch([scaled, a], {"a < b_like": b, "kind = 'a'": g.mean([a, b], weights=[1, 2])}, otherwise=g.score("a + x", scaled, a))
    scaled.step.columns["b_like"] = "0.3"  # type: ignore[union-attr]  # it is a compute step
    return output, {"a": Line("double", most=1.5), "b": Line("x", 3)}


@given(st.lists(st.tuples(st.floats(-2, 0.7), st.sampled_from(["a", "b"])), min_size=1, max_size=12))
def test_a_row_is_answered_alike_alone_and_among_others(rows: list[tuple[float, str]]) -> None:
    output, models = _graph()
    frame = pl.DataFrame(rows, schema=FRAME.schema, orient="row")
    together = said(output, models, frame=frame)
    assert together == [said(output, models, frame=frame[place])[0] for place in range(frame.height)]
