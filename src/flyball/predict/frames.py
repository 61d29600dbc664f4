"""Rows as other protocols write them in JSON and CSV, made columns of an endpoint's form."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from flyball.predict.errors import InstancesError, TableTextError
from flyball.serving.errors import NotJsonError, TooManyRowsError
from flyball.serving.fitting import Values, fit
from flyball.serving.openform import OpenForm
from flyball.serving.rowform import MAX_ROWS, RowForm, Rows

Form = RowForm | OpenForm
_LONGEST_SHOWN = 60


def parse(body: bytes) -> Mapping[str, msgspec.Raw]:
    """The fields of the object that the body is, each still as it came.

    Raises:
        NotJsonError: it is no JSON.
        InstancesError: it is no object.
    """
    try:
        found: dict[str, msgspec.Raw] = _FIELDS.decode(body)
    except msgspec.ValidationError as error:
        raise InstancesError(f"the body is no object ({error})", wanted='{"instances": [...]}') from error
    except msgspec.DecodeError as error:
        raise NotJsonError(str(error)) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise NotJsonError("it is nested too deep" if isinstance(error, RecursionError) else f"byte {error.start} is not UTF-8") from error
    return found


_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])


def of_instances(form: Form, raw: msgspec.Raw) -> Rows:
    """Rows from a list of objects, a list of lists in the form's order, or a list of values of the one column.

    Raises:
        FlyballError: it is no such list, or they are no rows of the form.
    """
    data = bytes(raw)
    if data.lstrip()[1:].lstrip()[:1] == b"{":  # objects are our own rows under another name
        return decoded(form, b'{"rows":' + data + b"}")
    rows = _decode(data)
    if not isinstance(rows, list):
        raise InstancesError(f"there is {_kind(rows)} where a list belongs", wanted="a list of rows")
    return of_matrix(form, rows if rows and isinstance(rows[0], list) else [[row] for row in rows])


def decoded(form: Form, body: bytes) -> Rows:
    """The rows of a body of our own.

    Raises:
        FlyballError: see `RowForm.decode`.
    """
    return (form if isinstance(form, RowForm) else form.find(body)).decode(body)


def of_inputs(form: Form, raw: msgspec.Raw) -> Rows:
    """Rows from an object of columns, or from what `of_instances` takes.

    Raises:
        FlyballError: they are no rows of the form.
    """
    if bytes(raw).lstrip()[:1] != b"{":
        return of_instances(form, raw)
    columns = _decode(bytes(raw))
    for name, values in columns.items():
        if not isinstance(values, list):
            raise InstancesError(f"column {name[:_LONGEST_SHOWN]!r} is {_kind(values)}", wanted="a list of values for each column")
        if values and all(isinstance(value, list) and len(value) == 1 for value in values):
            columns[name] = [value[0] for value in values]
    return of_columns(form, columns)


class Split(msgspec.Struct):
    """A data frame, split."""

    columns: list[str | int]
    data: list[list[Any]]
    index: list[Any] | None = None


_SPLIT = msgspec.json.Decoder(Split)
_ANY = msgspec.json.Decoder()


def of_split(form: Form, raw: msgspec.Raw) -> Rows:
    """Rows from the names of columns and the values of each row.

    Raises:
        FlyballError: they are no rows of the form.
    """
    try:
        split = _SPLIT.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InstancesError(f"dataframe_split is none ({error})", wanted='{"columns": [...], "data": [[...], ...]}') from error
    return of_columns(form, _named([str(name) for name in split.columns], split.data))


def of_matrix(form: Form, rows: Sequence[Any]) -> Rows:
    """Rows from lists of values, in the order of the form's columns, or counted from "0" where the model kept no names.

    Raises:
        FlyballError: they are no rows of the form.
    """
    width = len(rows[0]) if rows and isinstance(rows[0], list) else 0
    names = list(form.columns) if isinstance(form, RowForm) else list(form.names) or [str(place) for place in range(width)]
    return of_columns(form, _named(names, rows))


def of_columns(form: Form, columns: Mapping[str, Values]) -> Rows:
    """Rows from columns.

    Raises:
        TooManyRowsError: there are more than a request may have.
        FlyballError: they are no rows of the form.
    """
    n = max(map(len, columns.values()), default=0)
    if n > MAX_ROWS:
        raise TooManyRowsError(n, limit=MAX_ROWS)
    return fit(form, columns)


def of_csv(form: Form, body: bytes) -> Rows:
    """Rows from a table in text with a head line; a cell that is empty is not known.

    Raises:
        TableTextError: it is no such table.
        FlyballError: they are no rows of the form.
    """
    try:
        lines = csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True)
        names = next(lines, [])
        rows = []
        for row in lines:
            if row:
                rows.append(row)
            if len(rows) > MAX_ROWS:
                raise TooManyRowsError(len(rows), limit=MAX_ROWS)
    except UnicodeDecodeError as error:
        raise TableTextError(f"byte {error.start} is not UTF-8") from error
    except csv.Error as error:
        raise TableTextError(str(error)) from error
    columns = _named(names, rows)
    kinds = form.accepted if isinstance(form, RowForm) else {}
    return of_columns(form, {name: [_value(cell, kinds.get(name, "")) for cell in cells] for name, cells in columns.items()})


def _value(cell: str, kind: str) -> Any:
    """What a cell says: nothing, a number or a truth where one is wanted, else its text, which whoever wants another thing refuses."""
    if cell == "":
        return None
    if kind == "Boolean":
        return {"true": True, "false": False}.get(cell.lower(), cell)
    if kind and not kind.startswith(("Int", "UInt", "Float")):
        return cell
    for read in (int, float):
        try:
            return read(cell)
        except ValueError:
            continue
    return cell


def _named(names: Sequence[str], rows: Iterable[Any]) -> dict[str, Sequence[Any]]:
    if len(set(names)) != len(names):
        ((twice, _),) = Counter(names).most_common(1)
        raise InstancesError(f"column {twice[:_LONGEST_SHOWN]!r} is there twice", wanted="each column once")
    for index, row in enumerate(rows):
        if not isinstance(row, list):
            raise InstancesError(f"row {index} is {_kind(row)}, but those before are lists", wanted="rows of one kind")
        if len(row) != len(names):
            raise InstancesError(f"row {index} has {len(row):,} values for {len(names):,} columns", wanted="a value for each column")
    return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)) if rows else {}


def _decode(data: bytes) -> Any:
    try:
        return _ANY.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotJsonError(str(error)) from error


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case list():
            return "a list"
        case dict():
            return "an object"
    return "a single value"
