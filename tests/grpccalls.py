"""Calls to a model server over gRPC with our own messages, as any client would make them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

import grpc  # type: ignore[import-untyped]  # it ships no types

from flyball.predict.grpc.messages import methods, of_inference
from flyball.predict.grpc.routes import HEALTH, INFERENCE
from flyball.testing.model_server import ServerProcess

SECONDS = 60.0


@dataclass(frozen=True)
class Refusal:
    """How a call was refused."""

    status: str
    sentence: str
    trailers: Mapping[str, Any]

    @property
    def code(self) -> str:
        return str(self.trailers.get("error-code"))


class Caller:
    """One channel to the server, with its owner's token unless another is said; "" sends none."""

    def __init__(self, server: ServerProcess, token: str | None = None) -> None:
        port = json.loads((server.home / "run" / "grpc.json").read_text())["port"]
        secret = server.token if token is None else token
        self.metadata = (("authorization", f"Bearer {secret}"),) if secret else ()
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.use_local_subchannel_pool", 1)])

    def call(self, name: str, request: Any = None, **options: Any) -> Any:
        """The answer of the method, or its `Refusal`."""
        method = {**methods(INFERENCE), **methods(HEALTH)}[name]
        asked = self.channel.unary_unary(
            method.path, request_serializer=method.request.SerializeToString, response_deserializer=method.response.FromString
        )
        return self._answered(asked, method.request() if request is None else request, **options)

    def raw(self, name: str, data: bytes, **options: Any) -> Any:
        """What comes of these bytes."""
        return self._answered(self.channel.unary_unary(methods(INFERENCE)[name].path), data, **options)

    def stream(self, requests: Iterable[Any], **options: Any) -> Iterator[Any]:
        """The answers of a stream, as they come."""
        method = methods(INFERENCE)["ModelStreamInfer"]
        asked = self.channel.stream_stream(
            method.path, request_serializer=method.request.SerializeToString, response_deserializer=method.response.FromString
        )
        found: Iterator[Any] = asked(iter(requests), timeout=SECONDS, metadata=self.metadata, **options)
        return found

    def _answered(self, asked: Any, request: Any, **options: Any) -> Any:
        try:
            return asked(request, **{"timeout": SECONDS, "metadata": self.metadata, **options})
        except grpc.RpcError as error:
            trailers = dict(error.trailing_metadata() or ())
            return Refusal(error.code().name, error.details(), trailers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.channel.close()


@contextmanager
def listening(server: ServerProcess, token: str | None = None) -> Iterator[Caller]:
    """A channel for the block."""
    with Caller(server, token) as found:
        yield found


def asked(rows: Sequence[Mapping[str, Any]], *, model: str = "late", **fields: Any) -> Any:
    """A ModelInferRequest with typed contents: whole numbers are INT64, numbers FP64, texts BYTES."""
    request = of_inference("ModelInferRequest")(model_name=model, **fields)
    for name in rows[0]:
        values = [row[name] for row in rows]
        match values[0]:
            case bool():
                kind, field = "BOOL", "bool_contents"
            case int():
                kind, field = "INT64", "int64_contents"
            case float():
                kind, field = "FP64", "fp64_contents"
            case _:
                kind, field = "BYTES", "bytes_contents"
                values = [str(value).encode() for value in values]
        tensor = request.inputs.add(name=name, datatype=kind, shape=[len(rows)])
        getattr(tensor.contents, field).extend(values)
    return request


def outputs(response: Any) -> dict[str, list[Any]]:
    """The typed outputs by name."""
    found: dict[str, list[Any]] = {}
    for output in response.outputs:
        ((_, values),) = output.contents.ListFields()
        found[output.name] = [value.decode() if isinstance(value, bytes) else value for value in values]
    return found
