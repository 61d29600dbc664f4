"""The log of a Delta table, read and written as its protocol says: one JSON file per commit, created by whoever comes first.

The library appends in a time that grows with the number of files (90 ms at the two-thousandth), and has no word for "unless this job
stands there"; an append here is one file of rows and one of the log, whatever came before. What is kept of a table in
memory is brought up to date by the commits that are new. The library still writes the checkpoints.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

import polars as pl

from flyball.storage._deltatypes import decode_schema, encode_schema, needs_ntz
from flyball.storage.tableerrors import TableForeignError, TableLogError

_KNOWN_FEATURES = frozenset({"timestampNtz", "appendOnly", "invariants"})
_ENGINE = "flyball"


class Txn(NamedTuple):
    """How far an application is in the table, by the commit `version` (None: before the checkpoint that was read)."""

    position: int
    version: int | None


@dataclass(frozen=True, slots=True)
class TableFile:
    """A file of rows that a version consists of; `stats` as the log has them, None where it has none."""

    name: str
    size_bytes: int
    rows: int | None
    stats: str | None = None


@dataclass
class State:
    """A version of a table: its columns, files, applications, and what was taken out of it lately (name → milliseconds)."""

    table: str
    version: int = -1
    schema: pl.Schema = field(default_factory=pl.Schema)
    files: dict[str, TableFile] = field(default_factory=dict)
    txns: dict[str, Txn] = field(default_factory=dict)
    removed: dict[str, int] = field(default_factory=dict)

    def copy(self) -> State:
        """A state of its own."""
        return replace(self, files=dict(self.files), txns=dict(self.txns), removed=dict(self.removed))

    def apply(self, actions: Iterable[Mapping[str, Any]], *, version: int, known: bool = True) -> None:
        """Take over the actions of one commit, or of a checkpoint, which does not tell which commit made them.

        Raises:
            TableForeignError: they need what we do not know.
        """
        for action in actions:
            match action:
                case {"add": dict(found)}:
                    self._add(found)
                case {"remove": dict(found)}:
                    name = unquote(found["path"])
                    self.files.pop(name, None)
                    self.removed[name] = found.get("deletionTimestamp") or 0
                case {"txn": dict(found)}:
                    self.txns[found["appId"]] = Txn(found["version"], version if known else None)
                case {"metaData": dict(found)}:
                    self._describe(found)
                case {"protocol": dict(found)}:
                    self._require(found)
        self.version = version

    def _add(self, found: Mapping[str, Any]) -> None:
        if found.get("deletionVector"):
            raise TableForeignError(self.table, "a file with a deletion vector")
        name, stats = unquote(found["path"]), found.get("stats")
        rows = json.loads(stats).get("numRecords") if stats else None
        self.files[name] = TableFile(name, found["size"], rows, stats)
        self.removed.pop(name, None)

    def _describe(self, found: Mapping[str, Any]) -> None:
        if found.get("partitionColumns"):
            raise TableForeignError(self.table, "partition columns")
        try:
            self.schema = decode_schema(found["schemaString"])
        except ValueError as error:
            raise TableForeignError(self.table, str(error)) from error

    def _require(self, found: Mapping[str, Any]) -> None:
        features = {*(found.get("readerFeatures") or ()), *(found.get("writerFeatures") or ())}
        unknown = features - _KNOWN_FEATURES
        if unknown or found["minReaderVersion"] not in {1, 3} or found["minWriterVersion"] not in {1, 2, 7}:
            raise TableForeignError(
                self.table, ", ".join(sorted(unknown)) or f"protocol {found['minReaderVersion']}, {found['minWriterVersion']}"
            )


def beginning(schema: pl.Schema, *, name: str, at_ms: int) -> list[dict[str, Any]]:
    """The actions that make a table with these columns."""
    ntz = needs_ntz(schema)
    protocol: dict[str, Any] = {"minReaderVersion": 3 if ntz else 1, "minWriterVersion": 7 if ntz else 2}
    if ntz:
        protocol |= {"readerFeatures": ["timestampNtz"], "writerFeatures": ["timestampNtz"]}
    meta: dict[str, Any] = {
        "id": name, "name": None, "description": None, "format": {"provider": "parquet", "options": {}},
        "schemaString": encode_schema(schema), "partitionColumns": [], "createdTime": at_ms,
        "configuration": {"delta.logRetentionDuration": "interval 36500 days", "delta.enableExpiredLogCleanup": "false"},
    }  # fmt: skip
    return [{"protocol": protocol}, {"metaData": meta}]


def addition(file: TableFile, *, at_ms: int, new: bool) -> dict[str, Any]:
    """The action that puts the file into the table; `new` rows, or rows that were there in another file."""
    add = {"path": quote(file.name), "partitionValues": {}, "size": file.size_bytes, "modificationTime": at_ms, "dataChange": new}
    return {"add": {**add, "stats": file.stats}}


def removal(file: TableFile, *, at_ms: int, lost: bool) -> dict[str, Any]:
    """The action that takes the file out; its rows are `lost` to the table, or are in another file."""
    remove = {"path": quote(file.name), "deletionTimestamp": at_ms, "dataChange": lost, "extendedFileMetadata": True}
    return {"remove": {**remove, "partitionValues": {}, "size": file.size_bytes}}


def encode(actions: Iterable[Mapping[str, Any]], *, operation: str, at_ms: int, facts: Mapping[str, Any]) -> bytes:
    """A commit as a file of the log; `facts["txnId"]` tells a writer its own commit from another's."""
    info = {"timestamp": at_ms, "operation": operation, "operationParameters": {}, "engineInfo": _ENGINE, **facts}
    lines = (json.dumps(action, ensure_ascii=False, separators=(",", ":")) for action in ({"commitInfo": info}, *actions))
    return "\n".join(lines).encode()


