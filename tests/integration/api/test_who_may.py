"""Who may use which route of which door: every route is walked by every role, and compared with one table.

After a change that is meant: ``python tests/integration/api/test_who_may.py`` writes the table and the API's description anew; read
their difference. A door is added by one line in DOORS. Each is walked in a process of its own, for some frameworks have one
app per process.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from flyball.api.app import Limits, create_app
from flyball.api.entrance import Entrance
from flyball.app.querying import Catalogue, open_reading
from flyball.core.clock import ManualTimer, MonotonicTimer, WallClock
from flyball.core.errors import UnavailableError
from flyball.core.ids import RandomIds
from flyball.data.querying.running import Querying
from flyball.governance import Authority, Boundary, Caller, HostGuard, OwnerToken, Role, Sessions, TokenBook, TokenWish
from flyball.governance.limits import Rates
from flyball.governance.tokens import GIVEN
from flyball.testing.controlplane import StillPlane
from flyball.testing.governance import open_token_service

TOKEN = OwnerToken("t" * 43)
HOST, PORT = "127.0.0.1", 8500
GUARD = HostGuard.of(HOST, PORT)
GOLDEN = Path(__file__).parents[2] / "golden"
TABLE, DESCRIPTION = GOLDEN / "who-may.json", GOLDEN / "openapi.json"
ABSENT = ("GET", "/no-such-route")

Route = tuple[str, str]


@dataclass(frozen=True)
class Door:
    """An ASGI app that answers at HOST:PORT, its routes, and what each role sends to prove itself."""

    app: Any
    routes: Sequence[Route]
    roles: Mapping[str, Mapping[str, str]]


class House:
    """A home with a token of every role."""

    def __init__(self) -> None:
        home = Path(tempfile.mkdtemp())
        self.tokens = open_token_service(home)
        self.book = TokenBook(home, clock=WallClock(), timer=MonotonicTimer())
        owner = Caller(Role.OWNER, "owner")
        self.secrets = {role.value: self.tokens.create(TokenWish(name=role.value, role=role), by=owner).secret for role in GIVEN}
        self.secrets["owner"] = TOKEN.value

    def bearers(self) -> dict[str, dict[str, str]]:
        bearers = {role: {"Authorization": f"Bearer {secret}"} for role, secret in self.secrets.items()}
        return {"anonymous": {}, **bearers}


def catalogue() -> Catalogue:
    """Of a home without rows."""
    folder = Path(tempfile.mkdtemp())
    with open_reading(folder) as found:
        return Catalogue(found.versions, found.tables, found.positions, Querying(folder, [], timer=MonotonicTimer()), folder)


def control_plane() -> Door:
    house, plane = House(), StillPlane(catalogue())
    plane.happen("x")
    app = create_app(plane, Entrance(GUARD, TOKEN, Sessions(ManualTimer()), house.tokens, house.book), limits=Limits(rates=Rates({}, None)))
    return Door(app, [(door.method, door.path) for door in app.state.doors.list()], house.bearers())


def mlflow() -> Door:
    from flyball.api.mlflow import mlflow_door
    from flyball.testing.mlflow import open_services

    house, limits = House(), Limits(rates=Rates({}, None))
    with ExitStack() as closing:
        services = closing.enter_context(open_services(Path(tempfile.mkdtemp())))
        closing.pop_all()  # this process ends after the walk
    door = mlflow_door(services, limits=limits)
    app = create_app(StillPlane(), Entrance(GUARD, TOKEN, Sessions(ManualTimer()), book=house.book), limits=limits, annexes=[door])
    return Door(app, [(route.method, route.path) for route in door.list()], house.bearers())


def model_server() -> Door:
    from flyball.predict.app import ROUTES, PredictApp
    from flyball.serving.engine import Engine
    from flyball.storage._localjournal import LocalJournal

    timer, house = MonotonicTimer(), House()
    journal = LocalJournal.write(Path(tempfile.mkdtemp()) / "journal")
    boundary = Boundary(GUARD, Authority(TOKEN, tokens=house.book))
    app = PredictApp(Engine(journal, clock=WallClock(), ids=RandomIds(), timer=timer), boundary, timer=timer)
    return Door(app, [(route.method, route.path) for route in ROUTES], house.bearers())


class NobodyThere:
    """A control plane that knows a session of each role and answers nothing else."""

    def is_session(self, token: str) -> bool:
        return token.startswith("session-of-")

    def __getattr__(self, name: str) -> Any:
        raise UnavailableError(name)


def console() -> Door:
    from flyball.console.archive import Archives
    from flyball.console.frame import Surroundings
    from flyball.console.guard import Guard
    from flyball.console.server import _framework
    from flyball.console.sessions import Sessions as ConsoleSessions
    from flyball.console.watch import Watch

    plane: Any = NobodyThere()
    timer = MonotonicTimer()
    inside = _framework(
        Surroundings(
            plane, Watch(plane, clock=WallClock(), timer=timer), Archives("http://127.0.0.1:1", None), "http://127.0.0.1:1", logins=True
        )
    )
    app = Guard(inside, hosts=GUARD, visitors=ConsoleSessions(plane, timer), cookie="c")
    own = [("GET", "/healthz"), ("GET", "/metrics"), ("GET", "/login"), ("POST", "/logout")]
    roles = {role.value: {"Cookie": f"c=session-of-{role.value}-"} for role in Role}
    return Door(app, [*own, *_routes(inside)], {**roles, "anonymous": {}})


def _routes(app: Any, prefix: str = "") -> Iterator[Route]:
    for route in app.routes:
        path = prefix + str(getattr(route, "path", "/?"))
        if hasattr(getattr(route, "app", None), "routes"):
            yield from _routes(route.app, path)
            continue
        methods = getattr(route, "methods", None)
        if methods:
            yield from ((method, path) for method in methods)
        else:  # a mount, of files or of a socket
            yield from ((method, f"{path}/late") for method in ("GET", "WEBSOCKET"))


DOORS: dict[str, Callable[[], Door]] = {
    "control plane": control_plane,
    "mlflow": mlflow,
    "model server": model_server,
    "console": console,
}


async def _may(client: httpx.AsyncClient, app: Any, *, route: Route, headers: Mapping[str, str]) -> bool:
    method, path = route
    path = re.sub(r"\{[^}]*\}", "late", path)
    if method == "WEBSOCKET":
        return await _may_connect(app, path, headers=headers)
    response = await client.request(method, path, headers=dict(headers))
    return response.status_code not in {401, 403}


async def _may_connect(app: Any, path: str, *, headers: Mapping[str, str]) -> bool:
    raw = [
        (name.lower().encode(), value.encode())
        for name, value in {"Host": f"{HOST}:{PORT}", "Origin": f"http://{HOST}:{PORT}", **headers}.items()
    ]
    scope = {
        "type": "websocket", "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "scheme": "ws", "headers": raw,
        "subprotocols": [], "extensions": {"websocket.http.response": {}}, "client": (HOST, 1), "server": (HOST, PORT), "state": {},
    }  # fmt: skip
    messages = iter([{"type": "websocket.connect"}])
    said: list[Any] = []

    async def receive() -> Any:
        return next(messages, {"type": "websocket.disconnect", "code": 1000})

    async def send(message: Any) -> None:
        said.append(message)

    with suppress(Exception):  # what is behind the gate may well be broken by such a guest; that it was reached is the answer
        await asyncio.wait_for(app(scope, receive, send), 5)
    return not said or said[0].get("status") not in {401, 403}  # a plain close comes from behind the gate


async def _walk(door: Door) -> dict[str, dict[str, str]]:
    found = {}
    transport = httpx.ASGITransport(door.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}:{PORT}") as client:
        for route in sorted({*door.routes, ABSENT}, key=lambda route: (route[1], route[0])):
            answers = {
                role: "may" if await _may(client, door.app, route=route, headers=headers) else "no" for role, headers in door.roles.items()
            }
            found[re.sub(r"\d+\.\d+\.\d+", "VERSION", " ".join(route))] = answers
    return found


def walked(name: str) -> dict[str, dict[str, str]]:
    """Who may, route by route, found in another process."""
    done = subprocess.run([sys.executable, __file__, "--walk", name], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, str]] = json.loads(done.stdout.splitlines()[-1])
    return found


def description() -> Any:
    found = control_plane().app.openapi()
    # The framework's own schemas change with its version, and are none of our promises.
    found["components"]["schemas"] = {
        name: schema for name, schema in found["components"]["schemas"].items() if "ValidationError" not in name
    }
    return found


def _golden() -> dict[str, dict[str, dict[str, str]]]:
    found: dict[str, dict[str, dict[str, str]]] = json.loads(TABLE.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("name", DOORS)
def test_every_route_is_in_the_table_of_who_may(name: str) -> None:
    found = walked(name)
    assert found == _golden()[name]
    assert len(found) > 3


def test_a_stranger_may_ask_for_liveness_only() -> None:
    golden = _golden()
    assert set(golden) == set(DOORS)
    open_to_all = {(door, route) for door, routes in golden.items() for route, who in routes.items() if who["anonymous"] != "no"}
    liveness = {(door, "GET /health" if door == "mlflow" else "GET /healthz") for door in golden}
    paths = ("/", "/ping", "/health", "/v2/health/live", "/v2/health/ready")  # each protocol has its own
    probes = {("model server", f"GET {path}") for path in paths}
    assert open_to_all == {*liveness, *probes, ("control plane", "GET /")}


def test_each_role_may_what_the_one_below_may() -> None:
    ladder = ["anonymous", "viewer", "editor", "approver", "admin", "owner"]
    for routes in _golden().values():
        for route, who in routes.items():
            allowed = [who[role] for role in ladder]
            assert set(who) == set(ladder), route
            assert allowed == sorted(allowed, reverse=True), route  # "no" before "may", once and for all


def test_the_api_is_as_it_was_described_last() -> None:
    assert description() == json.loads(DESCRIPTION.read_text(encoding="utf-8"))


def _write() -> None:
    for path, value in ((TABLE, {name: walked(name) for name in DOORS}), (DESCRIPTION, description())):
        path.write_text(json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--walk"]:
        sys.stdout.write("\n" + json.dumps(asyncio.run(_walk(DOORS[sys.argv[2]]()))) + "\n")
    else:
        _write()
