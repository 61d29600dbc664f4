"""Tables as Delta Lake tables in one local directory; readable by everything that reads Delta.

Delta refuses neither a job that commits twice in a row nor a number that loses its fraction in a cast, so both are checked
here; one lock file per table makes check and commit one step. Logs are never cleaned up: every version stays readable, and with
it the place of every job's commit.
"""

from __future__ import annotations

import bisect
import builtins
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias
from urllib.parse import quote

import polars as pl
from polars._typing import PolarsDataType

from flyball.core.errors import FlyballError
from flyball.core.optional import extra
from flyball.storage._filelock import FileLock
from flyball.storage.errors import TableNotFoundError, TableSchemaError, from_os, os_errors
from flyball.storage.tables import TableCommit, checked_table

with extra("store"):
    from arro3.core import RecordBatch, RecordBatchReader
    from arro3.core import Table as ArrowTable
    from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties, Transaction, write_deltalake
    from deltalake.exceptions import DeltaError

_SCALARS = frozenset({pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.Float32, pl.Float64, pl.Boolean, pl.String, pl.Binary, pl.Date})
_TIMES = frozenset({pl.Datetime("us"), pl.Datetime("us", "UTC")})
_KEEP_LOGS = PostCommitHookProperties(create_checkpoint=True, cleanup_expired_logs=False)
_COMMIT_RETRIES = 100
_STREAM = "stream:"
_Rows: TypeAlias = "pl.DataFrame | _Parts"


