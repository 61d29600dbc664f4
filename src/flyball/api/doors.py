"""Routes with their permissions: one cannot be added without the other, and an app that has one without the other is refused."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flyball.core.errors import ConflictError
from flyball.core.optional import extra
from flyball.governance import Permission

with extra("control"):
    from fastapi import FastAPI
    from starlette.responses import Response
    from starlette.routing import compile_path

Endpoint = Callable[..., Awaitable[Response]]


class UnlabelledRouteError(ConflictError):
    """A route that nobody said who may use."""

    code = "unlabelled-route"

    def __init__(self, route: str) -> None:
        super().__init__(f"The route {route} has no permission. Add it through Doors, which asks for one.")


@dataclass(frozen=True)
class Door:
    """One route and what it takes to use it."""

    method: str
    path: str
    permission: Permission
    form: re.Pattern[str]
    raw: bool = False


class Doors:
    """The one way to add a route to `app`."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._doors: list[Door] = []

    def route(
        self, route: str, permission: Permission, *, status: int = 200, shown: bool = True, body: Mapping[str, Any] | None = None
    ) -> Callable[[Endpoint], Endpoint]:
        """The decorator of an endpoint at `route`, as "GET /path".

        The endpoint's docstring is what OpenAPI says of it; `shown` is False for what OpenAPI leaves out. `body` is what OpenAPI says
        of a body that the endpoint reads by itself, of whatever type.
        """
        method, _, path = route.partition(" ")
        more = {} if body is None else {"requestBody": {"required": True, "content": body}}

        def add(endpoint: Endpoint) -> Endpoint:
            name = getattr(endpoint, "__name__", path)
            self._app.add_api_route(
                path,
                endpoint,
                methods=[method],
                status_code=status,
                response_model=None,
                response_class=Response,
                operation_id=name,
                include_in_schema=shown,
                openapi_extra={"x-permission": permission.value, **more},
            )
            self._doors.append(Door(method, path, permission, compile_path(path)[0], raw=body is not None))
            return endpoint

        return add

    def permission(self, method: str, path: str) -> Permission | None:
        """What it takes to use the route, or None where there is none. Paths match as the router matches them, so that none slips by."""
        return next((door.permission for door in self._doors if door.method == method and door.form.match(path)), None)

    def name(self, method: str, path: str) -> str:
        """The route as it was declared; "other" where there is none."""
        return next((door.path for door in self._doors if door.method == method and door.form.match(path)), "other")

    def is_raw(self, method: str, path: str) -> bool:
        """Whether the route reads bodies by itself."""
        return any(door.raw and door.method == method and door.form.match(path) for door in self._doors)

    def adopt(self, doors: Iterable[Door]) -> None:
        """Know the routes of an annex, which answers them itself."""
        self._doors.extend(doors)

    def list(self) -> list[Door]:
        """All routes, in the order in which they were added."""
        return list(self._doors)

    def check(self) -> None:
        """Refuse an app with a route that did not come through here.

        Raises:
            UnlabelledRouteError: there is one.
        """
        known = {(door.method, door.path) for door in self._doors}
        for route in self._app.routes:
            path, methods = _described(route)
            if not methods or any((method, path) not in known for method in methods):
                raise UnlabelledRouteError(f"{'|'.join(sorted(methods)) or type(route).__name__} {path}")


def _described(route: Any) -> tuple[str, set[str]]:
    return str(getattr(route, "path", "?")), set(getattr(route, "methods", None) or ())
