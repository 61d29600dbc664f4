"""One field of a total order: how it is read, compared and continued after. Numbers come first, NaN after them, what is missing last."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import total_ordering
from typing import Any

from flyball.tracking.search.clause import Entity, Field, Order
from flyball.tracking.search.condition import COLUMNS, HEAD, INDEXED, KEYED, Condition, Conditions
from flyball.tracking.search.pagetoken import Part
from flyball.tracking.search.sql import FALSE, TRUE, Sql


@total_ordering
@dataclass(frozen=True, slots=True)
class _Backward:
    """A text that sorts the other way round."""

    text: str

    def __lt__(self, other: _Backward) -> bool:
        return self.text > other.text


@dataclass(frozen=True, slots=True)
class Rank:
    """One field; `key` is the number of its name, None where nothing was ever logged under it."""

    field: Field
    ascending: bool
    key: int | None = None

    @property
    def keyed(self) -> bool:
        """Whether it has a table of its own, and may be missing."""
        return self.field.entity is not Entity.ATTRIBUTE

    @property
    def metric(self) -> bool:
        """Whether it may be NaN."""
        return self.field.entity is Entity.METRIC

    @property
    def missing(self) -> bool:
        """Whether a run may be without it."""
        return self.keyed or self.field.key == "end_time"

    @property
    def unknown(self) -> bool:
        """Whether every run is without it."""
        return self.keyed and self.key is None

    @property
    def walkable(self) -> bool:
        """Whether an index has it in order, experiment by experiment."""
        return self.key is not None if self.keyed else self.field.key in INDEXED or self.everywhere

    @property
    def everywhere(self) -> bool:
        """Whether its index knows no experiments."""
        return not self.keyed and self.field.key == "run_id"

    @property
    def number(self) -> str:
        """The column of the table that has the run's number."""
        return "run" if self.keyed else "number"

    def indexed_rows(self, row: str) -> Sql:
        """Which rows of the table have a value that the index orders."""
        if not self.keyed:
            return Sql(f"{row}.end_ms IS NOT NULL") if self.missing else TRUE
        named = Sql(f"{row}.key = ?", (self.key,))
        return named + f" AND {row}.is_nan = 0" if self.metric else named

    @property
    def table(self) -> str:
        """Where it stands."""
        return KEYED.get(self.field.entity, "tracked_runs")

    @property
    def column(self) -> str:
        """The column of the table that an index has in order."""
        if not self.keyed:
            return COLUMNS[self.field.key]
        return "value" if self.metric else "head"

    @property
    def direction(self) -> str:
        """ASC or DESC."""
        return "ASC" if self.ascending else "DESC"

    @property
    def width(self) -> int:
        """How many columns it is read from."""
        return 2 if self.metric else 1

    def expressions(self) -> tuple[Sql, ...]:
        """The columns, of the run in `r`."""
        if not self.keyed:
            return (Sql(f"r.{self.column}"),)
        if self.key is None:
            return tuple(Sql("NULL") for _ in range(self.width))
        chosen = ("is_nan", "value") if self.metric else ("value",)
        return tuple(Sql(f"(SELECT k.{name} FROM {self.table} k WHERE k.run = r.number AND k.key = ?)", (self.key,)) for name in chosen)  # noqa: S608  our own words

    def part(self, read: Sequence[Any]) -> Part:
        """What was read, as one value: NaN for NaN, None for what is missing."""
        if not self.metric:
            found: Part = read[0]
            return found
        return None if read[0] is None else math.nan if read[0] else float(read[1])

    def ordering(self, names: Sequence[str]) -> str:
        """The terms of ORDER BY, of columns with these names."""
        if self.metric:
            return f"{names[0]} ASC NULLS LAST, {names[1]} {self.direction}"
        return f"{names[0]} {self.direction}{' NULLS LAST' if self.missing else ''}"

    def cut(self, part: Part) -> str | None:
        """What the index holds of a text that it may not hold whole; None where it holds all."""
        return part[:HEAD] if self.keyed and isinstance(part, str) and len(part) >= HEAD else None

    def indexed(self, part: Part) -> Part:
        """What the index holds of it."""
        return part if (head := self.cut(part)) is None else head

    def sort_key(self, part: Part) -> tuple[int, Any]:
        """What sorts ascending in memory as the field does."""
        if part is None:
            return 2, 0
        if is_nan(part):
            return 1, 0
        if self.ascending:
            return 0, part
        return 0, _Backward(part) if isinstance(part, str) else -part

    def same(self, names: Sequence[str], part: Part) -> Sql:
        """Whether the columns hold this part."""
        if part is None:
            return Sql(f"{names[0]} IS NULL")
        if is_nan(part):
            return Sql(f"{names[0]} = 1")
        return Sql(f"{names[0]} = 0 AND {names[1]} = ?" if self.metric else f"{names[0]} = ?", (part,))

    def after(self, names: Sequence[str], part: Part) -> Sql:
        """Whether the columns hold what comes strictly after this part."""
        if part is None:
            return FALSE
        sign = ">" if self.ascending else "<"
        if not self.metric:
            return Sql(f"({names[0]} {sign} ?{f' OR {names[0]} IS NULL' if self.missing else ''})", (part,))
        if is_nan(part):
            return Sql(f"{names[0]} IS NULL")
        return Sql(f"({names[0]} IS NULL OR {names[0]} = 1 OR {names[1]} {sign} ?)", (part,))

    def pinned(self, part: Part, conditions: Conditions) -> Condition:
        """That a run has exactly this part."""
        dialect = conditions.dialect
        if not self.keyed:
            column = f"r.{self.column}"
            if part is None:
                return Condition(self.field, Sql(f"{column} IS NULL"), present=False)
            source = conditions.heads(Sql(f"{column} = ?", (part,)))
            return Condition(self.field, Sql(f"{dialect.unindexed(column)} = ?", (part,)), (("=", part),), source=source)
        assert self.key is not None
        there = f"EXISTS (SELECT 1 FROM {self.table} k WHERE k.run = r.number AND k.key = ?"  # noqa: S608  our own words
        if part is None:
            absent = conditions.stretch(self.field, self.key, bounds=(), exact=True)
            return Condition(self.field, Sql(f"NOT {there})", (self.key,)), present=False, absent=absent)
        if is_nan(part):
            source = conditions.nan_stretch(self.key)
            return Condition(self.field, Sql(f"{there} AND k.is_nan = 1)", (self.key,)), number=False, source=source)
        return self._pinned_value(part, there, conditions=conditions)

    def _pinned_value(self, part: Part, there: str, *, conditions: Conditions) -> Condition:
        assert self.key is not None
        bounds: tuple[tuple[str, object], ...] = (("=", part[:HEAD] if isinstance(part, str) else part),)
        exact = not isinstance(part, str) or len(part) < HEAD
        source = conditions.stretch(self.field, self.key, bounds=bounds, exact=exact)
        return Condition(self.field, Sql(f"{there} AND k.value = ?)", (self.key, part)), bounds, source=source)

    def pinned_head(self, head: str, conditions: Conditions) -> Condition:
        """That a run's text begins as the index says, where the index does not hold all of it."""
        assert self.key is not None
        probe = Sql(f"EXISTS (SELECT 1 FROM {self.table} k WHERE k.run = r.number AND k.key = ? AND k.head = ?)", (self.key, head))  # noqa: S608  our own words
        return Condition(
            self.field, probe, (("=", head),), source=conditions.stretch(self.field, self.key, bounds=(("=", head),), exact=True)
        )


def is_nan(part: Part) -> bool:
    """Whether it is the NaN of a metric."""
    return isinstance(part, float) and math.isnan(part)


def ranks(order: Sequence[Order], keys: Mapping[Field, int]) -> tuple[Rank, ...]:
    """The order's fields, their names looked up."""
    return tuple(Rank(each.field, each.ascending, keys.get(each.field)) for each in order)


def beyond(fields: Sequence[Rank], names: Sequence[Sequence[str]], *, key: Sequence[Part]) -> Sql:
    """Whether a row comes strictly after `key` in the order of all fields."""
    if not fields:
        return FALSE
    here = fields[0].after(names[0], key[0])
    rest = beyond(fields[1:], names[1:], key=key[1:])
    if rest == FALSE:
        return here
    tied = Sql("(") + fields[0].same(names[0], key[0]) + " AND " + rest + ")"
    return tied if here == FALSE else Sql("(") + here + " OR " + tied + ")"
