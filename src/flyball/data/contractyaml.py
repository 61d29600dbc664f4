"""Contracts as YAML, read as what a stranger may have written: plain values only, each with its line.

YAML's parser gives events; what they mean is decided here, so that no tag constructs anything, no alias multiplies anything, and a key
that stands twice is refused. Plain scalars are null, true, false, numbers or texts, as in YAML 1.2; a time is a text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import msgspec

from flyball.core.optional import extra
from flyball.data.contracts.decoding import decode
from flyball.data.contracts.model import Contract
from flyball.data.errors import ContractFileError
from flyball.data.model import Dataset

with extra("store"):
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError
    from ruamel.yaml.events import (
        AliasEvent,
        DocumentStartEvent,
        Event,
        MappingEndEvent,
        MappingStartEvent,
        ScalarEvent,
        SequenceEndEvent,
        SequenceStartEvent,
    )

MAX_BYTES = 1 << 20
MAX_DEPTH = 16
Path = tuple[str | int, ...]

_NULL, _TRUE, _FALSE = {"", "~", "null", "Null", "NULL"}, {"true", "True", "TRUE"}, {"false", "False", "FALSE"}
_WHOLE = re.compile(r"[-+]?[0-9]{1,40}")
_FRACTION = re.compile(r"[-+]?(\.[0-9]{1,60}|[0-9]{1,60}(\.[0-9]{0,60})?)([eE][-+]?[0-9]{1,4})?")
_AT = re.compile(r"^(?P<why>.*) - at `(?P<place>[^`]*)`$", re.DOTALL)
_STEP = re.compile(r"\.([A-Za-z_][A-Za-z0-9_]*)|\[(\d+|\.\.\.)\]")


@dataclass(frozen=True)
class Document:
    """What a text says: a mapping of plain values, and on which line (from 1) each of them begins."""

    value: dict[str, Any]
    lines: dict[Path, int]


@lru_cache(maxsize=32)  # a door that lists datasets asks for each contract again and again
def read_document(text: str, *, path: str) -> Document:
    """The one mapping that the text holds; not to be changed.

    Raises:
        ContractFileError: it is no YAML, too large or too deep, or has an anchor, an alias, a tag or a key twice; with the line.
    """
    if len(text.encode()) > MAX_BYTES:
        raise ContractFileError(path, f"it has more than {MAX_BYTES:,} bytes")
    try:
        return _Reader(YAML(typ="safe", pure=True).parse(text), path).read()
    except ContractFileError:
        raise
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}: " if mark is not None else ""
        raise ContractFileError(path, f"{where}it is no YAML ({error.problem or error.context})") from error
    except (YAMLError, ValueError) as error:
        raise ContractFileError(path, f"it is no YAML ({str(error).splitlines()[0] if str(error) else type(error).__name__})") from error


def decode_yaml(text: str, *, dataset: Dataset, path: str) -> Contract:
    """The contract that a YAML text holds.

    Raises:
        ContractFileError: it is no YAML, or no contract of `dataset`; with the line where that is known.
    """
    document = read_document(text, path=path)

    def attempt(value: Any) -> str | None:
        try:
            decode(msgspec.json.encode(value).decode(), dataset=dataset, path=path)
        except ContractFileError as error:
            return error.why
        return None

    why = attempt(document.value)
    if why is not None:
        raise ContractFileError(path, _located(document, why, attempt=attempt))
    return decode(msgspec.json.encode(document.value).decode(), dataset=dataset, path=path)


@dataclass
class _Reader:
    """Builds values from a parser's events; for one text."""

    events: Iterator[Event]
    path: str
    lines: dict[Path, int] = field(default_factory=dict)

    def read(self) -> Document:
        for event in self.events:
            if isinstance(event, DocumentStartEvent):
                break
        else:
            raise ContractFileError(self.path, "it is empty")
        value = self._value(self._next(), (), key=False)
        if not isinstance(value, dict):
            raise ContractFileError(self.path, "it is no mapping; a contract begins with 'dataset: NAME'")
        if any(isinstance(event, DocumentStartEvent) for event in self.events):
            raise ContractFileError(self.path, "it holds more than one document; a contract is one")
        return Document(value, self.lines)

    def _next(self) -> Event:
        return next(self.events)

    def _value(self, event: Event, place: Path, *, key: bool) -> Any:
        line = event.start_mark.line + 1
        if not key:
            self.lines.setdefault(place, line)
        if isinstance(event, AliasEvent) or getattr(event, "anchor", None) is not None:
            raise self._refused(line, "anchors and aliases are not taken; write the value out")
        tag = getattr(event, "tag", None)
        if tag not in {None, "!"}:
            raise self._refused(line, f"the tag {tag} is not taken; write a plain value")
        if len(place) > MAX_DEPTH:
            raise self._refused(line, f"it nests deeper than {MAX_DEPTH}")
        if isinstance(event, ScalarEvent):
            return _plain(event.value) if event.style is None and not key else event.value
        if key:
            raise self._refused(line, "a key is a text")
        if isinstance(event, SequenceStartEvent):
            return self._sequence(place)
        assert isinstance(event, MappingStartEvent)
        return self._mapping(place)

    def _sequence(self, place: Path) -> list[Any]:
        values: list[Any] = []
        while not isinstance(event := self._next(), SequenceEndEvent):
            values.append(self._value(event, (*place, len(values)), key=False))
        return values

    def _mapping(self, place: Path) -> dict[str, Any]:
        values: dict[str, Any] = {}
        while not isinstance(event := self._next(), MappingEndEvent):
            name = self._value(event, place, key=True)
            if name in values:
                raise self._refused(event.start_mark.line + 1, f"{name!r} stands here twice")
            self.lines[(*place, name)] = event.start_mark.line + 1
            values[name] = self._value(self._next(), (*place, name), key=False)
        return values

    def _refused(self, line: int, why: str) -> ContractFileError:
        return ContractFileError(self.path, f"line {line}: {why}")


