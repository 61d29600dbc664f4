"""Our own door: rows in JSON or as an Arrow stream, answers in kind."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qs

import msgspec

from flyball.governance import Permission
from flyball.predict import arrow
from flyball.predict.dataplane import DataPlane, Target
from flyball.predict.replies import JSON, Reply, of_bytes, of_json
from flyball.predict.request import Body, Request, Route
from flyball.serving.asked import Answer
from flyball.serving.rowform import RowForm

_YES = (b"true", b"1")


async def predict(plane: DataPlane, request: Request) -> Reply:
    """A prediction for each row."""
    target = _target(plane, request)
    if request.head.get(b"content-type") == arrow.KIND:
        return await _predict_columns(plane, request)
    form = target.form if isinstance(target.form, RowForm) else target.form.find(request.body)
    answer = await plane.ask(target, form.decode(request.body), asker=request)
    return _in_arrow(answer) if arrow.KIND in request.head.get(b"accept", b"") else of_json(answer.told())


async def _predict_columns(plane: DataPlane, request: Request) -> Reply:
    columns = arrow.read(request.body)
    answer = await plane.ask_columns(_target(plane, request), columns, asker=request)
    return of_json(answer.told()) if request.head.get(b"accept", b"").startswith(JSON[1]) else _in_arrow(answer)


def _in_arrow(answer: Answer) -> Reply:
    return of_bytes(arrow.render(answer), arrow.KIND)


def _target(plane: DataPlane, request: Request) -> Target:
    """Who is asked, and with ``?ages=true`` that the answer is to tell how old looked-up values are."""
    target = plane.find(request.name)
    if not request.query or parse_qs(request.query).get(b"ages", [b""])[-1] not in _YES:
        return target
    return msgspec.structs.replace(target, wants=replace(target.wants, ages=True))


ROUTES = (Route("POST", "/predict/{name}", Permission.PREDICT, predict, Body.ROWS, (JSON[1], arrow.KIND)),)
