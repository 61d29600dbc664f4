"""Which expressions are row-wise: the value of a row follows from that row alone.

Polars says of one operation whether it can be split by rows, not of the whole tree (``x - x.mean()`` counts as separable), and
takes some operations for separable that read a second column as a whole. So every node of the tree is asked, and those few are
refused by name. What cannot be judged, such as a Python function, is refused too: a leak of the future is worse than a detour.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TypeAlias

import polars as pl
from polars.exceptions import PolarsError

_Tree: TypeAlias = "dict[str, Any] | list[Any] | str | int | float | bool | None"
# Their second and third input are read as a whole column unless they are literals.
_WHOLE_COLUMN = ("IsIn", "Replace", "ReplaceStrict")
_REFUSED = {
    "AnonymousFunction": "a Python function, which nobody can see through",
    "Eval": "list.eval, which is not checked",
    "StructEval": "struct.with_fields, which is not checked",
    "Sample": "list.sample, which draws at random",
    "Categorical": "a cast to Categorical, whose codes depend on other rows",
}


def has_selectors(expression: pl.Expr) -> bool:
    """Whether the columns of `expression` depend on which columns are there."""
    return '"Selector"' in expression.meta.serialize(format="json")


def find_offence(expression: pl.Expr) -> str | None:
    """The first operation in `expression` that is not row-wise, or cannot be judged; None where every value follows from its row alone."""
    try:
        tree = json.loads(expression.meta.serialize(format="json"))
        # A selector stands for columns and is as row-wise as one column is; nodes above it can only be asked with a column.
        nodes = list(_nodes(pl.Expr.deserialize(json.dumps(_without_selectors(tree)).encode(), format="json")))
    except (PolarsError, ValueError):
        return f"{_name(expression)}, which cannot be judged"
    for kind, reason in _REFUSED.items():
        if kind in _kinds(tree):
            return reason
    try:
        return next((_name(node) for node in nodes if not _separable(node)), None)
    except PolarsError:
        return f"{_name(expression)}, which cannot be judged"


def _nodes(expression: pl.Expr) -> Iterator[pl.Expr]:
    for child in expression.meta.pop():
        yield from _nodes(child)
    yield expression


def _kinds(tree: _Tree) -> set[str]:
    match tree:
        case dict():
            return set(tree).union(*map(_kinds, tree.values()))
        case list():
            return set().union(*map(_kinds, tree)) if tree and not isinstance(tree[0], int) else set()
    return {tree} if isinstance(tree, str) else set()


def _without_selectors(tree: _Tree) -> _Tree:
    match tree:
        case {"Selector": _}:
            return {"Column": "x"}
        case {"Function": {"input": [left, right], "function": {"Sql": {"Binary": _}}}}:
            # Arithmetic in SQL, which Polars itself cannot be asked about before it knows the columns' types.
            return {"BinaryExpr": {"left": _without_selectors(left), "op": "Plus", "right": _without_selectors(right)}}
        case dict():
            return {key: _without_selectors(item) for key, item in tree.items()}
        case list():
            return [_without_selectors(item) for item in tree]
    return tree


def _separable(node: pl.Expr) -> bool:
    meta = node.meta
    if not meta.is_row_separable() or (meta.root_names() and not meta.is_length_preserving()):
        return False
    # Polars pops the last input first; old and new values are the second and third.
    values = meta.pop()[::-1][1:3]
    return not (any(value.meta.root_names() for value in values) and _reads_whole_column(node))


def _reads_whole_column(node: pl.Expr) -> bool:
    match json.loads(node.meta.serialize(format="json")):
        case {"Function": {"function": function}}:
            return not _kinds(function).isdisjoint(_WHOLE_COLUMN)
    return False


def _name(node: pl.Expr) -> str:
    return f"'{node}'"
