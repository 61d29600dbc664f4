"""Reads a .proto file of this package into its descriptor, so that the file is what messages are made of, and no compiler is needed.

Of the language it knows what those files use: messages, enums, maps, one-ofs and services of proto3, without options and imports.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from flyball.core.optional import extra

with extra("grpc"):
    from google.protobuf import descriptor_pb2  # type: ignore[import-untyped]  # it ships no types

_TOKEN = re.compile(r"//[^\n]*|\s+|(\"[^\"]*\"|[A-Za-z_][\w.]*|\d+|[{}()<>=;,])")
_Field: Any = descriptor_pb2.FieldDescriptorProto
_SCALARS: Mapping[str, int] = {
    name: getattr(_Field, f"TYPE_{name.upper()}")
    for name in ("double", "float", "int64", "uint64", "int32", "bool", "string", "bytes", "uint32")
}


class ProtoSyntaxError(SyntaxError):
    """A file of this package that is not written as its reader reads."""

    def __init__(self, name: str, found: str, *, wanted: str) -> None:
        super().__init__(f"{name}: {found!r} stands where {wanted} is wanted.")


def parse(name: str, text: str) -> Any:
    """The FileDescriptorProto of a file's text.

    Raises:
        ProtoSyntaxError: it uses what this reader does not know.
    """
    return _Reader(name, text).file()


class _Reader:
    def __init__(self, name: str, text: str) -> None:
        self._name = name
        self._tokens: Iterator[str] = iter(_tokens(name, text))
        self._next: str | None = next(self._tokens, None)

    def file(self) -> Any:
        found = descriptor_pb2.FileDescriptorProto(name=self._name, syntax="proto3")
        while self._next is not None:
            match self._take():
                case "syntax":
                    self._expect("=", '"proto3"', ";")
                case "package":
                    found.package = self._take()
                    self._expect(";")
                case "message":
                    self._message(found.message_type.add())
                case "enum":
                    self._enum(found.enum_type.add())
                case "service":
                    self._service(found.service.add())
                case other:
                    raise ProtoSyntaxError(self._name, other, wanted="a declaration")
        return found

    def _message(self, into: Any) -> None:
        into.name = self._take()
        self._expect("{")
        while (word := self._take()) != "}":
            match word:
                case "message":
                    self._message(into.nested_type.add())
                case "enum":
                    self._enum(into.enum_type.add())
                case "oneof":
                    self._oneof(into)
                case "map":
                    self._map(into)
                case "repeated":
                    self._field(into.field.add(label=_Field.LABEL_REPEATED), self._take())
                case _:
                    self._field(into.field.add(label=_Field.LABEL_OPTIONAL), word)

    def _field(self, field: Any, kind: str) -> None:
        field.name = self._take()
        self._expect("=")
        field.number = int(self._take())
        self._expect(";")
        if kind in _SCALARS:
            field.type = _SCALARS[kind]
        else:
            field.type_name = kind

    def _oneof(self, into: Any) -> None:
        into.oneof_decl.add(name=self._take())
        self._expect("{")
        while (word := self._take()) != "}":
            self._field(into.field.add(label=_Field.LABEL_OPTIONAL, oneof_index=len(into.oneof_decl) - 1), word)

    def _map(self, into: Any) -> None:
        self._expect("<", "string", ",")
        kind = self._take()
        self._expect(">")
        field = into.field.add(label=_Field.LABEL_REPEATED)
        self._field(field, kind)
        entry = into.nested_type.add(name=f"{field.name.title().replace('_', '')}Entry")
        entry.options.map_entry = True
        entry.field.add(name="key", number=1, label=_Field.LABEL_OPTIONAL, type=_Field.TYPE_STRING)
        entry.field.add(name="value", number=2, label=_Field.LABEL_OPTIONAL, type_name=kind)
        field.type_name = entry.name

    def _enum(self, into: Any) -> None:
        into.name = self._take()
        self._expect("{")
        while (word := self._take()) != "}":
            self._expect("=")
            into.value.add(name=word, number=int(self._take()))
            self._expect(";")

    def _service(self, into: Any) -> None:
        into.name = self._take()
        self._expect("{")
        while (word := self._take()) != "}":
            if word != "rpc":
                raise ProtoSyntaxError(self._name, word, wanted="'rpc'")
            method = into.method.add(name=self._take())
            method.client_streaming, method.input_type = self._sent()
            self._expect("returns")
            method.server_streaming, method.output_type = self._sent()
            self._expect(";")

    def _sent(self) -> tuple[bool, str]:
        self._expect("(")
        kind = self._take()
        streams = kind == "stream"
        if streams:
            kind = self._take()
        self._expect(")")
        return streams, kind

    def _take(self) -> str:
        found = self._next
        if found is None:
            raise ProtoSyntaxError(self._name, "", wanted="more")
        self._next = next(self._tokens, None)
        return found

    def _expect(self, *words: str) -> None:
        for word in words:
            found = self._take()
            if found != word:
                raise ProtoSyntaxError(self._name, found, wanted=f"{word!r}")


def _tokens(name: str, text: str) -> Iterator[str]:
    place = 0
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None:
            raise ProtoSyntaxError(name, text[place], wanted="a word")
        place = found.end()
        if found[1] is not None:
            yield found[1]
