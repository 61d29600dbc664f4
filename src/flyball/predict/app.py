"""The model server as an ASGI application: it checks who asks, reads what is asked within limits, and has it answered.

Each route names its permission. Whoever may not ask learns nothing, not even which routes there are.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from flyball.core.clock import Timer
from flyball.core.errors import FlyballError
from flyball.governance import Boundary, Permission
from flyball.predict.batching import Batcher
from flyball.predict.errors import BodyTooLargeError, ContentTypeError, MethodError, RouteNotFoundError, SlowBodyError
from flyball.predict.metrics import CONTENT_TYPE, render
from flyball.predict.replies import Reply, of_error, of_json, of_text
from flyball.serving.asked import ROUTED, VECTOR
from flyball.serving.engine import Engine
from flyball.serving.errors import InternalError, OverloadedError

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_LOG = logging.getLogger(__name__)
_PREDICT = "/predict/"


@dataclass(frozen=True)
class Limits:
    """What the server takes in: of one request, and of all that are inside at once."""

    body_bytes: int = 10 << 20
    body_seconds: float = 10.0
    requests: int = 1024
    inside_bytes: int = 64 << 20


@dataclass(frozen=True)
class Route:
    """A route of the server. `path` ends in a slash where a name follows."""

    method: str
    path: str
    permission: Permission


HEALTH = Route("GET", "/healthz", Permission.LIVENESS)
METRICS = Route("GET", "/metrics", Permission.READ)
PREDICT = Route("POST", _PREDICT, Permission.PREDICT)
ROUTES = (HEALTH, METRICS, PREDICT)


class _GoneError(Exception):
    """The caller hung up before the body was whole."""


class PredictApp:
    """The ASGI application. For one event loop."""

    def __init__(self, engine: Engine, boundary: Boundary, *, timer: Timer, limits: Limits | None = None) -> None:
        self._engine, self._boundary, self._timer = engine, boundary, timer
        self._limits = limits or Limits()
        self._batcher = Batcher(engine)
        self._requests, self._bytes = 0, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise NotImplementedError(f"{scope['type']} is not served")
        route = _route(scope["path"])
        try:
            reply = await self._reply(scope, receive, route=route)
        except _GoneError:
            return
        except FlyballError as error:
            reply = of_error(error)
        except Exception:  # noqa: BLE001 - the caller gets an answer whatever happens
            _LOG.exception("%s %s", scope["method"], scope["path"])
            reply = of_error(InternalError())
        self._engine.counters.requests[route.path.rstrip("/") if route else "other", reply.status] += 1
        await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
        await send({"type": "http.response.body", "body": reply.body})

    async def _reply(self, scope: Scope, receive: Receive, *, route: Route | None) -> Reply:
        # What is not there is asked for with the permission of what is: strangers cannot tell.
        self._boundary.admit(route.permission if route else Permission.PREDICT, scope["headers"])
        if route is None:
            raise RouteNotFoundError(scope["path"], known=[f"{found.method} {found.path}" for found in ROUTES])
        if scope["method"] != route.method:
            raise MethodError(scope["method"], allowed=route.method)
        match route:
            case Route(path="/healthz"):
                return of_json({"status": "ok"})
            case Route(path="/metrics"):
                return of_text(render(self._engine.counters, revision=self._engine.serving.revision), CONTENT_TYPE)
        return await self._predict(scope, receive)

    async def _predict(self, scope: Scope, receive: Receive) -> Reply:
        name = scope["path"].removeprefix(_PREDICT)
        arrived = self._timer.seconds()
        expected = self._expected(scope["headers"])
        if self._requests >= self._limits.requests or self._bytes + expected > self._limits.inside_bytes:
            raise OverloadedError
        self._engine.serving.find_endpoint(name)
        self._requests += 1
        self._bytes += expected
        try:
            body = await self._body(receive)
            endpoint, vector = self._engine.serving.find_endpoint(name)  # as it is now that the body is here
            rows = endpoint.read(body, vector=vector)
            answer = await self._batcher.ask(endpoint, rows, arrived=arrived, wants=VECTOR if vector else ROUTED)
            return of_json(answer.told())
        finally:
            self._requests -= 1
            self._bytes -= expected

    def _expected(self, headers: list[tuple[bytes, bytes]]) -> int:
        """How many bytes the body may have; its type is checked on the way."""
        kind, length = b"", None
        for name, value in headers:
            if name == b"content-type":
                kind = value
            elif name == b"content-length":
                length = int(value)
            elif name == b"content-encoding" and value.lower() != b"identity":
                raise ContentTypeError(f"compressed by {value.decode('latin-1')}")
        if kind != b"application/json" and not _is_json(kind):
            raise ContentTypeError(kind.decode("latin-1"))
        if length is not None and length > self._limits.body_bytes:
            raise BodyTooLargeError(self._limits.body_bytes)
        return self._limits.body_bytes if length is None else length

    async def _body(self, receive: Receive) -> bytes:
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _GoneError
                    part = message.get("body", b"")
                    size += len(part)
                    if size > self._limits.body_bytes:
                        raise BodyTooLargeError(self._limits.body_bytes)
                    parts.append(part)
                    if not message.get("more_body", False):
                        return parts[0] if len(parts) == 1 else b"".join(parts)
        except TimeoutError as error:
            raise SlowBodyError(self._limits.body_seconds) from error


def _route(path: str) -> Route | None:
    if path.startswith(_PREDICT) and len(path) > len(_PREDICT):
        return PREDICT
    return next((route for route in (HEALTH, METRICS) if route.path == path), None)


def _is_json(content_type: bytes) -> bool:
    kind, *parameters = [part.strip().lower() for part in content_type.split(b";")]
    return kind == b"application/json" and all(found in {b"charset=utf-8", b'charset="utf-8"'} for found in parameters)
