"""A signature as a person writes it, for a model that says nothing of itself: ``age: double, plan: string? -> probabilities(no, yes)``.

Columns by name and type, `?` where one may be left out; then what the model gives: one value per row, or numbers per class. It is kept
in the model's ``MLmodel`` under a flavor of ours, so that whoever reads that reads the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast, get_args

from flyball.core.errors import UnknownNameError
from flyball.runtimes.answering import Gives
from flyball.runtimes.errors import DeclaredSignatureError
from flyball.runtimes.mlmodel import ColumnType, Mlmodel, SignatureColumn
from flyball.runtimes.model import Label

FLAVOR = "flyball"
_TYPES: Mapping[str, ColumnType] = {
    **{name: name for name in get_args(ColumnType)},
    "float64": "double", "float32": "float", "int64": "long", "int32": "integer", "int": "long", "str": "string", "text": "string",
    "bool": "boolean", "time": "datetime", "bytes": "binary",
}  # fmt: skip
_TOKEN = re.compile(r'\s*(?:(?P<quoted>"(?:[^"\\]|\\.)*")|(?P<arrow>->)|(?P<mark>[,:?()])|(?P<word>[^\s,:?()"]+))')
_VALUE = "value"
LONGEST, MOST_COLUMNS = 1 << 20, 10_000


@dataclass(frozen=True, slots=True)
class Declared:
    """The columns that a model takes, none: it says so itself; what its numbers mean, its classes in their order, its values' type."""

    columns: tuple[SignatureColumn, ...] = ()
    gives: Gives = "value"
    classes: tuple[Label, ...] = ()
    output: ColumnType | None = None

    def to_flavor(self) -> dict[str, Any]:
        """What stands under our flavor; the columns stand in the signature."""
        return {"gives": self.gives, "classes": list(self.classes)}

    def to_signature(self) -> dict[str, str] | None:
        """MLflow's signature, or None where nothing was declared."""
        if not self.columns:
            return None
        inputs = [{"name": column.name, "type": column.type, "required": column.required} for column in self.columns]
        outputs = [{"name": str(label), "type": "double", "required": True} for label in self.classes]
        outputs = outputs or [{"type": self.output, "required": True}] if self.output or outputs else []
        return {"inputs": json.dumps(inputs), **({"outputs": json.dumps(outputs)} if outputs else {})}

    @staticmethod
    def of(told: Mlmodel) -> Declared:
        """What was declared of a model that was brought here; nothing of another."""
        facts = told.flavors.get(FLAVOR, {})
        classes = tuple(label for label in facts.get("classes") or () if isinstance(label, str | int | float))
        gives = facts.get("gives")
        return Declared((), cast("Gives", gives) if gives in get_args(Gives) else "value", classes)


def parse_declared(text: str) -> Declared:
    """What the text declares.

    Raises:
        DeclaredSignatureError: it is no signature; the sentence says where it ends to be one.
    """
    if len(text) > LONGEST:
        raise DeclaredSignatureError("it is longer than a megabyte")
    reader = _Reader(text)
    columns = tuple(_columns(reader))
    names = [column.name for column in columns]
    twice = next((name for name in names if names.count(name) > 1), None) if len(set(names)) < len(names) else None
    if twice is not None:
        raise DeclaredSignatureError(f"it names the column {twice!r} twice")
    declared = _given(reader, columns) if reader.take("->") else Declared(columns)
    if not reader.ended:
        raise DeclaredSignatureError(f"nothing more is read at {reader.rest!r}")
    return declared


class _Reader:
    """Tokens, one after the other."""

    def __init__(self, text: str) -> None:
        self._text, self._place = text.strip(), 0

    @property
    def ended(self) -> bool:
        return self._place >= len(self._text)

    @property
    def rest(self) -> str:
        return self._text[self._place : self._place + 40].strip()

    def take(self, wanted: str) -> bool:
        """Whether the next token is this one, which is passed then."""
        found = _TOKEN.match(self._text, self._place)
        if found is None or (found["arrow"] or found["mark"]) != wanted:
            return False
        self._place = found.end()
        return True

    def name(self, what: str) -> str:
        """The next token, a word or a quoted text."""
        found = _TOKEN.match(self._text, self._place)
        if found is None or not (found["word"] or found["quoted"]):
            raise DeclaredSignatureError(f"{what} is missing at {self.rest!r}")
        self._place = found.end()
        if found["word"]:
            return found["word"]
        try:
            return str(json.loads(found["quoted"]))
        except json.JSONDecodeError as error:
            raise DeclaredSignatureError(f"{found['quoted'][:40]} is no quoted name") from error


def _columns(reader: _Reader) -> Iterator[SignatureColumn]:
    count = 0
    while not reader.ended and not reader.rest.startswith("->"):
        if count and not reader.take(","):
            raise DeclaredSignatureError(f"a comma is missing at {reader.rest!r}")
        count += 1
        if count > MOST_COLUMNS:
            raise DeclaredSignatureError(f"it has more than {MOST_COLUMNS:,} columns")
        name = reader.name("a column's name")
        if not reader.take(":"):
            raise DeclaredSignatureError(f"the type of column {name!r} is missing; write {name}: double")
        kind = reader.name(f"the type of column {name!r}")
        if kind not in _TYPES:
            raise DeclaredSignatureError(str(UnknownNameError("type", kind[:60], known=_TYPES, where="a signature")))
        yield SignatureColumn(name, _TYPES[kind], required=not reader.take("?"))


def _given(reader: _Reader, columns: tuple[SignatureColumn, ...]) -> Declared:
    word = reader.name("what the model gives")
    if word == _VALUE or word in _TYPES:
        return Declared(columns, output=_TYPES.get(word, "double"))
    if word not in get_args(Gives):
        known = ("value", "probabilities", "logits")
        raise DeclaredSignatureError(str(UnknownNameError("answer", word[:60], known=known, where="a signature")))
    if not reader.take("("):
        raise DeclaredSignatureError(f"the classes are missing; write {word}(no, yes)")
    classes: list[Label] = [_label(reader.name("a class"))]
    while reader.take(","):
        classes.append(_label(reader.name("a class")))
    if not reader.take(")"):
        raise DeclaredSignatureError(f"a bracket is missing at {reader.rest!r}")
    if len(classes) < 2 or len(set(classes)) < len(classes):
        raise DeclaredSignatureError("two classes or more are named, each once")
    return Declared(columns, cast("Gives", word), tuple(classes))


def _label(text: str) -> Label:
    return int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else text
