"""Pieces of SQL with the values that they bind, and the few words in which SQLite and PostgreSQL differ.

What a client wrote is only ever a bound value: a piece's text is made of literals of this package alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from flyball.tracking.search.clause import Operator
from flyball.tracking.search.errors import FilterTooLargeError

MAX_PATTERN_BYTES = 50_000  # SQLite's own limit


@dataclass(frozen=True, slots=True)
class Sql:
    """Text with a question mark for each value; a tuple is an array."""

    text: str
    values: tuple[object, ...] = ()

    def __add__(self, other: Sql | str) -> Sql:
        if isinstance(other, str):
            return Sql(self.text + other, self.values)
        return Sql(self.text + other.text, self.values + other.values)


TRUE, FALSE = Sql("1 = 1"), Sql("1 = 0")


def joined(pieces: Iterable[Sql], between: str) -> Sql:
    """All of them with `between` between each."""
    found = tuple(pieces)
    return Sql(between.join(piece.text for piece in found), tuple(value for piece in found for value in piece.values))


def all_of(pieces: Iterable[Sql]) -> Sql:
    """What holds when each piece holds."""
    found = [piece for piece in pieces if piece != TRUE]
    return joined((Sql(f"({piece.text})", piece.values) for piece in found), " AND ") if found else TRUE


@dataclass(frozen=True, slots=True)
class Dialect:
    """The words of one engine; texts compare by their bytes on both."""

    name: Literal["sqlite", "postgresql"]
    ordered_join: str  # joins the left side first, where the engine can be told

    def among(self, column: str, values: Sequence[int] | Sequence[str]) -> Sql:
        """Whether the column is one of them; one value is the plain equality that every index knows."""
        if len(values) == 1:
            return Sql(f"{column} = ?", (values[0],))
        if self.name == "sqlite":
            return Sql(f"{column} IN (SELECT value FROM json_each(?))", (json.dumps(values),))  # noqa: S608  our own words
        return Sql(f"{column} = ANY(?)", (tuple(values),))

    def unindexed(self, column: str) -> str:
        """The column, where it is to be looked at and not to be searched by."""
        return f"+{column}" if self.name == "sqlite" else column

    def gathered(self, column: str) -> str:
        """All numbers of a column in one text, with commas between them."""
        return f"group_concat({column})" if self.name == "sqlite" else f"string_agg({column}::text, ',')"

    def each(self, values: Sequence[int]) -> Sql:
        """A table `e` with a row of column `value` for each."""
        if self.name == "sqlite":
            return Sql("json_each(?) e", (json.dumps(values),))
        return Sql("unnest(?::bigint[]) AS e(value)", (tuple(values),))

    def compared(self, column: str, operator: Operator, *, value: object) -> Sql:
        """The comparison of a column, which is not NULL where it holds.

        Raises:
            FilterTooLargeError: the pattern is longer than any that is matched.
        """
        match operator:
            case Operator.LIKE | Operator.ILIKE:
                return self._matched(column, str(value), folded=operator is Operator.ILIKE)
            case Operator.IN | Operator.NOT_IN:
                assert isinstance(value, tuple)
                found = self.among(column, value)
                return found if operator is Operator.IN else Sql("NOT ", ()) + Sql(f"({found.text})", found.values)
            case Operator.NE:
                return Sql(f"{column} <> ?", (value,))
            case _:
                return Sql(f"{column} {operator} ?", (value,))

    def _matched(self, column: str, pattern: str, *, folded: bool) -> Sql:
        if self.name == "postgresql":
            return Sql(f"{column} {'ILIKE' if folded else 'LIKE'} ? ESCAPE ''", (pattern,))
        text = pattern if folded else glob(pattern)  # SQLite's LIKE folds ASCII, its GLOB folds nothing
        if len(text.encode()) > MAX_PATTERN_BYTES:
            raise FilterTooLargeError("bytes in a pattern", len(text.encode()), limit=MAX_PATTERN_BYTES)
        return Sql(f"{column} {'LIKE' if folded else 'GLOB'} ?", (text,))


SQLITE = Dialect("sqlite", "CROSS JOIN")
POSTGRESQL = Dialect("postgresql", "JOIN")
_GLOBS = str.maketrans({"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"})


def glob(pattern: str) -> str:
    """The GLOB pattern that matches what the LIKE pattern does, with case."""
    return pattern.translate(_GLOBS)


def literal_prefix(pattern: str) -> str:
    """What every match of a LIKE pattern begins with."""
    ends = [place for place in (pattern.find("%"), pattern.find("_")) if place >= 0]
    return pattern[: min(ends)] if ends else pattern


def after_prefix(prefix: str) -> str | None:
    """The least text that is greater than all with this prefix; None where there is none."""
    while prefix:
        code = ord(prefix[-1]) + 1
        if code < 0x110000:
            return prefix[:-1] + chr(0xE000 if 0xD800 <= code < 0xE000 else code)
        prefix = prefix[:-1]
    return None