def decode(table: str, text: bytes, *, name: str) -> list[dict[str, Any]]:
    """The actions of a file of the log.

    Raises:
        TableLogError: it is not one.
    """
    try:
        found = [json.loads(line) for line in text.splitlines() if line.strip()]
    except ValueError as error:
        raise TableLogError(table, name, reason=str(error)) from error
    if not all(isinstance(action, dict) for action in found):
        raise TableLogError(table, name, reason="a line is no action")
    return found


def decode_checkpoint(frame: pl.DataFrame) -> Iterable[dict[str, Any]]:
    """The actions of a checkpoint."""
    for kind in ("protocol", "metaData", "txn", "remove", "add"):
        if kind in frame.columns:
            for found in frame.get_column(kind).drop_nulls().to_list():
                yield {kind: found}


def stats_of(rows: pl.DataFrame) -> str:
    """The count, and of numbers and times the span, of `rows`, as the log has them: no text, which may be anybody's.

    The last columns first, of which readers ask most here: a table's own times and numbers follow what users named.
    """
    spanned = [name for name, dtype in rows.schema.items() if dtype.is_integer() or dtype == pl.Datetime("us", "UTC")][-_SPANS:]
    stats: dict[str, Any] = {"numRecords": rows.height, "minValues": {}, "maxValues": {}, "nullCount": {}}
    if spanned and rows.height:
        chosen = rows.select(spanned)
        low, high = chosen.min().row(0), chosen.max().row(0)
        for name, least, most in zip(spanned, low, high, strict=True):
            stats["nullCount"][name] = rows[name].null_count()
            if least is not None:
                stats["minValues"][name], stats["maxValues"][name] = _told(least), _told(most)
    return json.dumps(stats, ensure_ascii=False, separators=(",", ":"))


_SPANS = 32


def _told(value: Any) -> Any:
    return value if isinstance(value, int) else value.isoformat(timespec="microseconds").replace("+00:00", "Z")
