"""The messages of the protocol, made at import of the .proto files beside this module, in a pool of their own.

Of their own: a process that also loads another's code for the same protocol (Triton's client, KServe's) would otherwise have two
definitions of one name, which protobuf refuses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from flyball.core.optional import extra
from flyball.predict.grpc.protofile import parse

with extra("grpc"):
    from google.protobuf import descriptor_pool, message_factory  # type: ignore[import-untyped]  # it ships no types

FILES = ("inference.proto", "health.proto")
_POOL: Any = descriptor_pool.DescriptorPool()
for _name in FILES:
    _POOL.Add(parse(_name, resources.files(__package__).joinpath(_name).read_text(encoding="utf-8")))


@dataclass(frozen=True, slots=True)
class Method:
    """A method of a service; `path` is how HTTP/2 names it."""

    path: str
    request: Any
    response: Any
    streams: bool


@cache
def message(name: str) -> Any:
    """The class of the message of that full name."""
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(name))


def of_inference(name: str) -> Any:
    """The class of a message of the protocol.

    >>> of_inference("ModelReadyRequest")(name="late").ByteSize()
    6
    """
    return message(f"inference.{name}")


@cache
def methods(service: str) -> Mapping[str, Method]:
    """The methods of a service by their names."""
    return {
        method.name: Method(
            f"/{service}/{method.name}", message(method.input_type.full_name), message(method.output_type.full_name),
            method.client_streaming,
        )
        for method in _POOL.FindServiceByName(service).methods
    }  # fmt: skip
