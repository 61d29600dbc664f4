"""A graph of models as values: steps that name the steps before them, and which of them is the answer.

It is data, written as JSON, and carries no code: what is computed are expressions in the language of contracts, and Python stands in
models of its own, each in its process. Steps of two sorts: those that give columns (`Inputs`, `Compute`) and those that give an answer per
row (`Call`, `Combine`, `Switch`, `Score`); an answer may be used as a column under its step's name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import msgspec

from flyball.core.ids import Digest
from flyball.serving.graphs.errors import GraphError

MOST_STEPS = 100
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
How: TypeAlias = Literal["mean", "vote"]


class Inputs(msgspec.Struct, frozen=True, kw_only=True, tag_field="step", tag="inputs"):
    """The columns of a request, by Polars' names of their types."""

    name: str = "inputs"
    columns: dict[str, str] = {}

    @property
    def before(self) -> tuple[str, ...]:
        return ()


class Compute(msgspec.Struct, frozen=True, kw_only=True, tag_field="step", tag="compute"):
    """The columns of the steps `of`, and beside them, or in their place, what the expressions of `columns` say of each row."""

    name: str
    of: tuple[str, ...]
    columns: dict[str, str]

    @property
    def before(self) -> tuple[str, ...]:
        return self.of


class Call(msgspec.Struct, frozen=True, kw_only=True, tag_field="step", tag="call"):
    """What a version of a model says of the columns of the steps `of`; `rename` is the model's column -> theirs.

    Where the model fails, the step `instead` answers for its rows, or the number `constant`; without either the graph fails.
    """

    name: str
    of: tuple[str, ...]
    model: str
    rename: dict[str, str] = {}
    instead: str | None = None
    constant: float | None = None

    @property
    def before(self) -> tuple[str, ...]:
        return self.of if self.instead is None else (*self.of, self.instead)


class Combine(msgspec.Struct, frozen=True, kw_only=True, tag_field="step", tag="combine"):
    """The weighted mean of the steps' scores, or the share of their votes for each class.

    With `missing` "skip", steps that fail are left out and the others' weights count in full.
    """

    name: str
    of: tuple[str, ...]
    how: How = "mean"
    weights: tuple[float, ...] = ()
    missing: Literal["fail", "skip"] = "fail"

    @property
    def before(self) -> tuple[str, ...]:
        return self.of


class Switch(msgspec.Struct, frozen=True, kw_only=True, tag_field="step", tag="switch"):
    """The answer of the first case whose condition holds for a row, over the columns of the steps `on`; else `otherwise`.

    A condition that is null does not hold. A case is computed for its own rows alone.
    """

    name: str
    on: tuple[str, ...]
    cases: tuple[tuple[str, str], ...]
    otherwise: str

    @property
    def before(self) -> tuple[str, ...]:
        return (*self.on, *(step for _, step in self.cases), self.otherwise)


class Score(msgspec.Struct, frozen=True, kw_only=True, tag_field="step", tag="score"):
    """An expression over the columns of the steps `of`, as an answer: the probability of a "binary" label, or a number."""

    name: str
    of: tuple[str, ...]
    expression: str
    task: Literal["binary", "regression"] = "regression"

    @property
    def before(self) -> tuple[str, ...]:
        return self.of


Step: TypeAlias = Inputs | Compute | Call | Combine | Switch | Score
ANSWERS = (Call, Combine, Switch, Score)


class Resolved(msgspec.Struct, frozen=True):
    """The version that a call means, and the digest of its packed model."""

    model: str
    digest: Digest


class GraphSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A whole graph: each step after those that it names; `output` is the answer; `models` are the versions of its calls, by step."""

    steps: tuple[Step, ...]
    output: str
    models: dict[str, Resolved] = {}

    def encode(self) -> bytes:
        """The graph as JSON, equal bytes for equal graphs."""
        return msgspec.json.encode(self)

    @classmethod
    def decode(cls, data: bytes) -> GraphSpec:
        """The graph that `encode` wrote.

        Raises:
            GraphError: it is something else, or cannot be.
        """
        try:
            found = msgspec.json.decode(data, type=cls)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise GraphError("graph.json", f"it cannot be read: {error}") from error
        check(found)
        return found

    def get(self, name: str) -> Step:
        """The step of that name."""
        return next(step for step in self.steps if step.name == name)

    @property
    def inputs(self) -> Inputs:
        """What a request has."""
        return next(step for step in self.steps if isinstance(step, Inputs))

    @property
    def calls(self) -> tuple[Call, ...]:
        """The steps that ask models."""
        return tuple(step for step in self.steps if isinstance(step, Call))


def check(graph: GraphSpec) -> None:
    """Every step has a name of its own and stands after those that it names; answers are where answers must be.

    Raises:
        GraphError: which step is wrong, and why.
    """
    if not 1 < len(graph.steps) <= MOST_STEPS:
        raise GraphError("graph", f"it has {len(graph.steps)} steps; a graph has 2 to {MOST_STEPS}")
    if sum(isinstance(step, Inputs) for step in graph.steps) != 1:
        raise GraphError("graph", "it has not just one step of inputs")
    known: dict[str, Step] = {}
    for step in graph.steps:
        if not _NAME.fullmatch(step.name):
            raise GraphError(step.name[:64], "a step's name is a letter and letters, digits, _ or - after it, 64 at most")
        if step.name in known:
            raise GraphError(step.name, "two steps have that name; give one of them another by `name=`")
        for name in step.before:
            if name not in known:
                raise GraphError(step.name, f"it names the step {name[:64]!r}, which does not stand before it")
        _check_step(step, known)
        known[step.name] = step
    if not isinstance(known.get(graph.output), ANSWERS):
        raise GraphError(graph.output[:64], "the output is a step that answers: a call, a mean, a vote, a switch or a score")


def _check_step(step: Step, known: Mapping[str, Step]) -> None:
    match step:
        case Call(instead=instead, constant=constant):
            if instead is not None and constant is not None:
                raise GraphError(step.name, "either a step or a number stands in for it")
            _answers(step.name, [instead] if instead else [], known=known)
        case Combine(of=of, weights=weights):
            _answers(step.name, of, known=known)
            if not of:
                raise GraphError(step.name, "it has nothing to combine")
            if weights and (len(weights) != len(of) or min(weights) < 0 or not 0 < sum(weights) < float("inf")):
                raise GraphError(
                    step.name, f"it has weights {list(weights)} for {len(of)} steps; give one each, none negative, not all zero"
                )
        case Switch(cases=cases, otherwise=otherwise):
            _answers(step.name, [*(answer for _, answer in cases), otherwise], known=known)
            if not cases:
                raise GraphError(step.name, "it has no case")


def _answers(name: str, of: Sequence[str], *, known: Mapping[str, Step]) -> None:
    for other in of:
        if not isinstance(known[other], ANSWERS):
            raise GraphError(name, f"{other!r} gives columns, and an answer is needed there")


@dataclass(frozen=True, eq=False)
class Node:
    """A step as it is declared in Python, with the steps that it names."""

    step: Step
    before: tuple[Node, ...]

    @property
    def name(self) -> str:
        return self.step.name


@dataclass(frozen=True, eq=False)
class Graph:
    """A graph as it is declared: a name for the model, and the step that answers.

    Raises:
        GraphError: it cannot be.
    """

    name: str
    output: Node

    def __post_init__(self) -> None:
        check(self.spec())

    def spec(self, models: Mapping[str, Resolved] | None = None) -> GraphSpec:
        """The graph as data; `models` are what its calls mean."""
        found: dict[str, Node] = {}
        _collect(self.output, found, above=frozenset())
        return GraphSpec(steps=tuple(node.step for node in found.values()), output=self.output.name, models=dict(models or {}))


def _collect(node: Node, found: dict[str, Node], *, above: frozenset[str]) -> None:
    if len(above) > MOST_STEPS:
        raise GraphError(node.name, f"more than {MOST_STEPS} steps stand after one another")
    if node.name in found:
        if found[node.name] is not node:
            raise GraphError(node.name, "two steps have that name; give one of them another by `name=`")
        return
    for other in node.before:
        _collect(other, found, above=above | {node.name})
    found[node.name] = node
