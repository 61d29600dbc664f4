"""Since when derived rows are known: a plan is carried out over rows that have their times beside them.

What follows from one row is known as long as that row is the known one; a pair of rows while both are. What looks across rows
sees those that are known now, and is known when the last of those that it looked at was.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from flyball.data.derivation.plan import Plan
from flyball.data.model import KNOWN_TIME, KNOWN_UNTIL, TIME
from flyball.data.rowexpressions import find_offence

TIMES = (KNOWN_TIME, KNOWN_UNTIL)
_OTHER = {name: f"{name}_other" for name in TIMES}
_FIRST = "__first"
_HOWS = {"Inner": "inner", "Left": "left"}
_COALESCE: Mapping[str, bool | None] = {"JoinSpecific": None, "CoalesceColumns": True, "KeepColumns": False}


class UnknownPlanError(Exception):
    """A part of a plan of which nobody can say since when its rows are known."""


@dataclass(frozen=True)
class Timed:
    """Rows with KNOWN_TIME and KNOWN_UNTIL. `rowwise`: each follows from one row of one input, and from nothing else."""

    rows: pl.LazyFrame
    rowwise: bool = True

    def current(self) -> Timed:
        """Only what is known now, to be looked at as a whole."""
        return Timed(self.rows.filter(pl.col(KNOWN_UNTIL).is_null()), rowwise=False)


@dataclass(frozen=True)
class Replay:
    """A plan over `frames`, which have the inputs' columns and both times."""

    plan: Plan
    frames: Sequence[pl.LazyFrame]

    def run(self) -> Timed:
        """The rows of the plan with their times.

        Raises:
            UnknownPlanError: it has a part that is not understood.
        """
        return self._run(self.plan.root)

    def _run(self, node: Any) -> Timed:
        if node in self.plan.leaves:
            return Timed(self.frames[self.plan.leaves.index(node)])
        if not isinstance(node, dict) or len(node) != 1:
            raise UnknownPlanError(str(node)[:40])
        ((kind, body),) = node.items()
        step = self._steps.get(kind)
        if step is None:
            raise UnknownPlanError(kind)
        try:
            return step(body)
        except (KeyError, TypeError, ValueError) as error:  # another form than the one that is known
            raise UnknownPlanError(kind) from error

    @property
    def _steps(self) -> Mapping[str, Callable[[Any], Timed]]:
        return {
            "Select": self._select, "HStack": self._add, "Filter": self._filter, "MapFunction": self._map, "Join": self._join,
            "GroupBy": self._group, "Sort": self._sort, "Distinct": self._distinct, "Union": self._union,
        }  # fmt: skip

    def _select(self, body: Any) -> Timed:
        found, expressions = self._run(body["input"]), [_expression(tree) for tree in body["expr"]]
        literal = not any(expression.meta.root_names() or expression.meta.has_multiple_outputs() for expression in expressions)
        if not literal and _rowwise(expressions):
            return replace(found, rows=found.rows.select(*expressions, *TIMES))
        return Timed(found.current().rows.select(*expressions, *_latest()), rowwise=False)

    def _add(self, body: Any) -> Timed:
        found, expressions = self._run(body["input"]), [_expression(tree) for tree in body["exprs"]]
        if _rowwise(expressions):
            return replace(found, rows=found.rows.with_columns(expressions))
        return Timed(found.current().rows.with_columns(*expressions, *_latest()), rowwise=False)

    def _filter(self, body: Any) -> Timed:
        found, predicate = self._run(body["input"]), _expression(body["predicate"])
        if _rowwise([predicate]):
            return replace(found, rows=found.rows.filter(predicate))
        return Timed(found.current().rows.with_columns(*_latest()).filter(predicate), rowwise=False)

    def _map(self, body: Any) -> Timed:
        found, rename = self._run(body["input"]), body["function"]["Rename"]
        return replace(found, rows=found.rows.rename(dict(zip(rename["existing"], rename["new"], strict=True))))

    def _sort(self, body: Any) -> Timed:
        if body["slice"] is not None:
            raise UnknownPlanError("Sort")
        found, options = self._run(body["input"]), body["sort_options"]
        by = [_expression(tree) for tree in body["by_column"]]
        rows = found.rows.sort(by, descending=options["descending"], nulls_last=options["nulls_last"])
        return replace(found, rows=rows)

    def _distinct(self, body: Any) -> Timed:
        if body["options"]["subset"] is not None:
            raise UnknownPlanError("Distinct")
        found = self._run(body["input"]).current()
        users = [name for name in found.rows.collect_schema().names() if name not in TIMES]
        return Timed(found.rows.group_by(users).agg(pl.col(KNOWN_TIME).min(), _no_end()), rowwise=False)

    def _group(self, body: Any) -> Timed:
        if body["predicates"] or body["apply"] is not None or any(body["options"][name] for name in ("dynamic", "rolling", "slice")):
            raise UnknownPlanError("GroupBy")
        found = self._run(body["input"]).current()
        keys, aggregates = ([_expression(tree) for tree in body[name]] for name in ("keys", "aggs"))
        return Timed(found.rows.group_by(keys, maintain_order=body["maintain_order"]).agg(*aggregates, *_latest()), rowwise=False)

    def _union(self, body: Any) -> Timed:
        if body["args"]["diagonal"] or not body["inputs"]:
            raise UnknownPlanError("Union")
        parts = [self._run(part) for part in body["inputs"]]
        first = parts[0].rows.collect_schema().names()  # a part's times may stand elsewhere among its columns
        how = "vertical_relaxed" if body["args"]["to_supertypes"] else "vertical"
        rows = pl.concat([part.rows.select(first) for part in parts], how=how)  # type: ignore[arg-type]  # one of both texts
        return Timed(rows, rowwise=all(part.rowwise for part in parts))

    def _join(self, body: Any) -> Timed:
        left, right, args = self._run(body["input_left"]), self._run(body["input_right"]), body["options"]["args"]
        on = [[_expression(tree) for tree in body["condition"]["Equi"][side]] for side in ("left_on", "right_on")]
        if not _rowwise([*on[0], *on[1]]) or args["slice"] is not None or args["validation"] != "ManyToMany":
            raise UnknownPlanError("Join")
        if isinstance(args["how"], dict):
            return self._nearest(left, right, on=on, args=args)
        pairs = left.rows.join(
            right.rows.rename(_OTHER), left_on=on[0], right_on=on[1], how=_HOWS[args["how"]],  # type: ignore[arg-type]  # one of both texts
            suffix=args["suffix"], nulls_equal=args["nulls_equal"], coalesce=_COALESCE[args["coalesce"]],
        )  # fmt: skip
        paired = _paired(pairs)
        if args["how"] == "Left":
            alone = _alone(left.rows, right.rows, on=on, nulls_equal=args["nulls_equal"])
            paired = pl.concat([paired, _like(alone, paired.collect_schema())])
        return Timed(paired, rowwise=False)

    def _nearest(self, left: Timed, right: Timed, *, on: Sequence[Sequence[pl.Expr]], args: Mapping[str, Any]) -> Timed:
        """Of all rows that are known now: a row that came later may be the nearer one."""
        how = args["how"]["AsOf"]
        if how["tolerance"] is not None:
            raise UnknownPlanError("AsOf")
        pairs = left.current().rows.join_asof(
            right.current().rows.rename(_OTHER), left_on=on[0][0], right_on=on[1][0], by_left=how["left_by"], by_right=how["right_by"],
            strategy=how["strategy"].lower(), tolerance=how["tolerance_str"], suffix=args["suffix"],
            allow_exact_matches=how["allow_eq"], check_sortedness=False,
        )  # fmt: skip
        return Timed(_paired(pairs), rowwise=False)


