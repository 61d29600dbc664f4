"""Graphs as they are declared, refused, written down and drawn."""

from __future__ import annotations

import pytest

from flyball.serving.graphs import graph as g
from flyball.serving.graphs.errors import GraphError
from flyball.serving.graphs.model import Call, Graph, GraphSpec, Node, Resolved
from flyball.serving.graphs.picture import mermaid

ROWS = g.inputs(x=float, photo=bytes, words=str)


def call(name: str, *of: Node) -> Node:
    return g.call(f"models:/{name}/1", *(of or (ROWS,)))


def test_a_graph_is_written_and_read_as_it_was() -> None:
    output = g.switch(
        ROWS, {"x > 1": call("a")}, otherwise=g.mean([call("b"), g.call("models:/c@best", ROWS, fallback=0.5)], weights=[1, 2])
    )
    spec = Graph("g", output).spec({"a": Resolved("models:/a/1", "d" * 64)})  # type: ignore[arg-type]  # 64 digits are a digest
    assert GraphSpec.decode(spec.encode()) == spec
    assert [step.name for step in spec.steps] == ["inputs", "a", "b", "c", "mean", "switch"]


def test_a_call_is_named_after_its_model() -> None:
    assert [g.call(text, ROWS).name for text in ("models:/a/1", "models:/b@best", "models:/c/latest")] == ["a", "b", "c"]


def test_two_steps_of_one_name_are_told_to_be_named() -> None:
    with pytest.raises(GraphError, match=r"'a'.*name="):
        Graph("g", g.mean([call("a"), call("a")]))


def test_an_output_that_answers_nothing_is_refused() -> None:
    with pytest.raises(GraphError, match="output"):
        Graph("g", g.compute(ROWS, y="x"))


def test_two_things_called_inputs_are_refused() -> None:
    with pytest.raises(GraphError, match="'inputs'"):
        Graph("g", g.mean([call("a"), g.call("models:/b/1", g.inputs(y=float))]))


@pytest.mark.parametrize("weights", [[1], [1, -1], [0, 0], [1, float("nan")], [float("inf"), 1]], ids=str)
def test_weights_are_one_each_and_sane(weights: list[float]) -> None:
    with pytest.raises(GraphError, match="weights"):
        Graph("g", g.mean([call("a"), call("b")], weights=weights))


def test_a_type_that_no_request_has_is_refused() -> None:
    with pytest.raises(GraphError, match="'x'"):
        g.inputs(x=list)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{}", b"[]", b"\xff", b'{"steps": [], "output": "a"}', b'{"steps": [{"step": "evil", "name": "a"}], "output": "a"}',
        b'{"steps": [{"step": "inputs"}, {"step": "call", "name": "a", "of": ["later"], "model": "m"}], "output": "a"}',
        b'{"steps": [{"step": "inputs"}, {"step": "call", "name": "a", "of": ["a"], "model": "m"}], "output": "a"}',
        b'{"steps": [{"step": "inputs"}, {"step": "call", "name": "../x", "of": ["inputs"], "model": "m"}], "output": "../x"}',
        b'{"steps": [{"step": "inputs"}, {"step": "mean", "name": "a"}], "output": "a"}',
    ],
    ids=range(10),
)  # fmt: skip
def test_a_file_that_is_no_graph_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(GraphError):
        GraphSpec.decode(data)


def test_a_chain_beyond_the_limit_is_refused_and_not_followed() -> None:
    node = call("a0")
    for number in range(2000):
        node = g.score("x", ROWS, node, name=f"s{number}")
    with pytest.raises(GraphError, match="100"):
        Graph("g", node)


def test_a_picture_has_every_step_and_escapes_what_would_be_markup() -> None:
    output = g.switch(ROWS, {"words = '<script>\"'": call("a")}, otherwise=g.call("models:/b/1", ROWS, fallback=call("c")))
    drawn = mermaid(Graph("g", output).spec({"b": Resolved("models:/b/7", "d" * 64)}))  # type: ignore[arg-type]  # as above
    assert all(name in drawn for name in ("inputs", "models:/a/1", "models:/b/7", "otherwise", "where it fails", "answer"))
    assert "<script>" not in drawn


def test_a_fallback_is_a_step_or_a_number() -> None:
    step, number = g.call("models:/a/1", ROWS, fallback=call("b")).step, g.call("models:/a/1", ROWS, fallback=0).step
    assert isinstance(step, Call)
    assert isinstance(number, Call)
    assert (step.instead, step.constant, number.instead, number.constant) == ("b", None, None, 0.0)
