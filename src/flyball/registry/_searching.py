"""Searches of the registry in SQL that means the same on every engine.

Equality, lists and numbers are decided by the database. LIKE is not the same on two engines (letter case, escapes), so there the
database only leaves out what cannot match, and `query.matches` decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flyball.core.optional import extra
from flyball.registry.query import IS_PROMPT, Part, Query
from flyball.tracking.search import Clause, Entity, Operator

with extra("store"):
    from sqlalchemy import ColumnElement, Select, Table, and_, exists, or_, select

_ESCAPE = "\x01"


@dataclass(frozen=True)
class Searched:
    """What is searched: `columns` by the name that a filter or an order gives them, and the table of its `tags`, whose `keys` say whose."""

    columns: Mapping[str, ColumnElement[str] | ColumnElement[int]]
    tags: Table
    keys: tuple[tuple[ColumnElement[int], ColumnElement[int]], ...]

    def narrowed(self, statement: Select[tuple[object, ...]], query: Query) -> Select[tuple[object, ...]]:
        """The statement for the rows of the query in its order; LIKE may leave some that do not match."""
        found = statement.where(*(self._condition(clause) for clause in query.clauses), self._prompts(wanted=query.prompts))
        if query.after is not None:
            found = found.where(self._behind(query, query.after))
        ordered = (self.columns[order.field.key] for order in query.order)
        return found.order_by(
            *(column.asc() if order.ascending else column.desc() for column, order in zip(ordered, query.order, strict=True))
        )

    def _condition(self, clause: Clause) -> ColumnElement[bool]:
        if clause.field.entity is Entity.ATTRIBUTE:
            return _compared(self.columns[clause.field.key], clause)
        return self._tagged(clause.field.key, _compared(self.tags.c.value, clause))

    def _tagged(self, key: str, condition: ColumnElement[bool]) -> ColumnElement[bool]:
        mine = (tag == row for tag, row in self.keys)
        return exists(select(self.tags.c.key).where(*mine, self.tags.c.key == key, condition))

    def _prompts(self, *, wanted: bool) -> ColumnElement[bool]:
        prompt = self._tagged(IS_PROMPT, self.tags.c.value == "true")
        return prompt if wanted else ~prompt

    def _behind(self, query: Query, after: tuple[Part, ...]) -> ColumnElement[bool]:
        """Lexicographically behind the key: equal in the first places, and then behind in the next."""
        places = [(self.columns[order.field.key], order.ascending, part) for order, part in zip(query.order, after, strict=True)]
        ways = []
        for index, (column, ascending, part) in enumerate(places):
            equal = [other == same for other, _, same in places[:index]]
            ways.append(and_(*equal, column > part if ascending else column < part))
        return or_(*ways)


def _compared(column: ColumnElement[str] | ColumnElement[int], clause: Clause) -> ColumnElement[bool]:
    value = clause.value
    match clause.operator:
        case Operator.EQ:
            return column == value
        case Operator.NE:
            return column != value
        case Operator.LT:
            return column < value
        case Operator.LE:
            return column <= value
        case Operator.GT:
            return column > value
        case Operator.GE:
            return column >= value
        case Operator.IN:
            return column.in_(value if isinstance(value, tuple) else ())
        case Operator.NOT_IN:
            return column.not_in(value if isinstance(value, tuple) else ())
        case _:
            return _alike(column, clause)


def _alike(column: ColumnElement[str] | ColumnElement[int], clause: Clause) -> ColumnElement[bool]:
    pattern = str(clause.value)
    # Letters beyond ASCII are folded by one engine and not by another; there all are left to `query.matches`.
    if not pattern.isascii() or _ESCAPE in pattern:
        return column.is_not(None)
    if clause.operator is Operator.ILIKE:
        return column.ilike(pattern, escape=_ESCAPE)
    return column.like(pattern, escape=_ESCAPE)
