"""Routes of queries: SQL over the catalogue, answered as JSON or as one Arrow stream."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Annotated, Any

from flyball.api.bodies import StrictBody
from flyball.api.desk import Desk
from flyball.api.doors import Doors
from flyball.api.errors import OverloadedError
from flyball.api.rendering import answer
from flyball.app.querying import Catalogue, Question
from flyball.core.clock import parse_time
from flyball.core.optional import extra
from flyball.data.querying.errors import QueryAnswerTooLargeError
from flyball.governance import Permission

with extra("control"):
    from pydantic import Field
    from starlette.responses import Response

if TYPE_CHECKING:
    import polars as pl

ARROW = "application/vnd.apache.arrow.stream"
AT_ONCE = 2
MOST_BYTES = 256 << 20
_Sql = Annotated[str, Field(max_length=100_000, description="One SELECT over the catalogue.")]
_AsOf = Annotated[str | None, Field(max_length=40, description="What was known by then, in ISO 8601 with a zone. Default: now.")]


class Asked(StrictBody):
    """A query whose answer is read by a program or a page."""

    sql: _Sql
    as_of: _AsOf = None
    limit: Annotated[int, Field(ge=1, le=10_000, description="How many rows are answered at most.")] = 1000


class AskedWhole(StrictBody):
    """A query whose answer is wanted whole."""

    sql: _Sql
    as_of: _AsOf = None


def add_query(doors: Doors, desk: Desk, *, catalogue: Catalogue) -> None:
    """What one asks of datasets and predictions in SQL."""
    places = threading.Semaphore(AT_ONCE)

    @contextmanager
    def place() -> Iterator[None]:
        if not places.acquire(blocking=False):
            raise OverloadedError("queries")
        try:
            yield
        finally:
            places.release()

    def first_rows(asked: Asked) -> dict[str, Any]:
        with place():
            frame, more = _first(catalogue.stream(_question(asked.sql, asked.as_of)), asked.limit)
        columns = [{"name": name, "type": str(dtype)} for name, dtype in frame.schema.items()]
        return {"columns": columns, "rows": [list(map(_plain, row)) for row in frame.iter_rows()], "more": more}

    def whole(asked: AskedWhole) -> bytes:
        with place():
            return _arrow(catalogue.stream(_question(asked.sql, asked.as_of)))

    @doors.route("POST /api/v1/query", Permission.READ)
    async def query(*, body: Asked) -> Response:
        """{"columns": [{"name", "type"}], "rows": [[...]], "more"}: the first rows of the answer; the query may take a minute and 1 GB."""
        return answer(await desk.slow.run(lambda: first_rows(body)))

    @doors.route("POST /api/v1/query/arrow", Permission.READ)
    async def query_arrow(*, body: AskedWhole) -> Response:
        """The whole answer as one Arrow IPC stream, of 256 MiB at most."""
        content = await desk.slow.run(lambda: whole(body))
        return Response(content, media_type=ARROW, headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"})


def _question(sql: str, as_of: str | None) -> Question:
    return Question(sql=sql, as_of=None if as_of is None else parse_time(as_of, what="as_of"))


def _first(frames: Iterator[pl.DataFrame], limit: int) -> tuple[pl.DataFrame, bool]:
    import polars as pl

    parts, rows = list[pl.DataFrame](), 0
    for frame in frames:
        parts.append(frame)
        rows += frame.height
        if rows > limit:
            break
    return pl.concat(parts).head(limit), rows > limit


def _arrow(frames: Iterator[pl.DataFrame]) -> bytes:
    import polars as pl

    parts, size = list[pl.DataFrame](), 0
    for frame in frames:
        parts.append(frame)
        size += int(frame.estimated_size())
        if size > MOST_BYTES:
            raise QueryAnswerTooLargeError(MOST_BYTES)
    buffer = BytesIO()
    pl.concat(parts).write_ipc_stream(buffer, compression="zstd")
    return buffer.getvalue()


def _plain(value: Any) -> Any:
    """The cell as JSON can say it."""
    if isinstance(value, bytes):
        return value.hex()
    return value
