"""Routes by which predictions come in that were made elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flyball.api.bodies import Name
from flyball.api.desk import Desk
from flyball.api.doors import Doors
from flyball.api.errors import ContentTypeError
from flyball.api.rowbodies import sent
from flyball.app.predictioninbox import PredictionInbox
from flyball.core.optional import extra
from flyball.governance import Permission

with extra("control"):
    from starlette.requests import Request
    from starlette.responses import Response

ENTRIES = "application/msgpack"
_RECORDS: Mapping[str, Any] = {"type": "array", "items": {"type": "object"}, "minItems": 1, "maxItems": 10_000}
TYPES: Mapping[str, Any] = {
    "application/json": {"schema": {"type": "object", "properties": {"predictions": _RECORDS}, "required": ["predictions"]}},
    "application/x-ndjson": {"schema": {"type": "string"}},
    "application/vnd.apache.arrow.stream": {"schema": {"type": "string", "format": "binary"}},
}


def add_predictions(doors: Doors, desk: Desk, *, inbox: PredictionInbox) -> None:
    """Records of systems of others, and journals of model servers on other hosts."""

    @doors.route("POST /api/v1/predictions", Permission.INGEST, body=TYPES)
    async def post_predictions(request: Request) -> Response:
        """Take predictions that another system has made; each counts once, by its endpoint and id."""
        headers, content = request.headers, await request.body()
        return await desk.tell(lambda: inbox.take(sent(headers, content)), slow=True)

    @doors.route("GET /api/v1/predictions/journals/{server}", Permission.ADMIN)
    async def get_journal(server: Name) -> Response:
        """Up to which position the journal of that model server is here."""
        return await desk.tell(lambda: inbox.get_position(server))

    @doors.route(
        "POST /api/v1/predictions/journals/{server}", Permission.ADMIN, body={ENTRIES: {"schema": {"type": "string", "format": "binary"}}}
    )
    async def post_journal(request: Request, *, server: Name) -> Response:
        """Take entries of the journal of a model server on another host; each counts once, by its position."""
        kind = request.headers.get("content-type", "")
        if kind.strip().lower() != ENTRIES:
            raise ContentTypeError(kind, wanted=ENTRIES)
        content = await request.body()
        return await desk.tell(lambda: inbox.take_journal(server, content), slow=True)
