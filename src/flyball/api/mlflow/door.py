"""The door for MLflow's clients: finds the endpoint, has a thread do the work, and says what came of it in MLflow's form.

It is a raw ASGI app behind the rim, because a metric is logged in less time than a framework takes to look at the request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from flyball.api.annex import Annex
from flyball.api.crew import Crew
from flyball.api.doors import Door
from flyball.api.errors import retry_seconds_of
from flyball.api.intake import Intake, Receive
from flyball.api.mlflow.answers import Plain, encode
from flyball.api.mlflow.call import Call, Services
from flyball.api.mlflow.errors import INTERNAL, BodyTypeError, NoEndpointError, WrongMethodError, WrongValueError, form, told
from flyball.api.mlflow.files import Transfer
from flyball.api.mlflow.routes import ROUTES, Route
from flyball.api.mlflow.streams import Presence, pull
from flyball.api.rim import CALLER
from flyball.core.errors import FlyballError
from flyball.core.optional import extra
from flyball.governance import Permission

with extra("control"):
    from starlette.responses import Response
    from starlette.routing import compile_path
    from starlette.types import Scope, Send

JSON, TEXT = b"application/json", b"text/plain; charset=utf-8"
_PREFIXES = ("/api/2.0/", "/api/3.0/", "/api/4.0/", "/ajax-api/")
_ALONE = frozenset({"/health", "/version", "/get-artifact", "/model-versions/get-artifact"})
_REPLACED = "\ufffd"
_PRIVATE = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class Hands:
    """Threads: for what is short, for what may take long, and for files. One kind of work never waits for another."""

    quick: Crew
    slow: Crew
    files: Crew


class MlflowDoor(Annex):
    """Answers MLflow's clients from `services`; for one event loop."""

    def __init__(self, services: Services, *, hands: Hands, intake: Intake) -> None:
        self._services, self._hands, self._intake = services, hands, intake
        self._routes = Table(ROUTES)

    def owns(self, path: str) -> bool:
        """MLflow's prefixes, and the few paths that it has beside them."""
        return path.startswith(_PREFIXES) or path in _ALONE

    def permission(self, method: str, path: str) -> Permission | None:
        """What the endpoint takes; None where there is none."""
        found = self._routes.find(method, path)
        return found[0].permission if found else None

    def list(self) -> Sequence[Door]:
        """All endpoints."""
        return [Door(route.method, route.path, route.permission, compile_path(route.path)[0]) for route in ROUTES]

    def refusal(self, error: FlyballError) -> Response:
        """The error in MLflow's form."""
        status, code = told(error)
        headers = dict(_HEADERS)
        if status == 401:
            headers["WWW-Authenticate"] = 'Bearer, Basic realm="flyball"'
        if status in {429, 503}:
            headers["Retry-After"] = str(retry_seconds_of(error))
        if isinstance(error, WrongMethodError):
            headers["Allow"] = ", ".join(error.allowed)
        return Response(form(code, str(error)), status, headers, media_type="application/json")

    def failure(self, error_id: str) -> Response:
        """Where to look, and nothing of the inside."""
        said = f"This failed inside of Flyball. The control plane's log says more under {error_id}."
        return Response(form(INTERNAL, said), 500, _HEADERS, media_type="application/json")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request.

        Raises:
            FlyballError: it is refused, and nothing was sent.
            ClientGoneError: nobody waits for an answer.
        """
        method, path = scope["method"], scope["path"]
        if _REPLACED in path:
            _check_text(scope["raw_path"])
        found = self._routes.find(method, path)
        if found is None:
            allowed = self._routes.methods(path)
            raise WrongMethodError(method, path, allowed=allowed) if allowed else NoEndpointError(method, path)
        route, args = found
        if route.stream is not None:
            call = Call(self._services, scope[CALLER], args=args)
            await route.stream(Transfer(call, scope, receive, send, self._hands.files))
        elif route.slow:
            await self._do_slowly(scope, receive, send, route=route, args=args)
        else:
            body = await self._read(scope, receive, permission=route.permission)
            call = self._call(scope, args)
            await _say(send, await self._hands.quick.run(lambda: _work(route, call, scope=scope, body=body)))

    async def _do_slowly(self, scope: Scope, receive: Receive, send: Send, *, route: Route, args: Mapping[str, str]) -> None:
        body = await self._read(scope, receive, permission=route.permission)
        presence = Presence(receive)
        try:
            call = self._call(scope, args, presence=presence)
            answer = await self._hands.slow.run(lambda: _work(route, call, scope=scope, body=body))
            if isinstance(answer, (bytes, Plain)):
                await _say(send, answer)
            else:
                await _stream(send, answer, crew=self._hands.slow, gone=presence.gone)
        finally:
            presence.end()

    def _call(self, scope: Scope, args: Mapping[str, str], *, presence: Presence | None = None) -> Call:
        if not args and presence is None:
            return Call(self._services, scope[CALLER])
        heads = {name: value.decode("latin-1") for name, value in scope["headers"] if name in {b"host", b"authorization"}}
        return Call(
            self._services,
            scope[CALLER],
            args=args,
            gone=presence.gone if presence else _never,
            address=f"{scope['scheme']}://{heads.get(b'host', '')}",
            authorization=heads.get(b"authorization", ""),
        )

    async def _read(self, scope: Scope, receive: Receive, *, permission: Permission) -> bytes:
        if scope["method"] in {"GET", "HEAD"}:
            return b""
        length = kind = b""
        for name, value in scope["headers"]:
            if name == b"content-length":
                length = value
            elif name == b"content-type":
                kind = value
        body = await self._intake.take(length, receive, permission=permission)
        if body and kind.partition(b";")[0].strip().lower() != JSON:
            raise BodyTypeError(kind.decode("latin-1"))
        return body


class Table:
    """Finds endpoints: those without a name in their path by one look, the others by their forms in order."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._plain = {(route.method, route.path): route for route in routes if "{" not in route.path}
        self._paths = {path for _, path in self._plain}
        self._formed = [(compile_path(route.path)[0], route) for route in routes if "{" in route.path]

    def find(self, method: str, path: str) -> tuple[Route, Mapping[str, str]] | None:
        """The endpoint and the names in its path. HEAD is answered as GET is."""
        plain = self._plain.get((method, path))
        if plain is not None:
            return plain, {}
        if method == "HEAD":
            return self.find("GET", path)
        if path in self._paths:
            return None
        for pattern, route in self._formed:
            if route.method == method:
                match = pattern.match(path)
                if match is not None:
                    return route, match.groupdict()
        return None

    def methods(self, path: str) -> Sequence[str]:
        """The methods that something answers at `path`."""
        plain = {method for method, known in self._plain if known == path}
        return sorted(plain or {route.method for pattern, route in self._formed if pattern.match(path)})


def _check_text(raw_path: bytes) -> None:
    """A path is UTF-8: the server has put the same sign for whatever was none, and two names must not become one."""
    try:
        unquote_to_bytes(raw_path).decode()
    except UnicodeDecodeError as error:
        raise WrongValueError("path", raw_path.decode("latin-1"), hint="it is not UTF-8.") from error


def _never() -> bool:
    return False


def _work(route: Route, call: Call, *, scope: Scope, body: bytes) -> Any:
    """What is answered: bytes of JSON, a plain text, or parts of JSON that are made when they are asked for."""
    assert route.reader is not None
    assert route.work is not None
    asked = route.reader.query(scope["query_string"]) if route.method == "GET" else route.reader.body(body)
    answer = route.work(call, asked)
    return encode(answer) if isinstance(answer, dict) else answer


async def _say(send: Send, answer: bytes | Plain) -> None:
    kind, body = (TEXT, answer.encode()) if isinstance(answer, Plain) else (JSON, answer)
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), *_PRIVATE]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _stream(send: Send, parts: Iterator[bytes], *, crew: Crew, gone: Callable[[], bool]) -> None:
    # Two parts are made before anything is said, so that what is refused is refused with its status.
    chunk, following = await pull(crew, parts), await pull(crew, parts)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", JSON), *_PRIVATE]})
    while chunk is not None and not gone():
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
        chunk, following = following, None if following is None else await pull(crew, parts)
    await send({"type": "http.response.body", "body": b""})
