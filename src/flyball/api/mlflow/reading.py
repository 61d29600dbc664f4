"""Requests as values: one declaration for each, read from a body or a query in the JSON form of MLflow's messages.

That form is protobuf's: whole numbers may come as texts, numbers that JSON has no word for as "NaN" and "Infinity" (or as the bare words
that Python writes), null is nothing, and what is not known is passed over. A body as the stock client writes it takes the fast way, one
typed decode; any other is looked at field by field, and refused with the parameter's name. Nothing is ever half read.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Generic, NoReturn, TypeVar
from urllib.parse import parse_qs

import msgspec
from msgspec import inspect

from flyball.api.mlflow.errors import BrokenBodyError, MissingValueError, WrongValueError

MOST, LEAST = 2**63 - 1, -(2**63)
MOST_FLOAT = int(sys.float_info.max)
MOST_QUERY_FIELDS = 1000
_DOUBTFUL = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|[+-]?(nan|inf|infinity)", re.IGNORECASE | re.ASCII)
_WHOLE = re.compile(r"-?\d{1,19}", re.ASCII)

Whole = Annotated[int, msgspec.Meta(ge=LEAST, le=MOST)]
Number = float | str
Coercion = Callable[[str, Any], Any]
Coercions = Sequence[tuple[str, str, Coercion]]


class Form(msgspec.Struct):
    """What an endpoint reads; `required` are the fields that must be there and not empty."""

    required: ClassVar[tuple[str, ...]] = ()


class Nothing(Form):
    """An endpoint that reads nothing."""


F = TypeVar("F", bound=Form)


class Reader(Generic[F]):
    """Reads requests of one form. Thread-safe."""

    def __init__(self, form: type[F]) -> None:
        self.form = form
        self._decoder = msgspec.json.Decoder(form)
        self._fields = _coercions(inspect.type_info(form))
        self._lists = {each.encode_name for each in _parts(inspect.type_info(form)) if isinstance(_bare(each.type), inspect.ListType)}

    def body(self, body: bytes) -> F:
        """The request in a body; an empty one has no fields.

        Raises:
            BrokenBodyError: it is no JSON object, or a text in it is none.
            WrongValueError: a field is of another type.
            MissingValueError: a required one is not there.
        """
        doubtful = _DOUBTFUL.search(body) is not None
        if not doubtful and body:
            try:
                return _complete(self._decoder.decode(body))
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                pass  # the other way finds out what it is, or that it is well
        return self._coerced(_parsed(body, doubtful=doubtful))

    def query(self, query: bytes) -> F:
        """The request in a query string; a field that takes one value has the first.

        Raises:
            BrokenBodyError: it has too many fields, or a text in it is none.
            WrongValueError, MissingValueError: as of `body`.
        """
        try:
            found = parse_qs(query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_QUERY_FIELDS)
        except ValueError as error:
            raise BrokenBodyError(f"the query cannot be read ({error})") from error
        if b"%00" in query:
            _check_texts(found)
        return self._coerced({name: values if name in self._lists else values[0] for name, values in found.items()})

    def _coerced(self, raw: Mapping[str, Any]) -> F:
        return _complete(self.form(**_fields(self._fields, raw, path="")))


def number(parameter: str, value: Number) -> float:
    """The number that a field holds, which may be NaN or infinite.

    Raises:
        WrongValueError: the text is no number.
    """
    if isinstance(value, str):
        if _NUMBER.fullmatch(value) is None:
            raise WrongValueError(parameter, value)
        return float(value)
    return value


def _complete(asked: F) -> F:
    for name in asked.required:
        found = getattr(asked, name)
        if found is None or found == "":
            raise MissingValueError(name)
    return asked


def _parsed(body: bytes, *, doubtful: bool) -> Mapping[str, Any]:
    if not body:
        return {}
    try:
        found = json.loads(body)
        if isinstance(found, str):  # an old client's way to send JSON twice over
            found = json.loads(found)
    except UnicodeDecodeError as error:
        raise BrokenBodyError("it is not UTF-8") from error
    except ValueError as error:
        raise BrokenBodyError(str(error)) from error
    except RecursionError as error:
        raise BrokenBodyError("it is nested too deep") from error
    if not isinstance(found, dict):
        raise BrokenBodyError(f"it is of type '{type(found).__name__}'")
    if doubtful:
        _check_texts(found)
    return found


def _check_texts(value: Any, path: str = "") -> None:
    """No text has half of a pair that stands for one character, nor the NUL that databases refuse."""
    if isinstance(value, str):
        if "\0" in value:
            raise WrongValueError(path, value.replace("\0", "␀"), hint="it holds a NUL character.")
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise BrokenBodyError(f"the text of '{path}' holds half of a surrogate pair") from error
    elif isinstance(value, dict):
        for name, inner in value.items():
            _check_texts(name, "a name")
            _check_texts(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            _check_texts(inner, f"{path}[{place}]")


def _parts(info: inspect.Type) -> tuple[inspect.Field, ...]:
    assert isinstance(info, inspect.StructType)
    return info.fields


def _coercions(info: inspect.Type) -> Coercions:
    return [(part.encode_name, part.name, _coercion(part.type)) for part in _parts(info)]


def _fields(coercions: Coercions, raw: Mapping[str, Any], *, path: str) -> dict[str, Any]:
    found = ((name, attribute, coerce, raw.get(name)) for name, attribute, coerce in coercions)
    return {attribute: coerce(f"{path}{name}", value) for name, attribute, coerce, value in found if value is not None}


def _bare(kind: inspect.Type) -> inspect.Type:
    """The type without the None that an absent field is."""
    if isinstance(kind, inspect.UnionType):
        return next(inner for inner in kind.types if not isinstance(inner, inspect.NoneType))
    return kind


def _coercion(kind: inspect.Type) -> Coercion:
    if isinstance(kind, inspect.UnionType) and len([inner for inner in kind.types if not isinstance(inner, inspect.NoneType)]) > 1:
        floats = any(isinstance(inner, inspect.FloatType) for inner in kind.types)
        return _as_number if floats else _as_choice
    match _bare(kind):
        case inspect.StrType():
            return _as_text
        case inspect.IntType():
            return _as_whole
        case inspect.BoolType():
            return _as_truth
        case inspect.ListType() as found:
            return _as_list(_coercion(found.item_type))
        case inspect.StructType() as found:
            return _as_object(found)
        case other:
            raise TypeError(f"no form of a request has a field of {other}")


def _wrong(path: str, value: Any) -> NoReturn:
    raise WrongValueError(path, value)


def _as_text(path: str, value: Any) -> str:
    return value if isinstance(value, str) else _wrong(path, value)


def _as_whole(path: str, value: Any) -> int:
    if (isinstance(value, str) and _WHOLE.fullmatch(value)) or (isinstance(value, float) and value.is_integer()):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and LEAST <= value <= MOST:
        return value
    _wrong(path, value)


def _as_number(path: str, value: Any) -> float:
    if isinstance(value, str):
        return number(path, value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or (isinstance(value, int) and abs(value) > MOST_FLOAT):
        _wrong(path, value)
    return float(value)


def _as_choice(path: str, value: Any) -> int | str:
    return value if isinstance(value, (int, str)) and not isinstance(value, bool) else _wrong(path, value)


def _as_truth(path: str, value: Any) -> bool:
    return value if isinstance(value, bool) else _wrong(path, value)


def _as_list(inner: Coercion) -> Coercion:
    def coerce(path: str, value: Any) -> list[Any]:
        if not isinstance(value, list):
            _wrong(path, value)
        return [inner(f"{path}[{place}]", item) for place, item in enumerate(value)]

    return coerce


def _as_object(info: inspect.StructType) -> Coercion:
    coercions, made = _coercions(info), info.cls

    def coerce(path: str, value: Any) -> Any:
        if not isinstance(value, dict):
            _wrong(path, value)
        return made(**_fields(coercions, value, path=f"{path}."))

    return coerce
