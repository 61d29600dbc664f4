"""The promises that single rows keep or break, as Polars expressions over typed columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import polars as pl

from flyball.data.contracts.model import Column, Contract, Promise, declared_columns
from flyball.data.declared.check import Severity
from flyball.data.model import Dataset

CELL = "__cell:"
SHOWN_CHARACTERS = 60


@dataclass(frozen=True, kw_only=True)
class RowPromise:
    """A row breaks it where `broken` is true; null is no break. `why` says in words what a broken row does.

    `shows` names the column whose cell follows the reason. `raw` promises read the cells as they came, under CELL + name.
    """

    check: str
    kind: str
    severity: Severity
    column: str | None
    broken: pl.Expr
    why: str
    expected: str
    shows: str | None = None
    raw: bool = False
    tolerance: float = 0.0

    def reason(self) -> pl.Expr:
        """Why a row is set aside, null where it keeps the promise; over a frame that has the raw cells as well."""
        if self.shows is None:
            return pl.when(self.broken).then(pl.lit(self.why))
        shown = pl.col(CELL + self.shows).cast(pl.String).str.slice(0, SHOWN_CHARACTERS)
        return pl.when(self.broken).then(pl.format(f"{braced(self.why)}: {{}}", shown))


def braced(text: str) -> str:
    """The text without braces, for which pl.format knows no escape."""
    return text.replace("{", "(").replace("}", ")")


def type_promise(name: str, column: Column) -> RowPromise:
    """A cell that is there has a value of the column's type."""
    broken = pl.col(CELL + name).is_not_null() & pl.col(name).is_null()
    why = f"{name} is no {column.type}"
    return RowPromise(
        check=f"{name}.type", kind="type", severity=Severity.QUARANTINE, column=name, broken=broken, why=why,
        expected=str(column.type), shows=name, raw=True,
    )  # fmt: skip


def null_promise(dataset: Dataset, name: str, *, column: Column, raw: bool) -> RowPromise | None:
    """A cell is there; a key or a time without one is no row, whatever severity a person wrote."""
    declared = name in declared_columns(dataset)
    if column.nullable and not declared:
        return None
    severity = Severity.QUARANTINE if declared else column.severity("nullable")
    return RowPromise(
        check=f"{name}.nullable", kind="nullable", severity=severity, column=name,
        broken=pl.col(CELL + name if raw else name).is_null(), why=f"{name} is missing", expected="a value", raw=raw,
    )  # fmt: skip


def value_promises(name: str, column: Column) -> Iterator[RowPromise]:
    """Range, categories and pattern."""
    for promise, broken, why, expected in outsides(name, column):
        yield RowPromise(
            check=f"{name}.{promise}", kind=promise, severity=column.severity(promise), column=name, broken=broken,
            why=f"{name} {why}", expected=expected, shows=name,
        )  # fmt: skip


def outsides(name: str, column: Column) -> Iterable[tuple[Promise, pl.Expr, str, str]]:
    """Per promise about values: its name, whether a row's value lies outside, that in words, and what is expected."""
    value = pl.col(name)
    if column.minimum is not None:
        yield "minimum", value < column.minimum, f"is below {column.minimum:.12g}", f"at least {column.minimum:.12g}"
    if column.maximum is not None:
        yield "maximum", value > column.maximum, f"is above {column.maximum:.12g}", f"at most {column.maximum:.12g}"
    if column.categories is not None:
        yield "categories", ~value.is_in(column.categories), "is no known category", f"one of {len(column.categories)} categories"
    if column.pattern is not None:
        yield "pattern", ~value.str.contains(column.pattern), "does not match its pattern", f"matches {column.pattern}"


def column_promises(dataset: Dataset, contract: Contract) -> Iterator[RowPromise]:
    """All promises of the contract's columns about values that are typed already, nulls among them."""
    for name, column in contract.columns.items():
        missing = null_promise(dataset, name, column=column, raw=False)
        if missing is not None:
            yield missing
        yield from value_promises(name, column)
