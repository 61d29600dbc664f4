"""The operators on values in memory, as the laws that the SQL keeps: for values that are compared before any SQL is written."""

from __future__ import annotations

import operator as of
import re
from collections.abc import Callable
from typing import Any

from flyball.tracking.search.clause import Operator, Value

_COMPARED: dict[Operator, Callable[[Any, Any], Any]] = {
    Operator.EQ: of.eq,
    Operator.NE: of.ne,
    Operator.LT: of.lt,
    Operator.LE: of.le,
    Operator.GT: of.gt,
    Operator.GE: of.ge,
}


def matches(found: str | float, operator: Operator, *, asked: Value) -> bool:
    """Whether what was found passes; ILIKE folds the 26 letters of ASCII and no others."""
    match operator:
        case Operator.LIKE | Operator.ILIKE:
            assert isinstance(asked, str)
            assert isinstance(found, str)
            return like(found, asked) if operator is Operator.LIKE else like(_folded(found), _folded(asked))
        case Operator.IN | Operator.NOT_IN:
            assert isinstance(asked, tuple)
            return (found in asked) is (operator is Operator.IN)
        case Operator.IS_NULL | Operator.IS_NOT_NULL:
            return operator is Operator.IS_NOT_NULL
        case _:
            return bool(_COMPARED[operator](found, asked))


def like(text: str, pattern: str) -> bool:
    """Whether the whole text matches: % is any text, _ any one character, all else itself."""
    pieces = {"%": ".*", "_": "."}
    plain = re.sub("%+", "%", pattern)  # as many .* as there are signs would try every way to share the text among them
    return re.fullmatch("".join(pieces.get(letter, re.escape(letter)) for letter in plain), text, re.DOTALL) is not None


def _folded(text: str) -> str:
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)
