"""The model server as an ASGI application: it checks who asks, reads what is asked within limits, and hands it to a door.

Each route names its permission. Whoever may not ask learns nothing, not even which routes there are.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from http import HTTPStatus
from typing import Any, TypeAlias

from flyball.core.clock import Timer
from flyball.core.errors import FlyballError
from flyball.governance import Boundary, Caller, Permission
from flyball.governance.errors import RateLimitedError
from flyball.predict.batching import Batcher
from flyball.predict.bodies import IDENTITY, GoneError, Receive, check_coding, choose_coding, deflate, inflate, read
from flyball.predict.dataplane import DataPlane
from flyball.predict.doors import health, invocations, openapi, repository, rows, v1, v2, v2models
from flyball.predict.errors import (
    BodyTooLargeError,
    ContentTypeError,
    MethodError,
    QuotaError,
    RouteNotFoundError,
    TooManyInsideError,
)
from flyball.predict.limits import Admission
from flyball.predict.replies import Dialect, Reply, of_error
from flyball.predict.repository import Repository
from flyball.predict.request import Body, Place, Request, Route, Routes
from flyball.serving.engine import Engine
from flyball.serving.errors import InternalError

Scope: TypeAlias = MutableMapping[str, Any]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Head: TypeAlias = Mapping[bytes, bytes]
_LOG = logging.getLogger(__name__)

ROUTES: tuple[Route, ...] = (
    *rows.ROUTES, *v2.ROUTES, *health.ROUTES, *v2models.ROUTES, *repository.ROUTES, *v1.ROUTES, *invocations.ROUTES, *openapi.ROUTES,
)  # fmt: skip
_CHARSETS = (b"charset=utf-8", b'charset="utf-8"')
_DIALECTS = {"v2": Dialect.INFERENCE, "v1": Dialect.INFERENCE, "invocations": Dialect.MLFLOW, "endpoints": Dialect.MLFLOW}


class PredictApp:
    """The ASGI application. For one event loop."""

    def __init__(
        self, engine: Engine, boundary: Boundary, *, timer: Timer, admission: Admission | None = None, repository: Repository | None = None
    ) -> None:
        self._engine, self._timer = engine, timer
        self.boundary, self.admission = boundary, admission or Admission.unlimited(timer)
        self._limits = self.admission.limits
        self.plane = DataPlane(engine, Batcher(engine), meter=self.admission.meter, repository=repository)
        self._routes = Routes(ROUTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise NotImplementedError(f"{scope['type']} is not served")
        path: str = scope["path"]
        place = self._routes.find(path)
        route = None if place is None else place.routes.get(scope["method"])
        head: Head = dict(scope["headers"])
        try:
            reply = await self._reply(scope, receive, place=place, route=route, head=head)
        except GoneError:
            return
        except (RateLimitedError, QuotaError, TooManyInsideError) as error:
            await self.admission.cool()
            reply = of_error(error, _dialect(path))
        except FlyballError as error:
            reply = of_error(error, _dialect(path))
        except Exception:  # noqa: BLE001 - the caller gets an answer whatever happens
            _LOG.exception("%s %s", scope["method"], path)
            reply = of_error(InternalError(), _dialect(path))
        if b"accept-encoding" in head:
            _pack(reply, head[b"accept-encoding"])
        self._engine.counters.requests[_counted(place, route), reply.status] += 1
        await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
        await send({"type": "http.response.body", "body": reply.body})

    async def _reply(self, scope: Scope, receive: Receive, *, place: Place | None, route: Route | None, head: Head) -> Reply:
        # What is not there is asked for with the permission of what is: strangers cannot tell.
        wanted = route or (None if place is None else next(iter(place.routes.values())))
        caller = self._admit(scope, wanted.permission if wanted else Permission.PREDICT)
        if place is None:
            raise RouteNotFoundError(scope["path"], known=[f"{found.method} {found.path}" for found in ROUTES])
        if route is None:
            raise MethodError(scope["method"], allowed=", ".join(place.routes))
        request = Request(place.name, place.version, head, scope["query_string"], b"", self._timer.seconds(), caller)
        if route.body is Body.NONE:
            return await route.answer(self.plane, request)
        return await self._read_and_answer(route, request, receive=receive)

    def _admit(self, scope: Scope, permission: Permission) -> Caller:
        caller = self.boundary.identify(scope["headers"])
        self.admission.check_rate(caller, permission, address=(scope.get("client") or ("", 0))[0])
        self.boundary.authority.check(caller, permission)
        return caller

    async def _read_and_answer(self, route: Route, request: Request, *, receive: Receive) -> Reply:
        coding, expected = self._expected(route, request.head)
        with self.admission.enter(request.caller.principal, expected=expected) as entry:
            if route.body is Body.ROWS:
                request.name = request.name or self.plane.get_only()
                self.plane.check_room(request.name, request.version, who=request.caller.principal)  # before its body is read
            request.body = await read(receive, limit_bytes=self._limits.body_bytes, seconds=self._limits.body_seconds)
            if coding:
                request.body = inflate(request.body, coding, limit_bytes=self._limits.body_bytes)
                entry.weigh(len(request.body))
            return await route.answer(self.plane, request)

    def _expected(self, route: Route, head: Head) -> tuple[bytes, int]:
        """How the body is packed, and how many bytes it may have as it comes; what it is said to be is checked on the way."""
        limit = self._limits.body_bytes
        if route.kinds:
            _check_kind(head.get(b"content-type", b""), route.kinds)
        coding = check_coding(head[b"content-encoding"]) if b"content-encoding" in head else b""
        length = head.get(b"content-length")
        expected = limit if length is None else int(length)
        if expected > limit:
            raise BodyTooLargeError(limit)
        return b"" if coding == IDENTITY else coding, expected


def _check_kind(kind: bytes, kinds: tuple[bytes, ...]) -> None:
    if kind in kinds:
        return
    said, *parameters = [part.strip().lower() for part in kind.split(b";")]
    if said not in kinds or not all(found in _CHARSETS for found in parameters):
        raise ContentTypeError(kind.decode("latin-1"), known=[found.decode() for found in kinds if found])


def _pack(reply: Reply, accepted: bytes) -> None:
    coding = choose_coding(accepted, len(reply.body))
    if coding is None or reply.status != HTTPStatus.OK:
        return
    reply.body = deflate(reply.body, coding)
    length = (b"content-length", b"%d" % len(reply.body))
    reply.headers = [length if name == b"content-length" else (name, value) for name, value in reply.headers]
    reply.headers += [(b"content-encoding", coding), (b"vary", b"accept-encoding")]


def _dialect(path: str) -> Dialect:
    """How errors are told below that path, whether or not there is anything at it."""
    return _DIALECTS.get(path.split("/", 2)[1] if path.startswith("/") else "", Dialect.OWN)


def _counted(place: Place | None, route: Route | None) -> str:
    if place is None:
        return "other"
    return (route or next(iter(place.routes.values()))).counted