def _plain(text: str) -> Any:
    """A plain scalar's value. An infinity or a number beyond a float is a text, for JSON has no word for it."""
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _WHOLE.fullmatch(text):
        return int(text)
    if _FRACTION.fullmatch(text) and abs(float(text)) != float("inf"):
        return float(text)
    return text


def _located(document: Document, why: str, *, attempt: Callable[[Any], str | None]) -> str:
    """The reason with the line that it is about, where the decoder says where."""
    match = _AT.match(why)
    if match is None:
        return why
    place: Path = ()
    for name, index in _STEP.findall(match["place"]):
        here = _at(document.value, place)
        if name:
            place = (*place, name)
        elif index != "...":
            place = (*place, int(index))
        else:  # the decoder does not say which of a mapping's values: the one that is wrong also when it stands alone
            keys: list[str | int] = list(here) if isinstance(here, dict) else list(range(len(here)))
            place = (*place, next((key for key in keys if _blames(attempt(_alone(document.value, place, key=key)), match["why"])), keys[0]))
    shown = ".".join(str(step) for step in place)
    while place and place not in document.lines:
        place = place[:-1]
    return f"line {document.lines.get(place, 1)}: {shown}: {match['why']}" if shown else match["why"]


def _blames(found: str | None, why: str) -> bool:
    return found is not None and found.startswith(why)


def _at(value: Any, place: Path) -> Any:
    for step in place:
        value = value[step]
    return value


def _alone(value: Any, place: Path, *, key: str | int) -> Any:
    """The document with only `key` of what stands at `place`."""
    if not place:
        return {key: value[key]} if isinstance(value, dict) else [value[key]]
    step, rest = place[0], place[1:]
    inner = _alone(value[step], rest, key=key)
    return {**value, step: inner} if isinstance(value, dict) else [inner if n == step else x for n, x in enumerate(value)]
