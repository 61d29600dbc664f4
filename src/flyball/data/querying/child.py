"""``python -m flyball.data.querying.child``: one query, in a process that can reach nothing but the files of its tables.

It reads a `Task` as JSON from its input and writes messages to its output: a letter, eight bytes of length, and that many
bytes; rows are Arrow IPC streams, one after another as the engine finds them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from io import BytesIO
from typing import Any, BinaryIO

import msgspec

from flyball.core.optional import extra
from flyball.data.querying.model import BATCH, DONE, FAILED, Failure, Task, literal, quoted

with extra("query"):
    import duckdb

_AS_TEXT = frozenset({"INTERVAL", "BIT", "UUID", "TIME WITH TIME ZONE", "TIME_NS", "VARIANT", "GEOMETRY", "BIGNUM"})
_WIDE = {"HUGEINT": "DOUBLE", "UHUGEINT": "DOUBLE"}  # sums of integers; a decimal of 38 digits is what few readers take


def main() -> None:
    """Answer the task, once; every failure of the query is a message."""
    output = sys.stdout.buffer
    import polars as pl  # noqa: F401  the time that it takes passes while nobody has asked yet
    from arro3.core import RecordBatchReader  # noqa: F401  the same

    task = msgspec.json.decode(sys.stdin.buffer.read(), type=Task)
    try:
        rows = _answer(task, output)
    except duckdb.Error as error:
        _send(output, FAILED, payload=msgspec.json.encode(_failure(error)))
    else:
        _send(output, DONE, payload=msgspec.json.encode({"rows": rows}))
    output.flush()


def _answer(task: Task, output: BinaryIO) -> int:
    connection = _open(task)
    sql = _checked(connection, task.sql)
    relation = connection.sql(sql)
    shaped = _shaped(sql, relation.columns, kinds=[str(kind) for kind in relation.types])
    if task.parquet is not None:
        found = connection.execute(f"copy ({shaped}) to {literal(task.parquet)} (format parquet, compression zstd)").fetchone()
        return int(found[0]) if found else 0
    rows = 0
    for batch in _batches(connection.sql(shaped)):
        rows += batch.height
        buffer = BytesIO()
        batch.write_ipc_stream(buffer)
        _send(output, BATCH, payload=buffer.getvalue())
        output.flush()
    return rows


def _open(task: Task) -> duckdb.DuckDBPyConnection:
    limits = task.limits
    connection = duckdb.connect(":memory:")
    settings = {
        "threads": str(limits.threads), "memory_limit": f"{limits.memory_bytes}B", "temp_directory": task.scratch,
        "max_temp_directory_size": f"{limits.scratch_bytes}B", "TimeZone": "UTC", "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false", "python_enable_replacements": "false", "secret_directory": task.scratch,
    }  # fmt: skip
    for name, value in settings.items():
        connection.execute(f"set {name}={literal(value)}")
    places = sorted({file for view in task.views for file in view.files} | ({task.parquet} if task.parquet else set()))
    connection.execute(f"set allowed_paths=[{', '.join(map(literal, places))}]")
    connection.execute(f"set allowed_directories=[{literal(task.scratch)}]")
    connection.execute("set enable_external_access=false")
    connection.execute("set lock_configuration=true")
    for schema in sorted({view.schema for view in task.views} - {"main"}):
        connection.execute(f"create schema {quoted(schema)}")
    for view in task.views:
        connection.execute(f"create view {quoted(view.schema)}.{quoted(view.name)} as {view.select}")
    return connection


class _NotSelectError(duckdb.Error):
    """The statement is of another kind."""


def _checked(connection: duckdb.DuckDBPyConnection, sql: str) -> str:
    statements = connection.extract_statements(sql)
    if len(statements) != 1:
        raise _NotSelectError("nothing" if not statements else f"{len(statements)} statements")
    kind = statements[0].type
    if kind != duckdb.StatementType.SELECT:
        raise _NotSelectError(f"a statement of the kind {kind.name}")
    return statements[0].query.strip().rstrip(";").rstrip()


def _shaped(sql: str, columns: list[str], *, kinds: list[str]) -> str:
    """The query with unique names, and with types that Arrow's readers know."""
    if sql.split(None, 1)[0].lower() in {"describe", "summarize", "show", "explain"}:
        return sql if sql.split(None, 1)[0].lower() != "show" else f"from ({sql})"
    names: list[str] = []
    for column in columns:
        name, number = column, 1
        while name.lower() in {taken.lower() for taken in names}:
            name, number = f"{column}_{number}", number + 1
        names.append(name)
    if names == columns and not any(kind in _AS_TEXT or kind in _WIDE for kind in kinds):
        return sql
    cells = ", ".join(_cell(name, kind) for name, kind in zip(names, kinds, strict=True))
    return f"select {cells} from (\n{sql}\n) as answer({', '.join(map(quoted, names))})"  # noqa: S608  it is what was asked


def _cell(name: str, kind: str) -> str:
    wanted = "VARCHAR" if kind in _AS_TEXT else _WIDE.get(kind)
    return quoted(name) if wanted is None else f"cast({quoted(name)} as {wanted}) as {quoted(name)}"


def _batches(relation: Any) -> Iterator[Any]:
    """The answer in frames as it is found; at least one, for its columns."""
    import polars as pl
    from arro3.core import RecordBatchReader, Table

    reader = RecordBatchReader.from_stream(relation)
    empty = True
    for batch in reader:
        empty = False
        yield pl.DataFrame(batch)
    if empty:
        yield pl.DataFrame(Table.from_batches([], schema=reader.schema))


def _failure(error: duckdb.Error) -> Failure:
    why = str(error)
    if isinstance(error, _NotSelectError):
        return Failure(kind="not-select", why=why)
    if isinstance(error, duckdb.OutOfMemoryException):
        return Failure(kind="disk" if "max_temp_directory_size" in why else "memory", why=why)
    if isinstance(error, duckdb.PermissionException):
        return Failure(kind="file", why=why)
    return Failure(kind="query", why=why)


def _send(output: BinaryIO, letter: bytes, *, payload: bytes) -> None:
    output.write(letter + len(payload).to_bytes(8, "little") + payload)


if __name__ == "__main__":
    main()