class DeltaTables:
    """A `TableStore` in the directory `root`, which is made when it is needed."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self._opened: dict[Path, DeltaTable] = {}  # used under the table's lock only

    def append(self, table: str, rows: pl.DataFrame, *, job: str, attempt: int = 1) -> int:
        def done(current: DeltaTable) -> int | None:
            found = _find_commit(current, job)
            return None if found is None else found.version

        return self._append(table, rows, transaction=Transaction(job, attempt), done=done)

    def append_all(self, table: str, parts: Iterable[pl.DataFrame], *, schema: pl.Schema, job: str, attempt: int = 1) -> int:
        def done(current: DeltaTable) -> int | None:
            found = _find_commit(current, job)
            return None if found is None else found.version

        return self._append(table, _Parts(table, schema, parts), transaction=Transaction(job, attempt), done=done)

    def append_next(self, table: str, rows: pl.DataFrame, *, stream: str, position: int) -> int:
        name = f"{_STREAM}{stream}"

        def done(current: DeltaTable) -> int | None:
            return current.version() if (current.transaction_version(name) or 0) >= position else None

        return self._append(table, rows, transaction=Transaction(name, position), done=done)

    def position(self, table: str, stream: str) -> int:
        path = self._path(table)
        with _translated(path):
            current = _table(path)
            return 0 if current is None else current.transaction_version(f"{_STREAM}{stream}") or 0

    def _append(self, table: str, rows: _Rows, *, transaction: Transaction, done: Callable[[DeltaTable], int | None]) -> int:
        path = self._path(table)
        with self._locked(table):
            current = self._current(path)
            kept = None if current is None else _schema(current)
            _check(table, rows.schema, kept=kept)
            if current is not None and kept is not None:
                version = done(current)
                if version is not None:
                    return version
                rows = rows.select(kept.names())
            self._opened.pop(path, None)  # put back only when it stands where the table stands
            version, after = _commit(path, rows, onto=current, transaction=transaction)
            self._opened[path] = after
            return version

    def _current(self, path: Path) -> DeltaTable | None:
        """The table as it stands; to read its log from the start costs more than to append to it, so what is open is brought up to date."""
        held = self._opened.get(path)
        if held is None:
            return _table(path)
        try:
            held.update_incremental()
        except DeltaError:  # somebody has removed or damaged it since
            del self._opened[path]
            return _table(path)
        return held

    def find_commit(self, table: str, job: str) -> TableCommit | None:
        path = self._path(table)
        with _translated(path):
            current = _table(path)
            return None if current is None else _find_commit(current, job)

    def read(self, table: str, *, version: int | None = None) -> pl.LazyFrame:
        path = self._path(table)
        with _translated(path):
            current = _table(path)
            if current is None:
                raise TableNotFoundError(table, version=version)
            latest = current.version()
            if version is not None and version != latest:
                if not 0 <= version < latest:
                    raise TableNotFoundError(table, version=version, latest=latest)
                current.load_as_version(version)
            return _scan(current, path)

    def files(self, table: str, *, version: int | None = None) -> builtins.list[str]:
        path = self._path(table)
        with _translated(path):
            current = _table(path)
            if current is None:
                raise TableNotFoundError(table, version=version)
            if version is not None:
                current.load_as_version(version)
            return [str(path / uri.rpartition("/")[2]) for uri in current.file_uris()]

    def latest(self, table: str) -> int | None:
        path = self._path(table)
        with _translated(path):
            current = _table(path)
            return None if current is None else current.version()

    def list(self) -> list[str]:
        return sorted(path.name for path in self.root.glob("[!.]*") if _table(path) is not None)

    def _path(self, table: str) -> Path:
        return self.root / checked_table(table)

    @contextmanager
    def _locked(self, table: str) -> Iterator[None]:
        locks = self.root / ".locks"
        with _translated(self.root):
            locks.mkdir(parents=True, exist_ok=True)
            with FileLock(locks / table):
                yield


class _Parts:
    """Frames of one schema as one Arrow stream, taken one after the other; what taking them raised is `failure`."""

    def __init__(self, table: str, schema: pl.Schema, parts: Iterable[pl.DataFrame]) -> None:
        self.schema, self._table, self._parts = schema, table, parts
        self.failure: BaseException | None = None

    def select(self, names: builtins.list[str]) -> _Parts:
        return _Parts(self._table, pl.Schema({name: self.schema[name] for name in names}), self._parts)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        schema = ArrowTable.from_arrow(pl.DataFrame(schema=self.schema)).schema
        return RecordBatchReader.from_batches(schema, self._batches()).__arrow_c_stream__(requested_schema)

    def _batches(self) -> Iterator[RecordBatch]:
        try:
            for part in self._parts:
                _check(self._table, part.schema, kept=self.schema)
                yield from ArrowTable.from_arrow(part.select(self.schema.names())).to_batches()
        except BaseException as error:
            self.failure = error
            raise


def _table(path: Path) -> DeltaTable | None:
    # The cheap question first: to open what is not there costs an exception with a backtrace.
    if not (path / "_delta_log").is_dir() or not DeltaTable.is_deltatable(str(path)):
        return None
    return DeltaTable(path)


def _scan(current: DeltaTable, path: Path) -> pl.LazyFrame:
    names = [uri.rpartition("/")[2] for uri in current.file_uris()]
    if quote(str(path)) == str(path) or not names:
        return pl.scan_delta(current)
    # Polars takes Delta's percent-encoded addresses for paths, and finds no file where a folder's name has a space.
    return pl.scan_parquet([path / name for name in names], glob=False)


def _schema(current: DeltaTable) -> pl.Schema:
    return pl.scan_delta(current).collect_schema()


def _find_commit(current: DeltaTable, job: str) -> TableCommit | None:
    attempt = current.transaction_version(job)
    if attempt is None:
        return None

    path = current.table_uri

    def has(version: int) -> bool:
        return DeltaTable(path, version=version).transaction_version(job) is not None

    # A job is in every version from its commit on, so halving finds the first one without reading the whole log.
    return TableCommit(bisect.bisect_left(range(current.version()), True, key=has), attempt)


def _commit(path: Path, rows: _Rows, *, onto: DeltaTable | None, transaction: Transaction) -> tuple[int, DeltaTable]:
    """The version with the rows, and the table as it stands with them."""
    try:
        write_deltalake(
            onto if onto is not None else path,
            rows,
            mode="append",
            commit_properties=CommitProperties(app_transactions=[transaction], max_commit_retries=_COMMIT_RETRIES),
            post_commithook_properties=_KEEP_LOGS,
        )
    except DeltaError:
        if isinstance(rows, _Parts) and rows.failure is not None:  # the library knows it as words only
            raise rows.failure from None
        raise
    after = onto or DeltaTable(path)
    version = after.version()
    _sync(path, version)
    return version, after


def _sync(path: Path, version: int) -> None:
    # The library leaves this to the system; the SQL row that follows must not outlive the rows in a power cut.
    commit = path / "_delta_log" / f"{version:020}.json"
    actions = [json.loads(line) for line in commit.read_text().splitlines()]
    files = [path / action["add"]["path"] for action in actions if "add" in action]
    for place in (*files, path, commit, commit.parent):
        descriptor = os.open(place, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _check(table: str, given: pl.Schema, *, kept: pl.Schema | None) -> None:
    problems = list(_unfit(given) if kept is None else _differences(given, kept))
    if problems:
        raise TableSchemaError(table, problems)


def _unfit(given: pl.Schema) -> Iterable[str]:
    if not given:
        yield "there are no columns"
    lowered = Counter(name.lower() for name in given)
    for name, dtype in given.items():
        if lowered[name.lower()] > 1:
            yield f"column {name!r} differs from another in case only; rename it"
        if not _keepable(dtype):
            yield f"column {name!r} has dtype {dtype}, which tables cannot keep; cast it"


def _keepable(dtype: PolarsDataType) -> bool:
    match dtype:
        case pl.List() | pl.Array():
            return _keepable(dtype.inner)
        case pl.Struct():
            return all(_keepable(field.dtype) for field in dtype.fields)
        case pl.Datetime():
            return dtype in _TIMES
        case pl.Decimal():
            return True
    return dtype.base_type() in _SCALARS


def _differences(given: pl.Schema, kept: pl.Schema) -> Iterable[str]:
    for name in kept:
        if name not in given:
            yield f"column {name!r} is missing"
    for name, dtype in given.items():
        if name not in kept:
            yield f"column {name!r} is not in the table"
        elif dtype != kept[name]:
            yield f"column {name!r} has dtype {dtype} instead of {kept[name]}"


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """The library's errors become ours, once; it tells disk errors in words only."""
    try:
        with os_errors(path):
            yield
    except FlyballError:
        raise
    except (DeltaError, ValueError) as error:
        raise from_os(error, path) from error
