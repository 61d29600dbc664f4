"""The promises that no single row breaks: what is looked at, and what is expected of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from flyball.core.duration import parse_duration
from flyball.core.errors import DurationError
from flyball.data.contracts.errors import CheckError
from flyball.data.contracts.expression import Expression, parse_aggregate
from flyball.data.contracts.model import (
    AggregateCheck,
    Contract,
    DistributionCheck,
    FreshnessCheck,
    KeyCheck,
    PythonCheck,
    RowCheck,
    SkewCheck,
    UniqueCheck,
    VolumeCheck,
)
from flyball.data.contracts.partials import Partial, take
from flyball.data.contracts.proving import Prover, prove_columns
from flyball.data.declared.check import Severity
from flyball.data.model import EVENT_TIME
from flyball.data.values import ColumnType

WholeCheck = AggregateCheck | UniqueCheck | KeyCheck | DistributionCheck | SkewCheck | FreshnessCheck | VolumeCheck
ROWS = Partial("rows", pl.len(), "sum")


@dataclass(frozen=True, kw_only=True)
class Whole:
    """A promise about all rows: `spec` as it was written, with its expression `parsed`; or `python`, a boolean over the rows."""

    check: str
    kind: str
    severity: Severity
    column: str | None
    expected: str
    spec: WholeCheck | None = None
    parsed: Expression | None = None
    python: pl.Expr | None = None

    def partials(self) -> Iterator[Partial]:
        """What of it can be tallied, without bins."""
        if self.parsed is not None:
            yield from self.parsed.partials
        if isinstance(self.spec, FreshnessCheck):
            yield Partial(f"latest {self.spec.column or EVENT_TIME}", pl.col(self.spec.column or EVENT_TIME).max(), "max")

    @classmethod
    def unique(cls, spec: UniqueCheck, *, column: str | None = None) -> Whole:
        """The promise that `spec` is."""
        expected = f"each ({', '.join(spec.columns)}) once"
        severity = Severity(spec.severity)
        return cls(check=spec.name, kind="unique", severity=severity, column=column or _only(spec.columns), expected=expected, spec=spec)


def whole_of(prover: Prover, check: WholeCheck | RowCheck | PythonCheck) -> Whole:
    """The promise that `check` is.

    Raises:
        CheckError: it can never be evaluated.
        ExpressionError: its expression cannot be read.
        UnknownColumnError: it is about a column that the contract does not have.
    """
    contract = prover.contract
    match check:
        case AggregateCheck():
            return _aggregate(prover, check)
        case UniqueCheck():
            _named(contract, check.name, columns=check.columns)
            _tolerance(check.name, check.tolerance)
            return Whole.unique(check)
        case KeyCheck():
            return _key(contract, check)
        case DistributionCheck():
            _compared(contract, check.name, columns=(check.column,), limit=check.limit)
            return _whole(check, column=check.column, expected=f"distance at most {check.limit:.6g}")
        case SkewCheck():
            _named(contract, check.name, columns=check.columns)
            _compared(contract, check.name, columns=check.columns, limit=check.limit)
            return _whole(check, column=_only(check.columns), expected=f"distance at most {check.limit:.6g}")
        case FreshnessCheck():
            return _freshness(contract, check)
        case VolumeCheck():
            return _volume(check)
        case _:
            raise CheckError(check.name, "the project file does not declare it any more")


def _whole(check: WholeCheck, *, column: str | None, expected: str, parsed: Expression | None = None) -> Whole:
    kind = str(type(check).__struct_config__.tag)
    return Whole(
        check=check.name, kind=kind, severity=Severity(check.severity), column=column, expected=expected, spec=check, parsed=parsed
    )


def _aggregate(prover: Prover, check: AggregateCheck) -> Whole:
    parsed = parse_aggregate(check.expression)
    prove_columns(prover.contract, check.name, columns=(*parsed.columns, *([check.column] if check.column else [])))
    dtype = prover.whole(check.name, cells=take(parsed.partials), value=parsed.value)
    bounds = [f"at least {check.minimum:.12g}"] if check.minimum is not None else []
    bounds += [f"at most {check.maximum:.12g}"] if check.maximum is not None else []
    if dtype == pl.Boolean and not bounds:
        expected = f"{check.expression}"
    elif not bounds:
        raise CheckError(check.name, "it has neither minimum nor maximum, so nothing breaks it; give one, or compare in the expression")
    elif not dtype.is_numeric():
        raise CheckError(check.name, f"minimum and maximum bound numbers, and this is of type {dtype}; compare in the expression")
    else:
        expected = f"{check.expression} {' and '.join(bounds)}"
    column = check.column or (parsed.columns[0] if len(parsed.columns) == 1 else None)
    return _whole(check, column=column, expected=expected, parsed=parsed)


def _key(contract: Contract, check: KeyCheck) -> Whole:
    _named(contract, check.name, columns=check.columns)
    _tolerance(check.name, check.tolerance)
    to = check.to or check.columns
    if len(to) != len(check.columns):
        raise CheckError(check.name, f"{len(check.columns)} columns cannot be those of {len(to)}")
    if check.dataset == contract.dataset and to == check.columns:
        raise CheckError(check.name, "it compares the columns with themselves")
    expected = f"({', '.join(check.columns)}) in {check.dataset} ({', '.join(to)})"
    return _whole(check, column=_only(check.columns), expected=expected)


def _freshness(contract: Contract, check: FreshnessCheck) -> Whole:
    try:
        parse_duration(check.maximum_age)
    except DurationError as error:
        raise CheckError(check.name, f"maximum_age {check.maximum_age!r} is no duration such as '3h'") from error
    if check.column is not None:
        prove_columns(contract, check.name, columns=(check.column,))
        if contract.columns[check.column].type not in {ColumnType.TIME, ColumnType.DATE}:
            raise CheckError(check.name, f"{check.column!r} is neither a time nor a date")
    return _whole(check, column=check.column, expected=f"at most {check.maximum_age} old")


def _volume(check: VolumeCheck) -> Whole:
    if check.minimum is None and check.maximum is None and check.relative is None:
        raise CheckError(check.name, "it has neither minimum, maximum nor relative, so nothing breaks it")
    if check.relative is not None and not check.relative > 0:
        raise CheckError(check.name, "relative is a share above 0")
    parts = [f"at least {check.minimum:,}"] if check.minimum is not None else []
    parts += [f"at most {check.maximum:,}"] if check.maximum is not None else []
    parts += [f"within {check.relative:.0%} of the median of earlier versions"] if check.relative is not None else []
    return _whole(check, column=None, expected=f"rows {' and '.join(parts)}")


def _compared(contract: Contract, name: str, *, columns: tuple[str, ...], limit: float) -> None:
    prove_columns(contract, name, columns=columns)
    for column in columns:
        if contract.columns[column].type in {ColumnType.TIME, ColumnType.DATE}:
            raise CheckError(name, f"{column!r} is a time, which moves on by itself; compare an expression of it as a column of its own")
    if not limit > 0:
        raise CheckError(name, "its limit is a number above 0")


def _named(contract: Contract, name: str, *, columns: tuple[str, ...]) -> None:
    if not columns or len(set(columns)) != len(columns):
        raise CheckError(name, "it names no column, or one twice")
    prove_columns(contract, name, columns=columns)


def _tolerance(name: str, tolerance: float) -> None:
    if not 0 <= tolerance < 1:
        raise CheckError(name, "its tolerance is a share from 0 to below 1")


def _only(columns: tuple[str, ...]) -> str | None:
    return columns[0] if len(columns) == 1 else None
