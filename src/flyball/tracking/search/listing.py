"""Filters and orders on tables of modest size, as SQLAlchemy's conditions: experiments and logged models.

A room says which column stands for which attribute and where its tags lie; it gets conditions to put into its own statement. Values are
bound, texts compare by their bytes, and what is missing passes no comparison.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

from flyball.core.optional import extra
from flyball.tracking.search.clause import Clause, Entity, Operator, Order
from flyball.tracking.search.pagetoken import Key, Part, decode_token, encode_token, fingerprint
from flyball.tracking.search.sql import glob
from flyball.tracking.search.textmatch import matches

with extra("store"):
    from sqlalchemy import ColumnElement, Connection, Select, and_, false, not_, null, or_, select

PROMPT = "mlflow.prompt.is_prompt"  # a tag that ordinary models do without, and are asked by all the same
Expression: TypeAlias = ColumnElement[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyed:
    """A table of texts by name; `owner` ties its rows to the row that is asked about."""

    owner: Expression
    name: Expression
    value: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What can be asked of a row: attributes by name, and tables of names and values.

    `states` are attributes of few values, which clients write in capitals. `measured` says whether a row passes a metric's clause, and
    `ranked` what it is ordered by: whether that is NaN, and its value. `without` is the tag that counts as 'false' where it is missing.
    """

    attributes: Mapping[str, Expression]
    states: Mapping[str, type[StrEnum]] = field(default_factory=dict)
    keyed: Mapping[Entity, Keyed] = field(default_factory=dict)
    measured: Callable[[Clause], Expression] | None = None
    ranked: Callable[[Order], tuple[Expression, Expression]] | None = None
    without: str | None = None

    def passing(self, clauses: Sequence[Clause], *, engine: str) -> list[Expression]:
        """A condition for each clause; `engine` is the SQLAlchemy dialect's name."""
        return [self._passing(clause, engine) for clause in clauses]

    def _passing(self, clause: Clause, engine: str) -> Expression:
        if clause.field.entity is Entity.METRIC:
            assert self.measured is not None
            return self.measured(clause)
        if clause.field.entity is Entity.ATTRIBUTE:
            column = self.attributes[clause.field.key]
            states = self.states.get(clause.field.key)
            if states is None:
                return compared(column, clause.operator, value=clause.value, engine=engine)
            return column.in_([str(state) for state in states if matches(str(state).upper(), clause.operator, asked=clause.value)])
        return self._keyed(clause, self.keyed[clause.field.entity], engine=engine)

    def _keyed(self, clause: Clause, table: Keyed, *, engine: str) -> Expression:
        named = and_(table.owner, table.name == clause.field.key)
        there = select(table.value).where(named).exists()
        if clause.operator in {Operator.IS_NULL, Operator.IS_NOT_NULL}:
            return there if clause.operator is Operator.IS_NOT_NULL else not_(there)
        passed = select(table.value).where(named, compared(table.value, clause.operator, value=clause.value, engine=engine)).exists()
        asked = (clause.operator, clause.value)
        if clause.field.key == self.without and asked in {(Operator.EQ, "false"), (Operator.NE, "true")}:
            return or_(passed, not_(there))
        return passed

    def places(self, order: Sequence[Order]) -> list[Place]:
        """Where the order puts a row, field by field."""
        return [self._place(each) for each in order]

    def _place(self, order: Order) -> Place:
        if order.field.entity is Entity.ATTRIBUTE:
            return Place(self.attributes[order.field.key], order.ascending)
        assert self.ranked is not None
        nan, value = self.ranked(order)
        return Place(value, order.ascending, nan)


@dataclass(frozen=True, slots=True)
class Place:
    """One term of an order: numbers, then NaN where `nan` says so, then what is missing."""

    value: Expression
    ascending: bool
    nan: Expression | None = None

    def read(self) -> list[Expression]:
        """The columns that say where a row stands."""
        return [self.value, null() if self.nan is None else self.nan]

    def terms(self) -> list[Expression]:
        """The terms of ORDER BY."""
        directed = self.value.asc() if self.ascending else self.value.desc()
        return [*([] if self.nan is None else [self.nan.asc().nulls_last()]), directed.nulls_last()]

    def part(self, value: Any, nan: Any) -> Part:
        """What was read, as one value."""
        found: Part = math.nan if nan else value
        return found

    def same(self, part: Part) -> Expression:
        """Whether a row stands there."""
        if part is None:
            return self.value.is_(None)
        if isinstance(part, float) and math.isnan(part):
            return false() if self.nan is None else self.nan == 1
        return self.value == part if self.nan is None else and_(self.nan == 0, self.value == part)

    def after(self, part: Part) -> Expression:
        """Whether a row stands strictly after it."""
        if part is None:
            return false()
        if isinstance(part, float) and math.isnan(part):
            return self.value.is_(None)
        later = self.value > part if self.ascending else self.value < part
        missing = self.value.is_(None)
        return or_(later, missing) if self.nan is None else or_(and_(self.nan == 0, later), self.nan == 1, missing)


def compared(column: Expression, operator: Operator, *, value: object, engine: str) -> Expression:
    """The comparison of a column, with the meaning of `textmatch.matches` on either engine."""
    match operator:
        case Operator.LIKE | Operator.ILIKE:
            pattern, folded = str(value), operator is Operator.ILIKE
            if engine == "sqlite":
                return column.op("LIKE" if folded else "GLOB", is_comparison=True)(pattern if folded else glob(pattern))
            return column.op(str(operator), is_comparison=True)(pattern.replace("\\", "\\\\"))
        case Operator.IN | Operator.NOT_IN:
            assert isinstance(value, tuple)
            return column.in_(value) if operator is Operator.IN else column.not_in(value)
        case Operator.NE:
            return column != value
        case Operator.EQ:
            return column == value
    return column.op(str(operator), is_comparison=True)(value)


def read_page(
    connection: Connection, asked: Select[Any], *, places: Sequence[Place], limit: int, token: str | None, facts: Sequence[object]
) -> tuple[list[Any], str | None]:
    """The first column of the page's rows, and the token of the next page; `facts` are what makes this search another than others.

    Raises:
        PageTokenError, PageTokenForeignError: the token is not this search's.
    """
    search = fingerprint(*facts)
    key = decode_token(token, search=search, parts=len(places))
    ordered = asked.add_columns(*(column for place in places for column in place.read())).order_by(
        *(term for place in places for term in place.terms())
    )
    if key is not None:
        ordered = ordered.where(_after(places, key))
    rows = connection.execute(ordered.limit(limit + 1)).all()
    page = rows[:limit]
    if len(rows) <= limit or not page:
        return [row[0] for row in page], None
    last = page[-1]
    parts = [place.part(last[1 + 2 * number], last[2 + 2 * number]) for number, place in enumerate(places)]
    return [row[0] for row in page], encode_token(parts, search=search)


def _after(places: Sequence[Place], key: Key) -> Expression:
    if not places:
        return false()
    return or_(places[0].after(key[0]), and_(places[0].same(key[0]), _after(places[1:], key[1:])))
