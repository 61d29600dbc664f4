"""The one gate around everything the console serves: page, files, sockets. Nothing inside is reached but through it.

In this order: the Host and Origin are ours (403), liveness needs nothing, a login link is exchanged for a cookie, and all else,
websockets included, needs that cookie (401). It does not know what stands inside.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flyball.console.plainpages import LOGGED_OUT, foreign_page, link_used_page, login_page, plane_away_page
from flyball.console.sessions import Visitors
from flyball.core.clock import MonotonicTimer
from flyball.core.errors import FlyballError, UnavailableError
from flyball.core.exposition import CONTENT_TYPE, render
from flyball.core.figures import Requests, process
from flyball.governance.hosts import HostGuard

_OWN = ("/healthz", "/metrics", "/login", "/logout")
SESSION = "flyball.session"
"""Where what is inside finds, in the scope, the session that was let in."""
HEADERS = {
    # Inline and eval: the page's framework compiles its templates in the browser. Nothing is ever taken from another origin.
    "content-security-policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; font-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Guard:
    """An ASGI app that lets requests through to `app` from our own pages, by visitors that are known."""

    def __init__(self, app: ASGIApp, *, hosts: HostGuard, visitors: Visitors, cookie: str, token: str | None = None) -> None:
        self._app, self._hosts, self._visitors, self._cookie = app, hosts, visitors, cookie
        self._bearer = None if token is None else f"Bearer {token}".encode()
        self._requests, self._timer = Requests(), MonotonicTimer()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer it, or pass it on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        began, statuses = self._timer.seconds(), list[int]()
        answer = await self._answer(scope)
        if answer is None:
            await self._app({**scope, SESSION: self._token(scope)}, receive, _with_headers(send, statuses))
        elif scope["type"] == "http":
            await answer(scope, receive, _with_headers(send, statuses))
        else:
            await _refuse_socket(scope, receive, send, status=answer.status_code)
        for status in statuses:
            route = scope["path"] if scope["path"] in _OWN else "pages"
            self._requests.add(route, status, seconds=self._timer.seconds() - began)

    async def _answer(self, scope: Scope) -> Response | None:
        """What is said without the app; None where the app may answer."""
        refused = self._foreign(scope)
        if refused is not None:
            return HTMLResponse(foreign_page(refused), status_code=403)
        http, path = scope["type"] == "http", scope["path"]
        if http and path == "/healthz":
            return JSONResponse({"status": "ok"})
        if http and path == "/login" and scope["method"] == "GET":
            return await self._login(scope)
        if http and path == "/metrics" and self._is_owner(scope):
            return self._figures()
        token = self._token(scope)
        if http and path == "/logout" and scope["method"] == "POST" and _one(scope, b"origin") is not None:
            return await self._logout(token)
        if await asyncio.to_thread(self._visitors.knows, token):
            return self._figures() if http and path == "/metrics" else None
        return HTMLResponse(login_page(), status_code=401, headers={"cache-control": "no-store"})

    def _is_owner(self, scope: Scope) -> bool:
        """Whether the request brings the owner's token, as programs do that have no cookie."""
        given = (_one(scope, b"authorization") or "").encode("latin-1")
        return self._bearer is not None and hmac.compare_digest(given, self._bearer)

    def _figures(self) -> Response:
        return Response(render([*self._requests.families(), *process()]), media_type=CONTENT_TYPE.decode())

    def _foreign(self, scope: Scope) -> FlyballError | None:
        hosts, origins = _all(scope, b"host"), _all(scope, b"origin")
        if len(hosts) != 1:
            hosts = [""]
        if len(origins) > 1 or (scope["type"] == "websocket" and not origins):
            origins = ["null"]  # a browser names the origin of every socket, and names it once
        try:
            self._hosts.check(hosts[0], origins[0] if origins else None)
        except FlyballError as error:
            return error
        return None

    async def _login(self, scope: Scope) -> Response:
        code = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("code", [""])[0]
        try:
            admission = await asyncio.to_thread(self._visitors.admit, code)
        except UnavailableError as error:
            return HTMLResponse(plane_away_page(error), status_code=503, headers={"cache-control": "no-store", "retry-after": "5"})
        if admission is None:
            if await asyncio.to_thread(self._visitors.knows, self._token(scope)):
                return RedirectResponse("/", status_code=303)
            return HTMLResponse(link_used_page(), status_code=401, headers={"cache-control": "no-store"})
        answer: Response = RedirectResponse("/", status_code=303, headers={"cache-control": "no-store"})
        if _one(scope, b"sec-fetch-site") in {"cross-site", "same-site"}:
            # A strict cookie is not sent along a redirect that began on another site: the page itself must go on.
            answer = HTMLResponse('<!doctype html><meta http-equiv="refresh" content="0;url=/">', headers={"cache-control": "no-store"})
        answer.set_cookie(
            self._cookie, admission.token, max_age=int(admission.seconds), path="/", httponly=True, samesite="strict",
            secure=scope.get("scheme") == "https",
        )  # fmt: skip
        return answer

    async def _logout(self, token: str | None) -> Response:
        if token is not None:
            with contextlib.suppress(FlyballError):  # forgotten here; the control plane ends it by its age
                await asyncio.to_thread(self._visitors.dismiss, token)
        answer = HTMLResponse(LOGGED_OUT, headers={"cache-control": "no-store"})
        answer.delete_cookie(self._cookie, path="/", httponly=True, samesite="strict")
        return answer

    def _token(self, scope: Scope) -> str | None:
        for header in _all(scope, b"cookie"):
            try:
                found = SimpleCookie(header).get(self._cookie)
            except CookieError:
                continue
            if found is not None:
                return found.value
        return None


def _all(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


def _one(scope: Scope, name: bytes) -> str | None:
    return next(iter(_all(scope, name)), None)


def _with_headers(send: Send, statuses: list[int]) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])
            given = {name.lower() for name, _ in message.get("headers", ())}
            ours = [(name.encode(), value.encode()) for name, value in HEADERS.items() if name.encode() not in given]
            message = {**message, "headers": [*message.get("headers", ()), *ours]}
        await send(message)

    return sent


async def _refuse_socket(scope: Scope, receive: Receive, send: Send, *, status: int) -> None:
    """Refuse before the socket is opened, with the status where the server can say it and 403 where it cannot."""
    await receive()
    extensions: dict[str, Any] = scope.get("extensions") or {}
    if "websocket.http.response" in extensions:
        await send({"type": "websocket.http.response.start", "status": status, "headers": []})
        await send({"type": "websocket.http.response.body", "body": b""})
    else:
        await send({"type": "websocket.close", "code": 1008})
