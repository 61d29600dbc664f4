"""The rim of the door: who asks and whether they may is settled by the head of a request, and no error leaves but in its form.

In this order: Host and Origin (403), how often (429), token (401), role (403), body (415, 413, 408). So a stranger cannot even tell which
routes there are, and no byte of a stranger's body is read.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

from flyball.api.annex import Annex
from flyball.api.doors import Doors
from flyball.api.gate import Gate, held
from flyball.api.intake import Intake, Receive
from flyball.api.rendering import failure, refusal
from flyball.app.gathering import ClientGoneError, Message
from flyball.core.clock import MonotonicTimer, Timer
from flyball.core.errors import FlyballError
from flyball.core.figures import Requests
from flyball.core.ids import Ids
from flyball.core.optional import extra
from flyball.governance import Boundary, Permission
from flyball.governance.limits import Limiter
from flyball.governance.turns import CALLING

with extra("control"):
    from starlette.types import ASGIApp, Scope, Send

log = logging.getLogger("flyball.api")
CALLER = "flyball.caller"


@dataclass(frozen=True)
class Keepers:
    """What the rim asks: who may come in and how often, what routes take, how bodies are read, how failures are named, what is apart."""

    boundary: Boundary
    doors: Doors
    intake: Intake
    ids: Ids
    limiter: Limiter
    annexes: tuple[Annex, ...] = ()
    requests: Requests = field(default_factory=Requests)
    timer: Timer = field(default_factory=MonotonicTimer)

    def find_annex(self, path: str) -> Annex | None:
        """The annex whose path it is."""
        return next((annex for annex in self.annexes if annex.owns(path)), None)


class Rim:
    """ASGI middleware around the routes."""

    def __init__(self, app: ASGIApp, keepers: Keepers) -> None:
        self._app, self._keepers = app, keepers
        self._gate = Gate()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request in, or answer it here."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        watched, began = _Started(send), self._keepers.timer.seconds()
        annex = self._keepers.find_annex(scope["path"])
        try:
            await self._pass(scope, await self._admit(scope, receive, annex=annex), watched, annex=annex)
        except ClientGoneError:
            return
        except FlyballError as error:
            await self._refuse(error, scope, watched=watched, annex=annex)
        except Exception:  # the rim of the loop: whatever it was, the client gets an id and the log gets the rest
            if watched.started:
                raise
            name = self._keepers.ids.create("err")
            log.exception("%s: %s %s", name, scope["method"], scope["path"])
            await (annex.failure if annex else failure)(name)(scope, receive, watched)
        finally:
            self._count(scope, watched.status, annex=annex, seconds=self._keepers.timer.seconds() - began)

    def _count(self, scope: Scope, status: int, *, annex: Annex | None, seconds: float) -> None:
        if status:
            route = self._keepers.doors.name(scope["method"], scope["path"]) if annex is None else "mlflow"
            self._keepers.requests.add(route, status, seconds=seconds)

    async def _pass(self, scope: Scope, receive: Receive, send: Send, *, annex: Annex | None) -> None:
        if annex is not None:  # its own work with a request is short
            await annex(scope, receive, send)
            return
        with held(await self._gate.enter(CALLING.get())):
            await self._app(scope, receive, send)

    async def _admit(self, scope: Scope, receive: Receive, *, annex: Annex | None) -> Receive:
        keepers, method = self._keepers, scope["method"]
        caller = keepers.boundary.identify(scope["headers"])
        # Where there is no route it takes the owner to be told so.
        permission = (annex or keepers.doors).permission(method, scope["path"]) or Permission.READ
        keepers.limiter.check(caller, permission, address=(scope.get("client") or ("", 0))[0])
        keepers.boundary.authority.check(caller, permission)
        scope[CALLER] = caller
        CALLING.set(caller.principal)
        if annex is not None or method in {"GET", "HEAD"}:
            return receive
        if keepers.doors.is_raw(method, scope["path"]):
            return await keepers.intake.read_raw(dict(scope["headers"]), receive)
        return await keepers.intake.read(dict(scope["headers"]), receive, permission=permission)

    async def _refuse(self, error: FlyballError, scope: Scope, *, watched: _Started, annex: Annex | None) -> None:
        if watched.started:
            raise error
        response = (annex.refusal if annex else refusal)(error)
        if response.status_code in {401, 403, 408, 413, 415, 429}:
            response.headers["Connection"] = "close"  # its body was not read, and is not going to be
        await response(scope, _nothing, watched)


class _Started:
    """A `send` that knows whether the answer has begun."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False
        self.status = 0

    async def __call__(self, message: Message) -> None:
        self.started = True
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)


async def _nothing() -> dict[str, Any]:
    return {"type": "http.disconnect"}
