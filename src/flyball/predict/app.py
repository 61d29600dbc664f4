"""The model server as an ASGI application: it checks who asks, reads what is asked within limits, and hands it to a door.

Each route names its permission. Whoever may not ask learns nothing, not even which routes there are.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from flyball.app.gathering import ClientGoneError
from flyball.core.clock import Timer
from flyball.core.errors import FlyballError
from flyball.governance import Boundary, Permission
from flyball.predict.batching import Batcher
from flyball.predict.bodies import Receive, inflate, read
from flyball.predict.dataplane import DataPlane
from flyball.predict.doors import health, invocations, openapi, repository, rows, v1, v2, v2models
from flyball.predict.errors import MethodError, RouteNotFoundError
from flyball.predict.gate import Gate
from flyball.predict.headers import Head, dialect_of, expected, pack
from flyball.predict.lane import COOLED, Lane
from flyball.predict.limits import Admission
from flyball.predict.replies import Reply, of_error
from flyball.predict.repository import Repository
from flyball.predict.request import Body, Place, Request, Route, Routes
from flyball.serving.engine import Engine
from flyball.serving.errors import InternalError

Scope: TypeAlias = MutableMapping[str, Any]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_LOG = logging.getLogger(__name__)

ROUTES: tuple[Route, ...] = (
    *rows.ROUTES, *v2.ROUTES, *health.ROUTES, *v2models.ROUTES, *repository.ROUTES, *v1.ROUTES, *invocations.ROUTES, *openapi.ROUTES,
)  # fmt: skip


class PredictApp:
    """The ASGI application. For one event loop."""

    def __init__(
        self, engine: Engine, boundary: Boundary, *, timer: Timer, admission: Admission | None = None, repository: Repository | None = None
    ) -> None:
        self._engine, self._timer = engine, timer
        self.boundary, self.admission = boundary, admission or Admission.unlimited(timer)
        self._limits = self.admission.limits
        self.plane = DataPlane(engine, Batcher(engine), meter=self.admission.meter, repository=repository)
        self.plane.bulk.most_rows = self._limits.bulk_rows
        self._routes, self._gate = Routes(ROUTES), Gate(boundary, self.admission)
        self.lane = Lane(self._routes, self.plane, gate=self._gate, timer=timer)
        """What answers the requests that come most, without a scope and a task for each."""

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
        except ClientGoneError:
            return
        except COOLED as error:
            await self.admission.cool()
            reply = of_error(error, dialect_of(path))
        except FlyballError as error:
            reply = of_error(error, dialect_of(path))
        except Exception:  # noqa: BLE001 - the caller gets an answer whatever happens
            _LOG.exception("%s %s", scope["method"], path)
            reply = of_error(InternalError(), dialect_of(path))
        pack(reply, head)
        self._engine.counters.requests[_counted(place, route), reply.status] += 1
        await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
        await send({"type": "http.response.body", "body": reply.body})

    async def _reply(self, scope: Scope, receive: Receive, *, place: Place | None, route: Route | None, head: Head) -> Reply:
        # What is not there is asked for with the permission of what is: strangers cannot tell.
        wanted = route or (None if place is None else next(iter(place.routes.values())))
        permission = wanted.permission if wanted else Permission.PREDICT
        caller = self._gate.admit(scope["headers"], permission, address=(scope.get("client") or ("", 0))[0])
        if place is None:
            raise RouteNotFoundError(scope["path"], known=[f"{found.method} {found.path}" for found in ROUTES])
        if route is None:
            raise MethodError(scope["method"], allowed=", ".join(place.routes))
        request = Request(place.name, place.version, head, scope["query_string"], b"", self._timer.seconds(), caller)
        if route.body is Body.NONE:
            return await route.answer(self.plane, request)
        return await self._read_and_answer(route, request, receive=receive)

    async def _read_and_answer(self, route: Route, request: Request, *, receive: Receive) -> Reply:
        coding, size = expected(request.head, route.kinds, limit_bytes=self._limits.body_bytes)
        with self.admission.enter(request.caller.principal, expected=size) as entry:
            if route.body is Body.ROWS:
                request.name = request.name or self.plane.get_only()
                self.plane.check_room(request.name, request.version, who=request.caller.principal)  # before its body is read
            request.body = await read(receive, limit_bytes=self._limits.body_bytes, seconds=self._limits.body_seconds)
            if coding:
                request.body = inflate(request.body, coding, limit_bytes=self._limits.body_bytes)
                entry.weigh(len(request.body))
            return await route.answer(self.plane, request)


def _counted(place: Place | None, route: Route | None) -> str:
    if place is None:
        return "other"
    return (route or next(iter(place.routes.values()))).counted
