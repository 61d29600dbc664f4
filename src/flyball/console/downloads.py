"""What the pages' scripts and links fetch: rows of the table of runs, and files of runs as attachments, in the visitor's name."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING
from urllib.parse import unquote

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse

from flyball.client.errors import ClientError
from flyball.client.tracking import Query
from flyball.console.archive import Archive
from flyball.console.frame import Surroundings
from flyball.console.guard import SESSION
from flyball.console.plainpages import refused_page
from flyball.console.runsview import Keys, RunsView, row
from flyball.core.errors import FlyballError

if TYPE_CHECKING:
    import httpx

MOST_ROWS = 1000
_CHUNK = 1 << 18
_GIVEN = ("content-type", "content-length", "content-disposition", "content-range", "accept-ranges", "etag")
_FORCED = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "sandbox; default-src 'none'",
    "cache-control": "private, no-cache",
}


def session_of(request: Request, *, logins: bool) -> str | None:
    """The session that the guard has let in, and no other; None where nobody logs in."""
    return str(request.scope.get(SESSION) or "none") if logins else None


def add_downloads(inside: FastAPI, around: Surroundings) -> None:
    """Their routes."""

    @inside.get("/data/runs")
    async def rows(request: Request) -> Response:
        archive = around.archives.of(session_of(request, logins=around.logins))
        try:
            return JSONResponse(await asyncio.to_thread(_rows, archive, request), headers={"cache-control": "no-store"})
        except FlyballError as error:
            return JSONResponse({"error": str(error)}, status_code=_status(error))

    @inside.get("/files/{run}/{path:path}")
    async def file(request: Request, run: str, *, path: str) -> Response:
        archive = around.archives.of(session_of(request, logins=around.logins))
        stack = ExitStack()
        try:
            opened = await asyncio.to_thread(stack.enter_context, archive.open_file(run, path, headers=dict(request.headers)))
        except FlyballError as error:
            return HTMLResponse(refused_page(unquote(path), error), status_code=_status(error))
        headers = {name: opened.headers[name] for name in _GIVEN if name in opened.headers}
        headers.setdefault("content-disposition", "attachment")
        return StreamingResponse(_flow(stack, opened), status_code=opened.status_code, headers={**headers, **_FORCED})


def _rows(archive: Archive, request: Request) -> dict[str, object]:
    asked = request.query_params
    view = RunsView.of(asked.multi_items())
    most = asked.get("rows", "")
    many = min(int(most), MOST_ROWS) if most.isascii() and most.isdigit() and len(most) < 6 else MOST_ROWS
    query = Query(view.filter, view.order_by(), max_results=max(many, 1), token=asked.get("page") or None)
    runs, token = archive.search_runs(view.experiments, query, deleted=view.deleted)
    named = {} if len(view.experiments) == 1 else {each.experiment_id: each.name for each in archive.list_experiments()}
    columns = view.columns or ()
    return {"rows": [row(run, columns, experiments=named) for run in runs], "next": token, "keys": dict(Keys.of(runs).columns)}


def _status(error: FlyballError) -> int:
    return (error.status or 503) if isinstance(error, ClientError) else 502


def _flow(stack: ExitStack, opened: httpx.Response) -> Iterator[bytes]:
    with stack:
        yield from opened.iter_raw(_CHUNK)
