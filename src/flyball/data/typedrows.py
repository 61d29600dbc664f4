"""Rows as JSON become columns in one decoding, wherever every cell is what its column says; where one is not, its row is read by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from operator import attrgetter
from typing import Annotated, Any

import msgspec
import polars as pl

from flyball.data.bodies import MAX_ROWS, Body, Form
from flyball.data.contracts.model import Contract, declared_columns
from flyball.data.errors import RowsError
from flyball.data.jsonrows import shown, typed_rows
from flyball.data.model import TIME, Dataset
from flyball.data.pusherrors import BrokenJsonRowsError
from flyball.data.values import ColumnType

MOST_FIELDS = 500
"""With more columns than this a type of its own costs more than it saves."""
AT_ROW = "__row"
_INTEGER = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_TYPES: dict[ColumnType, Any] = {
    ColumnType.BOOLEAN: bool,
    ColumnType.INTEGER: _INTEGER,
    ColumnType.NUMBER: float,
    ColumnType.DATE: date,
    ColumnType.TIME: str,
    ColumnType.TEXT: str,
}
_ZONED = r"^\d{4}-(0[1-9]|1[0-2])-\d{2}T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$"
_NAME = "c{}".format
_Row = tuple[int, str, str]


@dataclass(frozen=True)
class Cells:
    """Rows before they are judged: `typed` as the contract says, with AT_ROW (from 1); `broken` are rows, reasons and texts."""

    typed: pl.DataFrame
    broken: tuple[_Row, ...]
    unexpected: tuple[str, ...]


class JsonReader:
    """Reads bodies of one dataset by one contract. Thread-safe."""

    def __init__(self, dataset: Dataset, contract: Contract) -> None:
        self._dataset, self._contract = dataset, contract
        self._columns = list(contract.columns.items())
        self._getters = [attrgetter(_NAME(index)) for index in range(len(self._columns))]
        self._strict = self._lenient = None
        if len(self._columns) <= MOST_FIELDS:
            self._strict, self._lenient = self._row(strict=True), self._row(strict=False)

    def _row(self, *, strict: bool) -> Any:
        declared = declared_columns(self._dataset)
        fields: list[Any] = []
        for index, (name, column) in enumerate(self._columns):
            kind = _TYPES[column.type]
            nullable = column.takes_null and name not in declared
            fields.append((_NAME(index), kind | None, None) if nullable else (_NAME(index), kind))
        rename = {_NAME(index): name for index, (name, _) in enumerate(self._columns)}
        return msgspec.defstruct("Row", fields, rename=rename, kw_only=True, gc=False, forbid_unknown_fields=strict)

    def read(self, body: Body) -> Cells:
        """The rows of the body, which is JSON (a list of objects, or {"rows": [...]}) or NDJSON.

        Raises:
            BrokenJsonRowsError: it is not JSON.
            RowsError: it is no list of 1 to 10,000 objects.
        """
        if self._strict is not None:
            try:
                rows = _decode(body, self._strict)
            except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError):
                return self._carefully(body)
            check_count(self._dataset.name, len(rows))
            typed, unread = self._typed(rows, range(1, len(rows) + 1))
            if not unread:
                return Cells(typed, (), ())
        return self._carefully(body)

    def _typed(self, rows: Sequence[Any], numbers: Sequence[int]) -> tuple[pl.DataFrame, list[int]]:
        """The rows as columns, and the places of those with a time that takes another look."""
        series, unread = [], set[int]()
        for getter, (name, column) in zip(self._getters, self._columns, strict=True):
            cells = list(map(getter, rows))
            if column.type is ColumnType.TIME:
                times, missed = read_times(pl.Series(name, cells, dtype=pl.String))
                series.append(times)
                unread.update(missed)
            else:
                series.append(pl.Series(name, cells, dtype=column.type.dtype))
        series.append(pl.Series(AT_ROW, numbers, dtype=pl.Int64))
        return pl.DataFrame(series), sorted(unread)

    def _carefully(self, body: Body) -> Cells:
        raws = raw_rows(self._dataset.name, body)
        decode = None if self._lenient is None else msgspec.json.Decoder(self._lenient).decode
        names, rows, numbers = set[str](), list[Any](), list[int]()
        by_hand: list[tuple[int, dict[str, Any]]] = []
        broken: list[_Row] = []
        for number, raw in enumerate(raws, start=1):
            found, why = _keys(raw)
            if found is None:
                broken.append((number, why, raw.decode()))
                continue
            names |= found.keys()
            try:
                if decode is not None:
                    rows.append(decode(raw))
                    numbers.append(number)
                    continue
            except (msgspec.DecodeError, ValueError):
                pass
            by_hand.append((number, json.loads(raw)))
        typed, unread = self._typed(rows, numbers)
        if unread:
            by_hand += [(numbers[place], json.loads(raws[numbers[place] - 1])) for place in unread]
            typed = typed.filter(~pl.col(AT_ROW).is_in([numbers[place] for place in unread]))
        by_hand.sort(key=lambda found: found[0])
        read, reasons = typed_rows(self._dataset, self._contract, rows=by_hand)
        broken += [(number, why, raws[number - 1].decode()) for number, why in reasons]
        return Cells(pl.concat([typed, read]).sort(AT_ROW), tuple(sorted(broken)), tuple(sorted(names - self._contract.columns.keys())))


def check_count(dataset: str, rows: int) -> None:
    """Let 1 to 10,000 rows pass.

    Raises:
        RowsError: there are none, or more.
    """
    if not 1 <= rows <= MAX_ROWS:
        raise RowsError(dataset, f"they are {rows:,}; send 1 to {MAX_ROWS:,} at once")


def read_times(cells: pl.Series) -> tuple[pl.Series, list[int]]:
    """ISO 8601 texts with a zone as UTC times, and the places of those that are in another form, or are none."""
    form = cells.str.contains(_ZONED)
    text = cells if form.all() and not cells.null_count() else cells.set(~form.fill_null(False), None)
    times = text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%#z", strict=False, time_unit="us", time_zone="UTC")
    if times.null_count() > text.null_count():  # without seconds
        short = times.is_null() & text.is_not_null()
        found = text.filter(short).str.to_datetime("%Y-%m-%dT%H:%M%#z", strict=False, time_unit="us", time_zone="UTC")
        times = times.scatter(short.arg_true(), found)
    missed = (times.is_null() & cells.is_not_null()).arg_true().to_list()
    return times.cast(TIME).alias(cells.name), missed


def raw_rows(dataset: str, body: Body) -> list[bytes]:
    """The text of each row.

    Raises:
        BrokenJsonRowsError: the body is not JSON.
        RowsError: it is no list of 1 to 10,000 objects.
    """
    text = _text(body.content)
    if body.form is Form.NDJSON:
        lines = [line.strip() for line in body.content.split(b"\n")]
        numbered = [(number, line) for number, line in enumerate(lines, start=1) if line]
        for number, line in numbered:
            _decoded(line, msgspec.Raw, where=f"line {number}: ")
        raws = [line for _, line in numbered]
    else:
        raws = [bytes(raw) for raw in _list(dataset, text.encode())]
    check_count(dataset, len(raws))
    for number, raw in enumerate(raws, start=1):
        if not raw.startswith(b"{"):
            raise RowsError(dataset, f"row {number} is {shown(json.loads(raw))}, not an object")
    return raws


class _Envelope(msgspec.Struct, forbid_unknown_fields=True):
    rows: list[msgspec.Raw]


def _list(dataset: str, content: bytes) -> list[msgspec.Raw]:
    _decoded(content, msgspec.Raw)  # what is no JSON at all says so, whatever else is wrong
    try:
        if content.lstrip()[:1] == b"[":
            return msgspec.json.decode(content, type=list[msgspec.Raw])
        return msgspec.json.decode(content, type=_Envelope).rows
    except msgspec.ValidationError as error:
        raise RowsError(dataset, f'they are not a list of objects, nor {{"rows": [...]}} with one ({error})') from error
    except msgspec.DecodeError as error:
        raise BrokenJsonRowsError("JSON", str(error)) from error


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BrokenJsonRowsError("JSON", f"byte {error.start + 1} is not UTF-8") from error


def _decoded(content: bytes, kind: type[Any], *, where: str = "") -> Any:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BrokenJsonRowsError("JSON", f"{where}{error}") from error


def _keys(raw: bytes) -> tuple[dict[str, Any] | None, str]:
    """The columns of a row; None and the reason where not even Python can read it."""
    try:
        return msgspec.json.decode(raw, type=dict[str, msgspec.Raw]), ""
    except (msgspec.DecodeError, ValueError):
        pass
    try:
        found = json.loads(raw)
        return (found, "") if isinstance(found, dict) else (None, "it is no object")
    except (ValueError, RecursionError) as error:
        return None, f"it cannot be read: {str(error).splitlines()[0][:80]}"


_DECODERS: dict[Any, tuple[Callable[[bytes], Any], Callable[[bytes], Any], Callable[[bytes], Any]]] = {}


def _decode(body: Body, row: Any) -> Any:
    if row not in _DECODERS:
        envelope = msgspec.defstruct("Envelope", [("rows", list[row])], forbid_unknown_fields=True)
        _DECODERS.clear() if len(_DECODERS) > 1000 else None
        one = msgspec.json.Decoder(row)
        _DECODERS[row] = (msgspec.json.Decoder(list[row]).decode, msgspec.json.Decoder(envelope).decode, one.decode_lines)
    as_list, as_object, as_lines = _DECODERS[row]
    if body.form is Form.NDJSON:
        return as_lines(body.content)
    return as_list(body.content) if body.content.lstrip()[:1] == b"[" else as_object(body.content).rows
