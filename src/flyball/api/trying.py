"""Routes by which a person tries an endpoint from the console: which columns a request has, and what is answered to one."""

from __future__ import annotations

from typing import Annotated, Any

from flyball.api.bodies import Name, StrictBody
from flyball.api.desk import Desk
from flyball.api.doors import Doors
from flyball.app.trafficplane import TrafficPlane
from flyball.app.trying import MOST_ROWS
from flyball.core.optional import extra
from flyball.governance import Permission

with extra("control"):
    from pydantic import Field
    from starlette.responses import Response


class Trying(StrictBody):
    """Rows as `POST /predict/ENDPOINT` takes them."""

    rows: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MOST_ROWS)]


def add_trying(doors: Doors, desk: Desk, *, traffic: TrafficPlane) -> None:
    """What the home's model server takes, and what it answers."""

    @doors.route("GET /api/v1/endpoints/{endpoint}/inputs", Permission.READ)
    async def get_inputs(endpoint: Name) -> Response:
        """The columns that a request has, with types and examples."""
        return await desk.tell(lambda: traffic.get_inputs(endpoint), slow=True)

    @doors.route("POST /api/v1/endpoints/{endpoint}/try", Permission.PREDICT)
    async def try_rows(endpoint: Name, body: Trying) -> Response:
        """What the home's model server answers to these rows, which it logs as any other."""
        return await desk.tell(lambda: traffic.try_rows(endpoint, body.rows), slow=True)
