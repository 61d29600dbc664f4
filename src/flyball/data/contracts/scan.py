"""A table checked as it lies: all promises of rows and all aggregates in one streaming pass, memory bounded by Polars' morsels."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from flyball.data.contracts.blaming import blaming
from flyball.data.contracts.compiled import compile_contract
from flyball.data.contracts.finishing import Finishing, python_values
from flyball.data.contracts.judging import is_typed
from flyball.data.contracts.model import Contract, declared_columns
from flyball.data.contracts.outcome import Context, Report
from flyball.data.contracts.partials import take
from flyball.data.contracts.promises import CELL, RowPromise
from flyball.data.contracts.tally import Tally, Wholes
from flyball.data.errors import ColumnTypeError, UnknownColumnError
from flyball.data.model import EVENT_TIME, KNOWN_TIME, TIME, Dataset
from flyball.data.values import as_type


def check_scan(dataset: Dataset, contract: Contract, *, scan: pl.LazyFrame, context: Context) -> Report:
    """What comes of every promise over the rows of `scan`, which nothing is done to.

    Rows and aggregates take one pass, each uniqueness or key promise one more over its columns; what was broken is looked up
    for examples. A scan with KNOWN_TIME is a history, whose corrections repeat no key.

    Raises:
        UnknownColumnError: a column is not there that may not be null.
        ColumnTypeError: a column holds lists or bytes, which no contract is about.
        CheckError: an expression fails on these rows.
    """
    compiled = compile_contract(dataset, contract)
    rows, typed = _typed(dataset, compiled.contract, scan=scan)
    cells = [promise for promise in compiled.cells if promise.kind != "type" or promise.column not in typed]
    wholes = Wholes.made(compiled.wholes, context, schema=compiled.contract.schema)
    tally = Tally.empty([*(_uncelled(promise, typed) for promise in cells), *compiled.rows], wholes)
    pythons = [whole for whole in compiled.wholes if whole.python is not None]
    values_of = [(promise.check, promise.broken.sum()) for promise in compiled.rows]
    values_of += [(whole.check, whole.python) for whole in pythons if whole.python is not None]
    with blaming(values_of, rows):
        found = rows.select(*take(tally.partials), *python_values(pythons)).collect(engine="streaming")
    values = {name: found[name].item() for name in found.columns if name.startswith("python ")}
    tally.put(found.drop(list(values)))
    finishing = Finishing(compiled, tally, replace(context, rows=rows), values)
    return Report(finishing.rows, finishing.outcomes())


def _typed(dataset: Dataset, contract: Contract, *, scan: pl.LazyFrame) -> tuple[pl.LazyFrame, frozenset[str]]:
    """The rows with typed columns, the raw cells of those that were not, and both times; and which columns were typed already."""
    given = scan.collect_schema()
    for name, column in contract.columns.items():
        if name not in given and (name in declared_columns(dataset) or not column.nullable):
            raise UnknownColumnError(name, given, where=f"The table of dataset {dataset.name!r}")
        if name in given and (given[name].is_nested() or given[name] in {pl.Binary, pl.Object, pl.Unknown}):
            raise ColumnTypeError(f"the table of dataset {dataset.name!r}", name, dtype=str(given[name]))
    typed = frozenset(name for name, column in contract.columns.items() if name not in given or is_typed(given[name], column.type))
    columns = [
        pl.lit(None, dtype=column.type.dtype).alias(name)
        if name not in given
        else as_type(pl.col(name), given[name], wanted=column.type).alias(name)
        for name, column in contract.columns.items()
    ]
    raw = [pl.col(name).alias(CELL + name) for name in contract.columns if name not in typed]
    times = [pl.col(name) for name in (EVENT_TIME, KNOWN_TIME) if name in given]
    rows = scan.select(*columns, *raw, *times)
    if EVENT_TIME not in given:
        rows = rows.with_columns(pl.col(dataset.event_time).cast(TIME).alias(EVENT_TIME))
    return rows, typed


def _uncelled(promise: RowPromise, typed: frozenset[str]) -> RowPromise:
    """The promise about a cell that is a value already, over the value."""
    if promise.kind == "nullable" and promise.column is not None and promise.column in typed:
        return replace(promise, broken=pl.col(promise.column).is_null())
    return promise
