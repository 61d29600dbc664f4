"""The app: routes, their permissions, and the rim around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from flyball.api import acting, reading
from flyball.api.annex import Annex
from flyball.api.crew import Crew
from flyball.api.desk import Desk
from flyball.api.doors import Doors
from flyball.api.entrance import Entrance
from flyball.api.errors import BodyFormError, BrokenJsonError, MethodError, NoSuchRouteError
from flyball.api.figures import add_figures
from flyball.api.intake import Intake
from flyball.api.landing import add_landing
from flyball.api.predictions import add_predictions
from flyball.api.rendering import answer, refusal
from flyball.api.rim import Keepers, Rim
from flyball.api.tokens import add_tokens
from flyball.api.traffic import add_traffic
from flyball.api.waiting import Waiting
from flyball.app.controlplane import ControlPlane
from flyball.core.clock import MonotonicTimer
from flyball.core.errors import FlyballError, InvalidError
from flyball.core.figures import Requests
from flyball.core.ids import Ids, RandomIds
from flyball.core.optional import extra
from flyball.governance import Permission
from flyball.governance.limits import Limiter, Rates

with extra("control"):
    from fastapi import FastAPI
    from fastapi.exceptions import RequestValidationError
    from starlette.exceptions import HTTPException
    from starlette.requests import Request
    from starlette.responses import Response

SHOWN_PROBLEMS = 3


@dataclass(frozen=True)
class Limits:
    """What one control plane takes on: bodies, threads, those who wait, and how often one caller comes."""

    body_bytes: int = 10 << 20
    body_seconds: float = 20.0
    quick_threads: int = 8
    slow_threads: int = 4
    queue: int = 128
    long_polls: int = 256
    rates: Rates = field(default_factory=Rates)


DEFAULT_LIMITS = Limits()


def create_app(
    plane: ControlPlane,
    entrance: Entrance,
    *,
    limits: Limits = DEFAULT_LIMITS,
    ids: Ids | None = None,
    annexes: Sequence[Annex] = (),
    console_url: str | None = None,
) -> FastAPI:
    """The HTTP door of `plane`, as an ASGI app for one event loop, for those whom `entrance` lets in; with `annexes` of the same loop.

    Its root leads browsers to `console_url`.
    """
    # The pages of FastAPI's documentation load scripts from elsewhere; the description itself is a route like any other.
    app = FastAPI(title="Flyball control plane", version="1", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    doors = Doors(app)
    quick = Crew("quick", hands=limits.quick_threads, queue=limits.queue)
    slow = Crew("slow", hands=limits.slow_threads, queue=limits.queue)
    waiting = Waiting(plane.pulse, quick, limit=limits.long_polls)
    plane.listen(waiting.tell)
    desk = Desk(plane, quick, slow, waiting, entrance.sessions)
    for add in (reading.add_models, reading.add_records, acting.add_releases, acting.add_ingest, acting.add_serving, acting.add_sessions):
        add(doors, desk)
    if entrance.tokens is not None:
        add_tokens(doors, desk, service=entrance.tokens)
    if plane.data is not None:
        from flyball.api.data import add_data

        add_data(doors, desk, data=plane.data)
    if plane.inbox is not None:
        add_predictions(doors, desk, inbox=plane.inbox)
    if plane.traffic is not None:
        add_traffic(doors, desk, traffic=plane.traffic)
    catalogue = plane.find_catalogue()
    if catalogue is not None:
        from flyball.api.querying import add_query  # it loads the engine of frames, which a server of runs has no use for

        add_query(doors, desk, catalogue=catalogue)
    requests = Requests()
    add_figures(doors, plane, requests=requests)
    add_landing(doors, console_url)
    _add_description(doors, app)
    _add_errors(app)
    limiter = Limiter(limits.rates, MonotonicTimer())
    intake = Intake(limits.body_bytes, limits.body_seconds)
    keepers = Keepers(entrance.boundary(), doors, intake, ids or RandomIds(), limiter, tuple(annexes), requests)
    app.add_middleware(Rim, keepers=keepers)
    app.state.doors, app.state.waiting = doors, waiting
    for annex in annexes:
        doors.adopt(annex.list())
    doors.check()
    return app


def _add_description(doors: Doors, app: FastAPI) -> None:
    @doors.route("GET /openapi.json", Permission.READ, shown=False)
    async def openapi() -> Response:
        """This description."""
        return answer(app.openapi())


def _add_errors(app: FastAPI) -> None:
    async def ours(_: Request, error: Exception) -> Response:
        assert isinstance(error, FlyballError)
        return refusal(error)

    async def malformed(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return refusal(_problem(error.errors()))

    async def framework(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return refusal(_translated(request, error))

    app.add_exception_handler(FlyballError, ours)
    app.add_exception_handler(RequestValidationError, malformed)
    app.add_exception_handler(HTTPException, framework)


def _problem(found: Any) -> InvalidError:
    broken = next((error for error in found if error["type"] == "json_invalid"), None)
    if broken is not None:
        return BrokenJsonError(str(broken.get("ctx", {}).get("error", "")))
    told = [f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in found[:SHOWN_PROBLEMS]]
    return BodyFormError([*told, *([f"and {len(found) - SHOWN_PROBLEMS} more"] if len(found) > SHOWN_PROBLEMS else [])])


def _translated(request: Request, error: HTTPException) -> FlyballError:
    match error.status_code:
        case 404:
            return NoSuchRouteError(request.url.path)
        case 405:
            return MethodError(request.method, request.url.path)
        case _:  # the framework could not read the body
            return BrokenJsonError()
