"""A dataset of live rows begins: its first version is empty, and has the contract that all rows after it are judged by."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import msgspec
import polars as pl

from flyball.core.canonical import digest
from flyball.core.duration import EPOCH
from flyball.data.arrowrows import read_arrow
from flyball.data.bodies import Body, Form
from flyball.data.cellrows import read_csv
from flyball.data.contracts.inferring import infer, times_in
from flyball.data.contracts.model import Basis, Column, Contract, declared_columns
from flyball.data.errors import EventTimeError, UnknownColumnError
from flyball.data.model import ARRIVAL, EVENT_TIME, KNOWN_TIME, PUSHED, TIME, Dataset, DatasetVersion, SourceFile, VersionState
from flyball.data.pusherrors import NothingPushedError
from flyball.data.rows import Rows, table_name
from flyball.data.service import DataService
from flyball.data.typedrows import raw_rows
from flyball.data.values import ColumnType
from flyball.lineage import Edge, reference

SURE_ROWS = 100
"""Below so many rows whole numbers are taken for numbers: the next may have a fraction."""
_FLAT = (pl.Boolean, pl.Int64, pl.Float64, pl.String, pl.Null, pl.Date, pl.Datetime)


def begin(dataset: Dataset, data: DataService, *, first: Body | pl.DataFrame, root: Path | None) -> DatasetVersion:
    """The dataset's first version, without rows; its contract is the one that was given, or what the rows `first` look like.

    One that has a version has begun. Repeatable, also after a kill; not to be called within a transaction.

    Raises:
        ContractFileError: the contract that was given cannot be used.
        UnknownColumnError: the first rows lack a column that the dataset is declared with.
        EventTimeError: none of them has an event time.
    """
    with data.turn(dataset.name):
        found = data.find_accepted(dataset.name)
        if found is not None:
            return found
        given = data.find_contract(dataset, root)
        contract = given or _inferred(dataset, first)
        data.contract_files(root).set(contract)
        return _record(dataset, data, contract=contract, given=given is not None)


def stand(dataset: Dataset, data: DataService, *, root: Path | None) -> DatasetVersion:
    """The dataset's latest accepted version; where there is none, but a contract was given, its first, without rows.

    Raises:
        NothingPushedError: there is neither.
        ContractFileError: the contract that was given cannot be used.
    """
    found = data.find_accepted(dataset.name)
    if found is not None:
        return found
    if data.find_contract(dataset, root) is None:
        raise NothingPushedError(dataset.name, dataset.source.describe())
    return begin(dataset, data, first=pl.DataFrame(), root=root)


def _record(dataset: Dataset, data: DataService, *, contract: Contract, given: bool) -> DatasetVersion:
    table, subject = table_name(dataset, contract), f"dataset/{dataset.name}"
    mark = digest({"definition": dataset.definition(), "contract": contract.digest, "begins": True})
    empty = pl.DataFrame(schema={**contract.schema, EVENT_TIME: TIME, KNOWN_TIME: TIME, ARRIVAL: pl.Int64()})
    data.tables.append(table, empty, job=f"begin:{dataset.name}:{mark}")
    data.blobs.put(contract.encode().encode())
    facts = {"version": 1, "digest": mark, "rows": 0, "added": 0}
    with data.transactions.write():
        received = data.recorder.record("dataset.version.received", subject, data=facts)
        kind = "contract.given" if given else "contract.inferred"
        told = {"version": 1, "contract": contract.digest, "columns": len(contract.columns)}
        data.recorder.record(kind, subject, data=told, cause=received.id)
        event = data.recorder.record("dataset.version.accepted", subject, data={**facts, "share_broken": 0.0}, cause=received.id)
        version = DatasetVersion(
            dataset=dataset.name, number=1, digest=mark, state=VersionState.ACCEPTED, rows=0, added=0, quarantined=0, duplicates=0,
            table=table, table_version=data.tables.latest(table), first_arrival=0, last_arrival=-1,
            files=(SourceFile(name=f"{PUSHED}0-0", size_bytes=0, digest=mark),), contract=contract.digest, profile=None,
            earliest_event_time=None, latest_event_time=None, ingested_at=received.time, cause=None, event=event.id,
            source=dataset.source.describe(), key=dataset.key, corrections=0,
        )  # fmt: skip
        data.versions.create(version)
        data.lineage.create(Edge(version.reference, reference("contract", contract.digest), "judged-by"))
    Rows(data.tables).scan([version]).collect_schema()  # the table can be read, or nothing would ever be
    return version


def _inferred(dataset: Dataset, first: Body | pl.DataFrame) -> Contract:
    cells = first if isinstance(first, pl.DataFrame) else _cells(dataset, first)
    cells = cells.select(name for name, kind in cells.schema.items() if kind.base_type() in _FLAT and not name.startswith("__"))
    for name in declared_columns(dataset):
        if name not in cells.columns:
            raise UnknownColumnError(name, cells.columns, where=f"The first row pushed to dataset {dataset.name!r}")
    times = times_in(cells, dataset.event_time)
    since, until = times.min(), times.max()
    if not isinstance(since, datetime) or not isinstance(until, datetime):
        shown = cells[dataset.event_time].drop_nulls().head(1).to_list()
        raise EventTimeError(dataset.name, dataset.event_time, example=str(shown[0]) if shown else "empty")
    basis = Basis(rows=cells.height, since=max(since, EPOCH), until=max(until, EPOCH))
    contract = infer(dataset, cells, everything={name: cells[name] for name in cells.columns}, basis=basis)
    spoken = isinstance(first, Body) and first.form in {Form.JSON, Form.NDJSON}
    columns = {name: _loose(column, cells[name], is_key=name in dataset.key, spoken=spoken) for name, column in contract.columns.items()}
    return msgspec.structs.replace(contract, columns=columns)


def _loose(column: Column, cells: pl.Series, *, is_key: bool, spoken: bool) -> Column:
    """What JSON calls a text is one, whatever it looks like; and few whole numbers promise no more of them."""
    text = cells.dtype == pl.String
    if spoken and text and column.type in {ColumnType.BOOLEAN, ColumnType.INTEGER, ColumnType.NUMBER}:
        return msgspec.structs.replace(column, type=ColumnType.TEXT, minimum=None, maximum=None)
    if column.type is ColumnType.INTEGER and not is_key and (spoken or text) and cells.len() - cells.null_count() < SURE_ROWS:
        return msgspec.structs.replace(column, type=ColumnType.NUMBER)
    return column


def _cells(dataset: Dataset, body: Body) -> pl.DataFrame:
    match body.form:
        case Form.ARROW:
            return _widened(read_arrow(dataset.name, body.content))
        case Form.CSV:
            return read_csv(dataset.name, body.content)
    rows = []
    for raw in raw_rows(dataset.name, body):
        with suppress(msgspec.DecodeError):  # such a row has no say; it is set aside when it is judged
            rows.append(msgspec.json.decode(raw))
    names = dict.fromkeys(name for row in rows for name in row)
    return pl.DataFrame([_series(name, [row.get(name) for row in rows]) for name in names])


def _series(name: str, values: list[object]) -> pl.Series:
    """The values as most of them are; one of another kind is null, for it will be set aside."""
    kinds = Counter(_kind(value) for value in values if value is not None)
    kind = kinds.most_common(1)[0][0] if kinds else pl.Null
    if kind is pl.List:
        return pl.Series(name, [[]] * len(values))
    kept = [value if value is not None and _kind(value) is kind else None for value in values]
    if kind is pl.Float64 and all(isinstance(value, int) and -(2**63) <= value < 2**63 for value in kept if value is not None):
        kind = pl.Int64
    return pl.Series(name, kept, dtype=kind, strict=False)


def _kind(value: object) -> type[pl.DataType]:
    match value:
        case bool():
            return pl.Boolean
        case int() | float():
            return pl.Float64
        case str():
            return pl.String
    return pl.List


def _widened(cells: pl.DataFrame) -> pl.DataFrame:
    """All integers as one type, and all floats."""
    return cells.with_columns(pl.col(pl.Int8, pl.Int16, pl.Int32, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64).cast(pl.Int64, strict=False))
