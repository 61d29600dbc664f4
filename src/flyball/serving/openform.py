"""Rows for a model that does not say what it takes: the form of a request is what its rows have.

Rows of one request have the same columns; numbers are numbers, whether whole or not. A model that kept the names that it was fitted
with is asked with those and no others.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from flyball.serving.errors import FieldError
from flyball.serving.rowform import RowForm

_MOST_FORMS = 64
_MOST_COLUMNS = 10_000
_DECODER = msgspec.json.Decoder(dict[str, Any])


class OpenForm:
    """Makes the form of a request from its rows; forms are kept, so that the next request finds its own. For one event loop."""

    def __init__(self, names: Sequence[str] = ()) -> None:
        self._names = tuple(names)
        self._forms: OrderedDict[tuple[tuple[str, str], ...], RowForm] = OrderedDict()

    def find(self, body: bytes) -> RowForm:
        """The form that the request's rows should have: `decode` of it says what is wrong with those that have not.

        Raises:
            FieldError: the values of a column are of several types, or there are too many columns.
        """
        rows = _rows(body)
        names = self._names or tuple(rows[0] if rows else ())
        if len(names) > _MOST_COLUMNS:
            raise FieldError(0, names[_MOST_COLUMNS], reason=f"a row has {len(names):,} fields; it may have {_MOST_COLUMNS:,}")
        return self._kept(tuple((name, _kind(name, rows)) for name in names))

    def of(self, kinds: Mapping[str, str]) -> RowForm:
        """The form of columns of these kinds; of a model that kept names those, in their order, whatever it is asked with.

        Raises:
            FieldError: there are too many columns.
        """
        names = self._names or tuple(kinds)
        if len(names) > _MOST_COLUMNS:
            raise FieldError(0, names[_MOST_COLUMNS], reason=f"a row has {len(names):,} columns; it may have {_MOST_COLUMNS:,}")
        return self._kept(tuple((name, kinds.get(name, "Float64")) for name in names))

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that the model was fitted with, none where it kept no names."""
        return self._names

    def _kept(self, kinds: tuple[tuple[str, str], ...]) -> RowForm:
        if kinds not in self._forms:
            self._forms[kinds] = RowForm(dict(kinds), key=(), required=frozenset(name for name, _ in kinds))
        self._forms.move_to_end(kinds)
        if len(self._forms) > _MOST_FORMS:
            self._forms.popitem(last=False)
        return self._forms[kinds]


def _rows(body: bytes) -> list[Mapping[str, Any]]:
    try:
        rows = _DECODER.decode(body).get("rows")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []  # whoever decodes it says what is wrong
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _kind(name: str, rows: Sequence[Mapping[str, Any]]) -> str:
    found = ""
    for index, row in enumerate(rows):
        kind = _kind_of(row.get(name))
        if kind and found and kind != found:
            raise FieldError(index, name, reason=f"it is {_WORDS[kind]}, but {_WORDS[found]} in a row before; send one type in a column")
        found = found or kind
    return found or "Float64"


def _kind_of(value: Any) -> str:
    match value:
        case bool():
            return "Boolean"
        case str():
            return "String"
        case None:
            return ""
    return "Float64"  # of a list or an object `decode` says that it is no number


_WORDS = {"Boolean": "true or false", "String": "a text", "Float64": "a number"}
