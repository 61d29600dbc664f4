"""Whether the server lives, and what it counted."""

from __future__ import annotations

from flyball.core.exposition import CONTENT_TYPE, render
from flyball.governance import Permission
from flyball.predict.dataplane import DataPlane
from flyball.predict.replies import Reply, of_json, of_text
from flyball.predict.request import Request, Route


async def live(plane: DataPlane, request: Request) -> Reply:
    """The process lives."""
    del plane, request
    return of_json({"status": "ok"})


async def alive(plane: DataPlane, request: Request) -> Reply:
    """The same in the words of KServe's first protocol."""
    del plane, request
    return of_json({"status": "alive"})


async def metrics(plane: DataPlane, request: Request) -> Reply:
    """What was counted since the start."""
    del request
    return of_text(render(await plane.figures()), CONTENT_TYPE)


ROUTES = (
    Route("GET", "/healthz", Permission.LIVENESS, live),
    Route("GET", "/metrics", Permission.READ, metrics),
    Route("GET", "/", Permission.LIVENESS, alive),
)
