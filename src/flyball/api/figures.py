"""The control plane's figures, in Prometheus' text format."""

from __future__ import annotations

from flyball.api.doors import Doors
from flyball.app.controlplane import ControlPlane
from flyball.core.exposition import CONTENT_TYPE, gauge, render
from flyball.core.figures import Requests, process
from flyball.core.optional import extra
from flyball.governance import Permission

with extra("control"):
    from starlette.responses import Response


def add_figures(doors: Doors, plane: ControlPlane, *, requests: Requests) -> None:
    """What was counted since the process started."""

    @doors.route("GET /metrics", Permission.READ, shown=False)
    async def get_figures() -> Response:
        """All figures."""
        pulse = plane.pulse()
        own = [
            gauge("flyball_events_position", "The position of the last event in the log.", value=pulse.position),
            gauge("flyball_plan_revision", "The revision of the serving plan that stands.", value=pulse.plan),
        ]
        return Response(render([*own, *requests.families(), *process()]), media_type=CONTENT_TYPE.decode())
