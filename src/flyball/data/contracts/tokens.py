"""The words of an expression in a contract file, and how long, deep and costly one may be.

What a person writes is read by us, word by word, into expressions that can look at the row and at nothing else: there is no
word for a file, a table or a function of Python. Patterns are run by an engine that takes linear time; what its automaton may
cost is bounded here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import polars as pl
import polars.exceptions as plx

from flyball.data.contracts.errors import ExpressionError

MAX_CHARACTERS = 4_000
MAX_TOKENS = 800
MAX_DEPTH = 40
MAX_PATTERN = 300
MAX_REPEATS = 1_000

Kind = Literal["number", "text", "name", "quoted", "operator", "end"]

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?|\.[0-9]+)
    |'(?P<text>(?:[^']|'')*)'
    |"(?P<quoted>(?:[^"]|"")*)"
    |(?P<name>[^\W\d]\w*)
    |(?P<operator><>|!=|==|<=|>=|[-+*/%=<>(),]))""",
    re.VERBOSE,
)
_REPEAT = re.compile(r"(?<!\\)\{\s*([0-9]*)\s*(?:,\s*([0-9]*)\s*)?\}")


@dataclass(frozen=True)
class Token:
    """One word and where it begins; the text of names as written, of quoted ones without their quotes."""

    kind: Kind
    text: str
    place: int

    def is_word(self, *words: str) -> bool:
        """Whether it is one of the language's words or operators, in any case."""
        return self.kind in {"name", "operator"} and self.text.lower() in words


def tokens(text: str) -> list[Token]:
    """All words, then one of kind "end".

    Raises:
        ExpressionError: a character is none of the language's, or there are too many.
    """
    if len(text) > MAX_CHARACTERS:
        raise ExpressionError(text, MAX_CHARACTERS, why=f"it is longer than {MAX_CHARACTERS:,} characters")
    found = [*_scan(text), Token("end", "", len(text))]
    if len(found) > MAX_TOKENS:
        raise ExpressionError(text, found[MAX_TOKENS].place, why=f"it has more than {MAX_TOKENS} words; make several checks of it")
    return found


def _scan(text: str) -> Iterator[Token]:
    place, end = 0, len(text.rstrip())
    while place < end:
        match = _TOKEN.match(text, place)
        if match is None or match.lastgroup is None:
            at = place + len(text[place:]) - len(text[place:].lstrip())
            raise ExpressionError(text, at, why="this is no word of the language; texts stand in 'single', odd names in \"double\" quotes")
        kind = match.lastgroup
        word = match.group(kind)
        if kind == "text":
            word = word.replace("''", "'")
        elif kind == "quoted":
            word = word.replace('""', '"')
        yield Token(kind, word, match.start(kind))  # type: ignore[arg-type]  # the groups are named like the kinds
        place = match.end()


def pattern_fault(pattern: str) -> str | None:
    """Why a regular expression may not be used, or None where it may."""
    if len(pattern) > MAX_PATTERN:
        return f"a pattern has at most {MAX_PATTERN} characters"
    cost = 1
    for least, most in _REPEAT.findall(pattern):
        cost *= max(int(count[:9]) if count else 1 for count in (least, most)) or 1
        if cost > MAX_REPEATS:  # counted repetitions multiply where they are nested: each makes the automaton so much bigger
            return f"its counted repetitions come to more than {MAX_REPEATS:,}"
    try:
        pl.select(pl.lit("").str.contains(pattern))
    except plx.PolarsError as error:
        lines = str(error).split("\n\n")[0].splitlines()
        said = next((line.removeprefix("error: ") for line in lines if line.startswith("error: ")), lines[0].removeprefix("regex error: "))
        return f"it is no regular expression ({said.rstrip('.')})"
    return None
