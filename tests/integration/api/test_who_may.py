"""Who may use which route of which door: every route is walked as the owner and as a stranger, and compared with one table.

After a change that is meant: ``python tests/integration/api/test_who_may.py`` writes the table and the API's description anew; read
their difference. A door is added by one line in DOORS.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx

from flyball.api.app import create_app
from flyball.core.clock import ManualTimer
from flyball.governance import HostGuard, OwnerToken, Sessions
from flyball.testing.controlplane import StillPlane

TOKEN = OwnerToken("t" * 43)
HOST, PORT = "127.0.0.1", 8500
GOLDEN = Path(__file__).parents[2] / "golden"
TABLE, DESCRIPTION = GOLDEN / "who-may.json", GOLDEN / "openapi.json"

Route = tuple[str, str]
Door = tuple[Any, Sequence[Route]]  # an ASGI app that answers at HOST:PORT to TOKEN, and its routes


def control_plane() -> Door:
    plane = StillPlane()
    plane.happen("x")
    app = create_app(plane, token=TOKEN, sessions=Sessions(ManualTimer()), guard=HostGuard.of(HOST, PORT))
    return app, [(door.method, door.path) for door in app.state.doors.list()]


DOORS: dict[str, Callable[[], Door]] = {
    "control plane": control_plane,
}


async def _walk(door: Door) -> dict[str, dict[str, str]]:
    app, routes = door
    found = {}
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}:{PORT}") as client:
        for method, path in sorted({*routes, ("GET", "/no-such-route")}, key=lambda route: (route[1], route[0])):
            filled = re.sub(r"\{[^}]*\}", "late", path)
            answers = {}
            for role, headers in (("owner", {"Authorization": f"Bearer {TOKEN.value}"}), ("anonymous", {})):
                response = await client.request(method, filled, headers=headers)
                answers[role] = "no" if response.status_code in {401, 403} else "may"
            found[f"{method} {path}"] = answers
    return found


def table() -> dict[str, Any]:
    return {name: asyncio.run(_walk(make())) for name, make in DOORS.items()}


def description() -> Any:
    app, _ = control_plane()
    found = app.openapi()
    # The framework's own schemas change with its version, and are none of our promises.
    found["components"]["schemas"] = {
        name: schema for name, schema in found["components"]["schemas"].items() if "ValidationError" not in name
    }
    return found


def _text(value: Any) -> str:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def test_every_route_is_in_the_table_of_who_may() -> None:
    assert table() == json.loads(TABLE.read_text(encoding="utf-8"))


def test_a_stranger_may_ask_for_liveness_only() -> None:
    golden = json.loads(TABLE.read_text(encoding="utf-8"))
    open_to_all = {(door, route) for door, routes in golden.items() for route, who in routes.items() if who["anonymous"] != "no"}
    assert open_to_all == {(door, "GET /healthz") for door in golden}


def test_every_app_answers_at_all_of_its_routes() -> None:
    for make in DOORS.values():
        app, routes = make()
        assert len(routes) == len(set(routes)) > 1
        assert callable(app)


def test_the_api_is_as_it_was_described_last() -> None:
    assert description() == json.loads(DESCRIPTION.read_text(encoding="utf-8"))


if __name__ == "__main__":
    TABLE.write_text(_text(table()), encoding="utf-8")
    DESCRIPTION.write_text(_text(description()), encoding="utf-8")