def _paired(pairs: pl.LazyFrame) -> pl.LazyFrame:
    """A pair is known from the later of both times to the earlier of both ends; one that never was is none."""
    known = pl.max_horizontal(KNOWN_TIME, _OTHER[KNOWN_TIME]).alias(KNOWN_TIME)
    until = pl.min_horizontal(KNOWN_UNTIL, _OTHER[KNOWN_UNTIL]).alias(KNOWN_UNTIL)
    lived = pl.col(KNOWN_UNTIL).is_null() | (pl.col(KNOWN_TIME) < pl.col(KNOWN_UNTIL))
    return pairs.with_columns(known, until).filter(lived).drop(_OTHER.values())


def _alone(left: pl.LazyFrame, right: pl.LazyFrame, *, on: Sequence[Sequence[pl.Expr]], nulls_equal: bool) -> pl.LazyFrame:
    """The left rows as long as none of their partners is known; those that have none at all stand among the pairs."""
    names = [f"__on_{number}" for number in range(len(on[1]))]
    keys = [expression.alias(name) for expression, name in zip(on[1], names, strict=True)]
    first = right.select(*keys, pl.col(KNOWN_TIME).alias(_FIRST)).group_by(names).agg(pl.col(_FIRST).min())
    met = left.join(first, left_on=on[0], right_on=names, how="left", nulls_equal=nulls_equal).filter(pl.col(KNOWN_TIME) < pl.col(_FIRST))
    return met.with_columns(pl.min_horizontal(KNOWN_UNTIL, _FIRST).alias(KNOWN_UNTIL)).select(left.collect_schema().names())


def _like(rows: pl.LazyFrame, schema: pl.Schema) -> pl.LazyFrame:
    """The rows in the columns of `schema`, null where they have none."""
    names = rows.collect_schema().names()
    return rows.select((pl.col(name) if name in names else pl.lit(None).alias(name)).cast(dtype) for name, dtype in schema.items())


def _latest() -> tuple[pl.Expr, pl.Expr]:
    return pl.col(KNOWN_TIME).max(), _no_end()


def _no_end() -> pl.Expr:
    return pl.lit(None, dtype=TIME).alias(KNOWN_UNTIL)


def _rowwise(expressions: Sequence[pl.Expr]) -> bool:
    return all(find_offence(expression) is None for expression in expressions)


def _expression(tree: Any) -> pl.Expr:
    return pl.Expr.deserialize(json.dumps(_without_times(tree)).encode(), format="json")


def _without_times(tree: Any) -> Any:
    """The expression with selectors that do not find the times beside a row."""
    match tree:
        case {"Selector": found}:
            return {"Selector": {"Difference": [found, {"ByName": {"names": list(TIMES), "strict": False}}]}}
        case dict():
            return {key: _without_times(item) for key, item in tree.items()}
        case list():
            return [_without_times(item) for item in tree]
    return tree
