"""No route without its permission."""

from __future__ import annotations

import pytest
from fastapi import APIRouter, FastAPI
from starlette.responses import Response
from starlette.routing import Mount

from flyball.api.doors import Doors, UnlabelledRouteError
from flyball.governance import Permission


async def _nothing() -> Response:
    return Response()


def made() -> tuple[FastAPI, Doors]:
    app = FastAPI(openapi_url=None)
    doors = Doors(app)
    doors.route("GET /a/{name}", Permission.READ)(_nothing)
    return app, doors


def test_a_route_has_the_permission_it_was_added_with() -> None:
    _, doors = made()
    assert doors.permission("GET", "/a/b") is Permission.READ
    for method, path in (("POST", "/a/b"), ("GET", "/a/"), ("GET", "/a/b/c")):
        assert doors.permission(method, path) is None
    doors.check()


def test_a_route_cannot_be_added_without() -> None:
    _, doors = made()
    with pytest.raises(TypeError):
        doors.route("GET /b")  # type: ignore[call-arg]  # what is tested


def test_a_route_that_came_another_way_is_refused() -> None:
    app, doors = made()
    app.add_api_route("/b", _nothing)
    with pytest.raises(UnlabelledRouteError, match="GET /b"):
        doors.check()


def test_so_is_another_method_of_a_known_path() -> None:
    app, doors = made()
    app.add_api_route("/a/{name}", _nothing, methods=["GET", "POST"])
    with pytest.raises(UnlabelledRouteError, match=r"/a/\{name\}"):
        doors.check()


def test_so_are_mounts_and_routers_and_the_framework_s_own_pages() -> None:
    app, doors = made()
    app.router.routes.append(Mount("/static", app=FastAPI()))
    with pytest.raises(UnlabelledRouteError):
        doors.check()
    app, doors = made()
    router = APIRouter()
    router.add_api_route("/c", _nothing)
    app.include_router(router)
    with pytest.raises(UnlabelledRouteError):
        doors.check()
    with pytest.raises(UnlabelledRouteError, match="openapi"):
        Doors(FastAPI()).check()
