"""A filter's text in tokens, in one pass and in time linear in its length; nothing in it can be anything but a token."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

from flyball.tracking.search.errors import FilterClauseError, FilterTooLargeError

MAX_LENGTH = 400_000  # some ten thousand ids in one list


class Sort(Enum):
    """What a token is."""

    NAME = auto()  # metrics.`a b`, params.'c', "quoted", AND
    TEXT = auto()  # 'in single quotes'
    NUMBER = auto()
    COMPARATOR = auto()
    OPEN = auto()
    CLOSE = auto()
    COMMA = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text as it was written, and where it begins."""

    sort: Sort
    text: str
    start: int


_DOUBLE = r'"[^"]*(?:""[^"]*)*"'
_BACK = r"`[^`]*(?:``[^`]*)*`"
_SINGLE = r"'[^']*(?:''[^']*)*'"
_PIECES = {
    Sort.TEXT: _SINGLE,
    Sort.NUMBER: r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![\w.])",
    Sort.NAME: rf"(?:[^\W\d]\w*|{_DOUBLE}|{_BACK})(?:\.(?:\w[\w/-]*|{_DOUBLE}|{_BACK}|{_SINGLE}))*",
    Sort.COMPARATOR: r"[<>=!]+",
    Sort.OPEN: r"\(",
    Sort.CLOSE: r"\)",
    Sort.COMMA: r",",
}
_TOKEN = re.compile("|".join(f"(?P<{sort.name}>{piece})" for sort, piece in _PIECES.items()))
_SPACE = re.compile(r"\s*")


def tokens(text: str) -> list[Token]:
    """All tokens of `text`.

    Raises:
        FilterClauseError, FilterTooLargeError: a character begins no token, or there are too many.
    """
    if len(text) > MAX_LENGTH:
        raise FilterTooLargeError("characters", len(text), limit=MAX_LENGTH)
    refuse_unstorable(text)
    found: list[Token] = []
    position = _after_space(text, 0)
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise FilterClauseError(text[position:])
        found.append(Token(Sort[match.lastgroup], match.group(), position))
        position = _after_space(text, match.end())
    return found


def refuse_unstorable(text: str) -> None:
    """Neither NUL nor half a character is looked for: no store holds them.

    Raises:
        FilterClauseError: it has one.
    """
    if "\0" in text or (not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text)):
        raise FilterClauseError(text, expected="text without NUL and without surrogates")


def _after_space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return position if match is None else match.end()


def unquoted(text: str, quote: str) -> str | None:
    """What stands between the quotes, doubled ones single; None where it does not stand in them as a whole."""
    if len(text) < 2 or text[0] != quote or text[-1] != quote:
        return None
    inner = text[1:-1]
    return None if quote in inner.replace(quote * 2, "") else inner.replace(quote * 2, quote)


def name_parts(text: str) -> tuple[str | None, str]:
    """The entity before the first dot, if any, and the key, both without their quotes."""
    if text[0] == "`":
        end = re.match(_BACK, text)
        first = text if end is None else end.group()
    elif text[0] == '"':
        first = text  # an entity is never in double quotes: all is the key
    else:
        first = text.split(".", 1)[0]
    rest = text[len(first) + 1 :]
    return (_plain(first), _plain(rest)) if rest else (None, _plain(text))


def _plain(text: str) -> str:
    for quote in ('"', "`", "'"):
        inner = unquoted(text, quote)
        if inner is not None:
            return inner
    return text
