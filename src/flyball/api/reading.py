"""Routes that look: status, models, windows, versions, events, datasets, predictions, parity."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial

from flyball.api.bodies import After, Limit, Name, OfModel, Wait
from flyball.api.desk import Desk
from flyball.api.doors import Doors
from flyball.api.rendering import answer
from flyball.app.controlplane import EventPage, Pulse
from flyball.core.optional import extra
from flyball.governance import Permission

with extra("control"):
    from starlette.requests import Request
    from starlette.responses import Response


def add_models(doors: Doors, desk: Desk) -> None:
    """Status, models, and what belongs to a model."""
    plane = desk.plane

    @doors.route("GET /healthz", Permission.LIVENESS)
    async def healthz() -> Response:
        """The process lives."""
        return answer({"status": "ok"})

    @doors.route("GET /api/v1/status", Permission.READ)
    async def get_status() -> Response:
        """The project, its clock, its processes, its disk, and what it is doing."""
        return await desk.tell(plane.get_status)

    @doors.route("GET /api/v1/models", Permission.READ)
    async def list_models() -> Response:
        """Every model with its loop, champion, canary and traffic."""
        return await desk.tell(plane.list_models)

    @doors.route("GET /api/v1/models/{name}", Permission.READ)
    async def get_model(name: Name) -> Response:
        """One model with its loop, champion, canary and traffic."""
        return await desk.tell(lambda: plane.get_model(name))

    @doors.route("GET /api/v1/models/{name}/windows", Permission.READ)
    async def list_windows(name: Name) -> Response:
        """A model's monitoring windows, ordered by start."""
        return await desk.tell(lambda: plane.list_windows(name))

    @doors.route("GET /api/v1/models/{name}/versions", Permission.READ)
    async def list_versions(name: Name) -> Response:
        """A model's versions with their evidence and gates, ordered by number."""
        return await desk.tell(lambda: plane.list_versions(name))


def add_records(doors: Doors, desk: Desk) -> None:
    """Events and their causes, datasets, predictions, parity."""
    plane = desk.plane

    @doors.route("GET /api/v1/events", Permission.READ)
    async def list_events(request: Request, *, after: After = 0, limit: Limit = 100, wait: Wait = 0, model: OfModel = None) -> Response:
        """Events after a position; with `wait` it answers when there are some, or none came in time."""
        return await _events(desk, request, page=EventPage(after, limit, model), wait=wait)

    @doors.route("GET /api/v1/events/{event}/causes", Permission.READ)
    async def list_causes(event: Name) -> Response:
        """The event, its cause, and so on to the one without a cause."""
        return await desk.tell(lambda: plane.list_causes(event))

    @doors.route("GET /api/v1/datasets", Permission.READ)
    async def list_datasets() -> Response:
        """Every dataset with its latest version."""
        return await desk.tell(plane.list_datasets)

    @doors.route("GET /api/v1/predictions/{prediction}", Permission.READ)
    async def get_prediction(prediction: Name) -> Response:
        """The trace of one prediction."""
        return await desk.tell(lambda: plane.get_prediction(prediction))

    @doors.route("GET /api/v1/parity", Permission.READ)
    async def find_parity() -> Response:
        """The last comparison of served vectors with offline ones."""
        return await desk.tell(plane.find_parity)


async def _events(desk: Desk, request: Request, *, page: EventPage, wait: float) -> Response:
    clock = asyncio.get_running_loop().time
    until = clock() + wait
    while True:
        found = await desk.quick.run(partial(desk.plane.list_events, page))
        left = until - clock()
        if found["events"] or left <= 0 or desk.waiting.stopped or await request.is_disconnected():
            return answer(found)
        page = replace(page, after=found["position"])
        await desk.waiting.until(partial(_beyond, page.after), left, gone=request.is_disconnected)


def _beyond(position: int, pulse: Pulse) -> bool:
    return pulse.position > position
