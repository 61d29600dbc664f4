"""Our own door: rows in JSON or as an Arrow stream, answers in kind."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from urllib.parse import parse_qs

import msgspec

from flyball.governance import Permission
from flyball.predict import arrow
from flyball.predict.dataplane import DataPlane
from flyball.predict.headers import pack
from flyball.predict.replies import JSON, Reply, of_bytes, of_json
from flyball.predict.request import Asking, Body, Request, Route
from flyball.predict.sheaves import ArrowSheaf, JsonSheaf
from flyball.predict.target import Target
from flyball.serving.asked import Answer
from flyball.serving.rowform import MAX_ROWS, RowForm

_YES = ("true", "1")
_SHORT_BYTES = 64 << 10
"""A longer stream is read in a thread."""


async def predict(plane: DataPlane, request: Request) -> Reply:
    """A prediction for each row."""
    if request.head.get(b"content-type") == arrow.KIND:
        return await _predict_columns(plane, request)
    asking = begin(plane, request)
    return asking.render(await plane.ask(asking.target, asking.rows, asker=request))


def begin(plane: DataPlane, request: Request) -> Asking:
    """The rows of a request in JSON, and in which kind they are answered."""
    target, accepted = _target(plane, request), request.head.get(b"accept", b"")
    form = target.form if isinstance(target.form, RowForm) else target.form.find(request.body)
    return Asking(target, form.decode(request.body), _in_arrow if arrow.KIND in accepted else _in_json)


async def _predict_columns(plane: DataPlane, request: Request) -> Reply:
    target, most, body = _target(plane, request), max(MAX_ROWS, plane.bulk.most_rows), request.body
    columns = arrow.read(body, most_rows=most) if len(body) <= _SHORT_BYTES else await asyncio.to_thread(arrow.read, body, most_rows=most)
    in_json = request.head.get(b"accept", b"").startswith(JSON[1])
    if max(map(len, columns.values()), default=0) <= MAX_ROWS:
        answer = await plane.ask_columns(target, columns, asker=request)
        return _in_json(answer) if in_json else _in_arrow(answer)
    sheaf = JsonSheaf() if in_json else ArrowSheaf()
    await plane.bulk.answer(target, columns, asker=request, take=sheaf.add)

    def rendered() -> Reply:
        reply = sheaf.reply()
        pack(reply, request.head)  # so much takes its time
        return reply

    return await asyncio.to_thread(rendered)


def _in_json(answer: Answer) -> Reply:
    return of_json(answer.told())


def _in_arrow(answer: Answer) -> Reply:
    return of_bytes(arrow.render(answer), arrow.KIND)


def _target(plane: DataPlane, request: Request) -> Target:
    """Who is asked, and with ``?ages=true`` that the answer is to tell how old looked-up values are."""
    target = plane.find(request.name)
    if not request.query or parse_qs(request.query.decode("latin-1")).get("ages", [""])[-1] not in _YES:
        return target
    return msgspec.structs.replace(target, wants=replace(target.wants, ages=True))


ROUTES = (Route("POST", "/predict/{name}", Permission.PREDICT, predict, Body.ROWS, (JSON[1], arrow.KIND), begin),)
