"""An expression is tried on no rows and on a few before it judges any: what cannot work is told when the contract is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Self

import polars as pl
import polars.exceptions as plx

from flyball.data.contracts.blaming import said
from flyball.data.contracts.errors import CheckError
from flyball.data.contracts.model import Column, Contract
from flyball.data.errors import UnknownColumnError
from flyball.data.values import ColumnType

_ROWS = 12
_START = datetime(2013, 1, 1, tzinfo=UTC)


def prove_columns(contract: Contract, check: str, *, columns: Iterable[str]) -> None:
    """Every column is one of the contract's.

    Raises:
        UnknownColumnError: one is not; the near one is named.
    """
    for name in columns:
        if name not in contract.columns:
            raise UnknownColumnError(
                name, contract.columns, where=f"The contract of {contract.dataset!r}, which the check {check!r} reads,"
            )


def prove_column(name: str, column: Column) -> None:
    """The column's promises are about values that its type has.

    Raises:
        CheckError: a range of texts, categories of numbers.
    """
    if column.type is not ColumnType.TEXT:
        for promise in ("categories", "pattern"):
            if getattr(column, promise) is not None:
                raise CheckError(f"{name}.{promise}", f"it is about texts, and {name!r} is of type {column.type}")
    if column.type not in {ColumnType.INTEGER, ColumnType.NUMBER}:
        for promise in ("minimum", "maximum"):
            if getattr(column, promise) is not None:
                raise CheckError(f"{name}.{promise}", f"it is about numbers, and {name!r} is of type {column.type}")


@dataclass(frozen=True)
class Prover:
    """Tries expressions on a few rows of a contract's types: different from each other, with a null in each column, the same always."""

    contract: Contract
    frame: pl.DataFrame

    @classmethod
    def of(cls, contract: Contract) -> Self:
        """The prover of a contract's expressions."""
        return cls(contract, _sample(contract))

    def read(self, values: Mapping[str, pl.Expr]) -> None:
        """The expressions, by check, that were read from texts are truth values; that they look at one row is how they are read.

        Raises:
            CheckError: one cannot be evaluated, or is no truth value.
        """
        try:
            found = self.frame.select(value.alias(str(number)) for number, value in enumerate(values.values()))
        except plx.PolarsError:
            for check, value in values.items():
                _truth(check, self._evaluate(check, value, frame=self.frame).dtype)
            raise
        for check, dtype in zip(values, found.dtypes, strict=True):
            _truth(check, dtype)

    def row(self, check: str, value: pl.Expr) -> None:
        """The expression is true, false or null for each row, whatever rows stand around it.

        Raises:
            CheckError: it cannot be evaluated, is no truth value, or looks at other rows.
        """
        values = self._evaluate(check, value, frame=self.frame)
        if values.len() != _ROWS:
            raise CheckError(check, f"it gives {values.len()} values for {_ROWS} rows; it is to give one for each")
        _truth(check, values.dtype)
        parts = [slice(0, _ROWS // 2), *(slice(number, number + 1) for number in range(_ROWS))]
        if any(not self._evaluate(check, value, frame=self.frame[part]).equals(values[part]) for part in parts):
            raise CheckError(check, "it changes with the rows around it; compare a row with its own columns only, or make it an aggregate")

    def whole(self, check: str, *, cells: Iterable[pl.Expr], value: pl.Expr) -> pl.DataType:
        """The type of the value that comes of `cells` over all rows.

        Raises:
            CheckError: it cannot be evaluated.
        """
        try:
            return self.frame.select(cells).select(value.alias("value")).schema["value"]
        except plx.PolarsError as error:
            raise CheckError(check, f"it cannot be evaluated ({said(error)})") from error

    def is_whole(self, check: str, value: pl.Expr) -> bool:
        """Whether the expression gives one value for all rows, however many there are.

        Raises:
            UnknownColumnError: it reads a column that the contract does not have.
            CheckError: it cannot be evaluated.
        """
        return self._evaluate(check, value, frame=self.frame.head(0)).len() == 1

    def _evaluate(self, check: str, value: pl.Expr, *, frame: pl.DataFrame) -> pl.Series:
        try:
            return frame.select(value.alias("value")).to_series()
        except plx.ColumnNotFoundError as error:
            missing = next((name for name in value.meta.root_names() if name not in frame.columns), str(error).splitlines()[0])
            raise UnknownColumnError(missing, frame.columns, where=f"The dataset of the check {check!r}") from error
        except plx.PolarsError as error:
            raise CheckError(check, f"it cannot be evaluated ({said(error)})") from error


def _truth(check: str, dtype: pl.DataType) -> None:
    if dtype not in {pl.Boolean, pl.Null}:
        raise CheckError(check, f"it is a value of type {dtype}, not true or false; compare it with something")


def _sample(contract: Contract) -> pl.DataFrame:
    rows = range(_ROWS)
    values: dict[str, Any] = {}
    for number, (name, column) in enumerate(contract.columns.items()):
        steps = [(row * (number + 3)) % 11 - 3 for row in rows]
        made = [_value(column.type, step) for step in steps]
        made[(number + 5) % _ROWS] = None
        values[name] = pl.Series(name, made, dtype=column.type.dtype)
    return pl.DataFrame(values)


def _value(kind: ColumnType, step: int) -> Any:
    match kind:
        case ColumnType.BOOLEAN:
            return step % 2 == 0
        case ColumnType.INTEGER:
            return step
        case ColumnType.NUMBER:
            return step / 2
        case ColumnType.DATE:
            return date(2013, 1, 1) + timedelta(days=step)
        case ColumnType.TIME:
            return _START + timedelta(hours=step)
        case ColumnType.TEXT:
            return f"text {step}"
