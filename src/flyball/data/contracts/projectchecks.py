"""The checks of a project file, written there as Polars expressions or made of a pandera schema."""

from __future__ import annotations

import polars as pl

from flyball.data.contracts.errors import CheckError
from flyball.data.contracts.model import Contract, UniqueCheck
from flyball.data.contracts.promises import RowPromise
from flyball.data.contracts.proving import Prover, prove_columns
from flyball.data.contracts.wholes import Whole
from flyball.data.declared.check import Check, Severity

_SHOWN = 200


def promise_of(prover: Prover, check: Check) -> RowPromise | Whole:
    """What `check` promises: of each row where its expression gives a value for each, else of all.

    Raises:
        CheckError: it can never be evaluated, looks at other rows, or contradicts the contract.
        UnknownColumnError: it reads a column that the contract does not have.
    """
    contract = prover.contract
    prove_columns(contract, check.name, columns=[*([check.column] if check.column else []), *check.unique])
    if check.unique:
        spec = UniqueCheck(name=check.name, columns=check.unique, severity="warn" if check.severity is Severity.WARN else "hold")
        return Whole.unique(spec, column=check.column)
    if check.types and check.column:
        return _typed(contract, check, column=check.column)
    if prover.is_whole(check.name, check.expression):
        return _whole(check)
    prover.row(check.name, check.expression)
    return _row(check, kind="python", broken=~check.expression, expected=_shown(check.expression))


def _typed(contract: Contract, check: Check, *, column: str) -> RowPromise:
    """No row breaks it: what has another type than the contract's is set aside by the contract already."""
    found = contract.columns[column].type
    if found not in check.types:
        raise CheckError(check.name, f"it says {' or '.join(check.types)}, the contract {found}; change the one that is wrong")
    return _row(check, kind="type", broken=pl.lit(False), expected=" or ".join(check.types))


def _row(check: Check, *, kind: str, broken: pl.Expr, expected: str) -> RowPromise:
    severity, why = check.severity or Severity.QUARANTINE, f"breaks {check.name!r}"
    return RowPromise(check=check.name, kind=kind, severity=severity, column=check.column, broken=broken, why=why, expected=expected)


def _whole(check: Check) -> Whole:
    if check.severity is Severity.QUARANTINE:
        raise CheckError(check.name, "it is about all rows together, so none can be set aside; its severity is hold or warn")
    severity, expected = check.severity or Severity.HOLD, _shown(check.expression)
    return Whole(check=check.name, kind="python", severity=severity, column=check.column, expected=expected, python=check.expression)


def _shown(expression: pl.Expr) -> str:
    text = str(expression)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
