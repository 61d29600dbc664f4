"""How a graph is declared in Python: one function for each kind of step, each taking the steps before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from flyball.serving.graphs.errors import GraphError
from flyball.serving.graphs.model import Call, Combine, Compute, Graph, Inputs, Node, Score, Switch

__all__ = ["Graph", "call", "compute", "inputs", "mean", "score", "switch", "vote"]

_TYPES: Mapping[type, str] = {str: "String", float: "Float64", int: "Int64", bool: "Boolean", bytes: "Binary"}


def inputs(**columns: Any) -> Node:
    """What a request has: a type per column, of `str`, `float`, `int`, `bool`, `bytes` (text, numbers, and whole files such as images).

    >>> inputs(carrier=str, distance=float).step.columns
    {'carrier': 'String', 'distance': 'Float64'}

    Raises:
        GraphError: a column is of another type.
    """
    found: dict[str, str] = {}
    for name, kind in columns.items():
        if kind not in _TYPES:
            raise GraphError("inputs", f"column {name!r} is of {kind!r}; a column is of str, float, int, bool or bytes")
        found[name] = _TYPES[kind]
    return Node(Inputs(columns=found), ())


def compute(*of: Node, name: str = "compute", **columns: str) -> Node:
    """The columns of the steps `of`, and what an expression per new column says of each row, in the language of contracts."""
    return Node(Compute(name=name, of=_names(of), columns=columns), of)


def call(
    model: str,
    *of: Node,
    name: str | None = None,
    rename: Mapping[str, str] | None = None,
    fallback: Node | float | None = None,
) -> Node:
    """What a version says: `model` is models:/NAME/VERSION, models:/NAME@ALIAS or models:/NAME/latest, fixed when the graph is registered.

    `rename` says by which column a column that the model takes is given. `fallback` answers where the model fails: a step or a number.
    """
    own = name or model.removeprefix("models:/").partition("/")[0].partition("@")[0]
    if isinstance(fallback, Node):
        step = Call(name=own, of=_names(of), model=model, rename=dict(rename or {}), instead=fallback.name)
        return Node(step, (*of, fallback))
    constant = None if fallback is None else float(fallback)
    return Node(Call(name=own, of=_names(of), model=model, rename=dict(rename or {}), constant=constant), of)


def mean(of: Sequence[Node], *, weights: Sequence[float] = (), missing: Literal["fail", "skip"] = "fail", name: str = "mean") -> Node:
    """The (weighted) mean of scores, or of each class's probability; a step that fails fails it, or is left out by `missing="skip"`."""
    return Node(Combine(name=name, of=_names(of), how="mean", weights=tuple(map(float, weights)), missing=missing), tuple(of))


def vote(of: Sequence[Node], *, weights: Sequence[float] = (), missing: Literal["fail", "skip"] = "fail", name: str = "vote") -> Node:
    """The share of (weighted) votes for each class, or for a binary label; the class with most votes is said."""
    return Node(Combine(name=name, of=_names(of), how="vote", weights=tuple(map(float, weights)), missing=missing), tuple(of))


def switch(on: Node | Sequence[Node], cases: Mapping[str, Node], *, otherwise: Node, name: str = "switch") -> Node:
    """The answer of the first case whose condition, an expression over the columns of `on`, holds for a row; else `otherwise`."""
    looked = (on,) if isinstance(on, Node) else tuple(on)
    named = tuple((condition, node.name) for condition, node in cases.items())
    step = Switch(name=name, on=_names(looked), cases=named, otherwise=otherwise.name)
    return Node(step, (*looked, *cases.values(), otherwise))


def score(expression: str, *of: Node, task: Literal["binary", "regression"] = "regression", name: str = "score") -> Node:
    """An expression over the columns of the steps `of`, as the answer; an answering step is a column under its name."""
    return Node(Score(name=name, of=_names(of), expression=expression, task=task), of)


def _names(of: Sequence[Node]) -> tuple[str, ...]:
    return tuple(node.name for node in of)
