"""A control plane that answers over real HTTP what was recorded of a year of flights: the transport is swapped, nothing is mocked.

Its clock stands at a moment with a canary on trial; `advance` lets what was recorded to have come next happen.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from flyball.testing.trafficplane import INPUTS, LATE, StillTraffic

COMPARED: Mapping[str, Any] = {
    "version": 2, "rows": 900, "errors": 3, "compared": 897, "agreement": 0.98, "mean_difference": -0.0123, "largest_difference": 0.31,
    "seconds_p50": 0.0006,
}  # fmt: skip
RECORDED = Path(__file__).parent / "recorded.json"
TOKEN = "owner-token-of-the-tests"  # noqa: S105  it opens nothing but this stand-in
Json = dict[str, Any]


class StandIn:
    """One home's control plane on a free port; `start` and `stop` may follow each other on the same port."""

    def __init__(self) -> None:
        recorded = json.loads(RECORDED.read_text())
        self.scene: Json = recorded["scene"]
        self.events: list[Json] = recorded["events"]
        self.later: list[Json] = recorded["later"]
        self._waiting: Json = recorded["waiting_window"]
        self.endpoint: Json = {**LATE, "shadow_comparison": [COMPARED]}
        self.posted: list[tuple[str, Mapping[str, Any]]] = []
        self.refusal: str | None = None
        self.permissions = ["read", "release"]
        self.promoters: list[str] = []
        self.asked: list[str] = []
        self._codes: set[str] = set()
        self._sessions: set[str] = set()
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._socket.close()
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Answer from now on."""
        config = uvicorn.Config(self._app(), host="127.0.0.1", port=self.port, log_level="critical", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            self._thread.join(0.02)

    def stop(self) -> None:
        """Answer nothing any more; open questions are dropped."""
        assert self._server is not None
        assert self._thread is not None
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(60)

    def create_code(self) -> str:
        """A login code as `flyball env` would print it."""
        code = f"code-{len(self._codes) + len(self._sessions)}-{'x' * 24}"
        self._codes.add(code)
        return code

    def end_sessions(self) -> None:
        """No session lasts any longer."""
        self._sessions.clear()

    def advance(self) -> list[Json]:
        """What came next happens: the canary is judged, becomes champion, and a window closes; its events are returned."""
        came, self.later = self.later, []
        self.events = [*self.events, *came]
        windows = {"windows": [*self.scene["windows"]["windows"], self._waiting]}
        self.scene = {**self.scene, **self.scene["after"], "windows": windows}
        return came

    def happen(self, **event: Any) -> Json:
        """One more event, at the time of the last."""
        last = self.events[-1]
        made = {**last, "position": last["position"] + 1, "id": f"evt-{last['position'] + 1:026}", "cause": None, "data": {}, **event}
        self.events = [*self.events, made]
        return made

    def _app(self) -> Starlette:
        return Starlette(routes=[
            Route("/api/v1/status", self._named("status")),
            Route("/api/v1/models", self._models),
            Route("/api/v1/models/{name}/windows", self._named("windows")),
            Route("/api/v1/events", self._events),
            Route("/api/v1/events/{id}/causes", self._causes),
            Route("/api/v1/endpoints", self._endpoints),
            Route("/api/v1/endpoints/{endpoint}", self._endpoint),
            Route("/api/v1/endpoints/{endpoint}/inputs", self._inputs),
            Route("/api/v1/endpoints/{endpoint}/{deed}", self._deed, methods=["POST"]),
            Route("/api/v1/sessions", self._session, methods=["GET", "POST", "DELETE"]),
        ])  # fmt: skip

    def _refused(self, request: Request) -> JSONResponse | None:
        self.asked.append(f"{request.method} {request.url.path}")
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        return (
            None if given == TOKEN or given in self._sessions else _error(401, "unauthenticated", message="This needs the owner's token.")
        )

    def _named(self, name: str) -> Any:
        async def answer(request: Request) -> JSONResponse:
            return self._refused(request) or JSONResponse(self.scene[name])

        return answer

    async def _models(self, request: Request) -> JSONResponse:
        return self._refused(request) or JSONResponse({"models": self.scene["models"]})

    async def _events(self, request: Request) -> JSONResponse:
        after, limit = int(request.query_params.get("after", 0)), int(request.query_params.get("limit", 100))
        wait = float(request.query_params.get("wait", 0))
        refused = self._refused(request)
        while refused is None:
            found = [event for event in self.events if event["position"] > after][:limit]
            if found or wait <= 0:
                return JSONResponse({"events": found, "position": found[-1]["position"] if found else after})
            await asyncio.sleep(0.1)
            wait -= 0.1
        return refused

    async def _causes(self, request: Request) -> JSONResponse:
        if refused := self._refused(request):
            return refused
        known = {event["id"]: event for event in self.events}
        chain = [known.get(request.path_params["id"])]
        if chain[0] is None:
            return _error(404, "event-not-found", message=f"There is no event {request.path_params['id']!r}.")
        while (last := chain[-1]) is not None and last["cause"] in known:
            chain.append(known[last["cause"]])
        return JSONResponse({"events": chain})

    async def _endpoints(self, request: Request) -> JSONResponse:
        return self._refused(request) or JSONResponse({"endpoints": [self.endpoint]})

    async def _endpoint(self, request: Request) -> JSONResponse:
        known = request.path_params["endpoint"] == self.endpoint["name"]
        unknown = _error(404, "deployment-not-found", message="Nothing was released at that endpoint. Endpoints: late.")
        return self._refused(request) or (JSONResponse(self.endpoint) if known else unknown)

    async def _inputs(self, request: Request) -> JSONResponse:
        return self._refused(request) or JSONResponse(INPUTS)

    async def _deed(self, request: Request) -> JSONResponse:
        if refused := self._refused(request):
            return refused
        if self.refusal is not None:
            return _error(409, "conflict", message=self.refusal)
        body, deed = await request.json(), request.path_params["deed"]
        if deed == "try":
            self.posted.append((request.url.path, body))
            return JSONResponse(StillTraffic().try_rows("late", body["rows"]))
        if deed == "weights":
            shares = [{**found, "share": body["weights"].get(str(found["version"]), 0.0)} for found in self.endpoint["versions"]]
            self.endpoint = {**self.endpoint, "policy": {"policy": "weights", "shares": body["weights"]}, "versions": shares}
        if deed == "shadows":
            self.endpoint = {**self.endpoint, "shadows": body["versions"]}
        self.promoters.append("session" if request.headers["authorization"].removeprefix("Bearer ") in self._sessions else "owner")
        self.posted.append((request.url.path, body))
        self.happen(type=f"rollout.{deed}d-by-hand", actor="owner", text=f"{deed} by hand: {body['why']}")
        return JSONResponse({"deployment": {"endpoint": request.path_params["endpoint"]}})

    async def _session(self, request: Request) -> JSONResponse:
        if request.method == "GET":
            given = request.headers.get("authorization", "").removeprefix("Bearer ")
            facts = {"role": "owner", "actor": "owner", "permissions": self.permissions, "session": given in self._sessions}
            return self._refused(request) or JSONResponse(facts)
        self.asked.append(f"{request.method} {request.url.path}")
        if request.method == "DELETE":
            self._sessions.discard(request.headers.get("authorization", "").removeprefix("Bearer "))
            return JSONResponse({})
        code = (await request.json())["code"]
        if code not in self._codes:
            return _error(401, "login-code", message="This login code was used, is too old or was never given. Ask for a new one.")
        self._codes.remove(code)
        token = f"session-{len(self._sessions)}-{'y' * 24}"
        self._sessions.add(token)
        return JSONResponse({"token": token, "expires_seconds": 43200.0})


def _error(status: int, code: str, *, message: str) -> JSONResponse:
    return JSONResponse({"error": {"code": code, "message": message}}, status_code=status)
