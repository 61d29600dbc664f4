"""A contract and a dataset, ready to judge rows: every expression is parsed, typed and known to be what it says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec
import polars as pl

from flyball.data.contracts.errors import CheckError
from flyball.data.contracts.expression import Expression, parse_row
from flyball.data.contracts.finishing import finish
from flyball.data.contracts.judging import Checked, Judge, Look
from flyball.data.contracts.model import Contract, PythonCheck, RowCheck, UniqueCheck
from flyball.data.contracts.outcome import Context, Outcome
from flyball.data.contracts.projectchecks import promise_of
from flyball.data.contracts.promised import Promised
from flyball.data.contracts.promises import RowPromise, column_promises, null_promise, type_promise
from flyball.data.contracts.proving import Prover, prove_column, prove_columns
from flyball.data.contracts.tally import Tally, Wholes
from flyball.data.contracts.tokens import pattern_fault
from flyball.data.contracts.wholes import Whole, whole_of
from flyball.data.declared.check import Check, Severity
from flyball.data.model import Dataset


@dataclass(frozen=True)
class Compiled(Promised):
    """Judges and tallies rows of one dataset by one contract. Pure and thread-safe; made by `compile_contract`."""

    def judge(self, cells: pl.DataFrame, *, place: str, first_row: int = 1, look: Look | None = None) -> Checked:
        """Part the rows of a chunk, of which the first is row `first_row` of `place`, into those taken and those set aside.

        Extra columns are passed over and told; a column that may be null and is not there is null, and told.

        Raises:
            UnknownColumnError: a column is not there that may not be null.
        """
        judge = Judge(self.dataset, self.contract, self.strict)
        return judge.judge(cells, place=place, first_row=first_row, look=Look() if look is None else look)

    def tally(self, context: Context) -> Tally:
        """An empty tally of rows that are taken; distributions are counted in the bins that `context` gives."""
        return Tally.empty(self.lenient, Wholes.made(self.wholes, context, schema=self.contract.schema))

    def finish(self, tally: Tally, *, context: Context) -> tuple[Outcome, ...]:
        """What came of every promise, in the contract's order: cells, rows, wholes.

        Promises that no tally can hold (uniqueness, keys, aggregates in Python) look at `context.rows` and are `skipped` without.
        """
        return finish(self, tally, context=context)


def compile_contract(dataset: Dataset, contract: Contract) -> Compiled:
    """The contract with the dataset's own checks, as they are declared now.

    Raises:
        CheckError: a check that can never be evaluated, a name given twice, a severity that it cannot have.
        ExpressionError: an expression that cannot be read.
        UnknownColumnError: a check of a column that the contract does not have.
    """
    return _compile(dataset, contract.bound(dataset), declared={check.name: check for check in dataset.checks})


def prove(dataset: Dataset, contract: Contract) -> None:
    """The checks that stand in the contract itself can be evaluated.

    Raises:
        InvalidError: as `compile_contract` does.
    """
    kept = tuple(check for check in contract.checks if not isinstance(check, PythonCheck))
    _compile(dataset, msgspec.structs.replace(contract, checks=kept), declared={})


def _compile(dataset: Dataset, contract: Contract, *, declared: Mapping[str, Check]) -> Compiled:
    _check_names(contract)
    prover, read = Prover.of(contract), dict[str, pl.Expr]()
    rows: list[RowPromise] = list(_rows(dataset, contract))
    wholes = list(_unique_columns(contract))
    for check in contract.checks:
        if isinstance(check, RowCheck):
            parsed = parse_row(check.expression)
            read[check.name] = parsed.value
            rows.append(_row(contract, check, parsed=parsed))
        elif isinstance(check, PythonCheck) and check.name in declared:
            found = promise_of(prover, declared[check.name])
            if isinstance(found, Whole):
                wholes.append(found)
            else:
                rows.append(found)
        else:
            wholes.append(whole_of(prover, check))
    prover.read(read)
    return _named_once(Compiled(dataset, contract, tuple(_cells(dataset, contract)), tuple(rows), tuple(wholes)))


def _named_once(compiled: Compiled) -> Compiled:
    """Results are kept by name, those of columns as well."""
    seen: set[str] = set()
    for name in [*(promise.check for promise in (*compiled.cells, *compiled.rows)), *(whole.check for whole in compiled.wholes)]:
        if name in seen:
            raise CheckError(name, "two promises have this name; results are kept by name, so give it another one")
        seen.add(name)
    return compiled


def _check_names(contract: Contract) -> None:
    if len(contract.checks) > Contract.MAX_CHECKS:
        raise CheckError(contract.checks[Contract.MAX_CHECKS].name, f"a contract has at most {Contract.MAX_CHECKS:,} checks")
    for check in contract.checks:
        if not check.name or len(check.name) > 200 or not check.name.isprintable():
            raise CheckError(check.name[:60], "a check's name is 1 to 200 printable characters")


def _cells(dataset: Dataset, contract: Contract) -> Iterator[RowPromise]:
    for name, column in contract.columns.items():
        yield type_promise(name, column)
        missing = null_promise(dataset, name, column=column, raw=True)
        if missing is not None and missing.severity is Severity.QUARANTINE:
            yield missing


def _rows(dataset: Dataset, contract: Contract) -> Iterator[RowPromise]:
    for name, column in contract.columns.items():
        fault = None if column.pattern is None else pattern_fault(column.pattern)
        if fault is not None:
            raise CheckError(f"{name}.pattern", fault)
        prove_column(name, column)
    for promise in column_promises(dataset, contract):
        if promise.kind != "nullable" or promise.severity is not Severity.QUARANTINE:
            yield promise


def _unique_columns(contract: Contract) -> Iterator[Whole]:
    for name, column in contract.columns.items():
        if column.unique:
            severity = column.severities.get("unique", "hold")
            if severity == "quarantine":
                raise CheckError(f"{name}.unique", "no single row breaks it, so none can be set aside; its severity is hold or warn")
            yield Whole.unique(UniqueCheck(name=f"{name}.unique", columns=(name,), severity=severity), column=name)


def _row(contract: Contract, check: RowCheck, *, parsed: Expression) -> RowPromise:
    if not parsed.columns:
        raise CheckError(check.name, "it reads no column, so it is the same for every row")
    prove_columns(contract, check.name, columns=(*parsed.columns, *([check.column] if check.column else [])))
    if not 0 <= check.tolerance < 1:
        raise CheckError(check.name, "its tolerance is a share from 0 to below 1")
    column = check.column or (parsed.columns[0] if len(parsed.columns) == 1 else None)
    return RowPromise(
        check=check.name, kind="row", severity=Severity(check.severity), column=column, broken=~parsed.value,
        why=f"breaks {check.name!r}", expected=check.expression, tolerance=check.tolerance,
    )  # fmt: skip
