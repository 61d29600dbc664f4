"""Our own door: rows in JSON or as an Arrow stream, answers in kind."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qs

import msgspec

from flyball.governance import Permission
from flyball.predict import arrow
from flyball.predict.dataplane import DataPlane, Target
from flyball.predict.replies import JSON, Reply, of_bytes, of_json
from flyball.predict.request import Asking, Body, Request, Route
from flyball.serving.asked import Answer
from flyball.serving.rowform import RowForm

_YES = (b"true", b"1")


async def predict(plane: DataPlane, request: Request) -> Reply:
    """A prediction for each row."""
    asking = begin(plane, request)
    return asking.render(await plane.ask(asking.target, asking.rows, asker=request))


def begin(plane: DataPlane, request: Request) -> Asking:
    """The rows, and in which kind they are answered."""
    target, accepted = _target(plane, request), request.head.get(b"accept", b"")
    if request.head.get(b"content-type") == arrow.KIND:
        rows = plane.rows_of(target, arrow.read(request.body))
        return Asking(target, rows, _in_json if accepted.startswith(JSON[1]) else _in_arrow)
    form = target.form if isinstance(target.form, RowForm) else target.form.find(request.body)
    return Asking(target, form.decode(request.body), _in_arrow if arrow.KIND in accepted else _in_json)


def _in_json(answer: Answer) -> Reply:
    return of_json(answer.told())


def _in_arrow(answer: Answer) -> Reply:
    return of_bytes(arrow.render(answer), arrow.KIND)


def _target(plane: DataPlane, request: Request) -> Target:
    """Who is asked, and with ``?ages=true`` that the answer is to tell how old looked-up values are."""
    target = plane.find(request.name)
    if not request.query or parse_qs(request.query).get(b"ages", [b""])[-1] not in _YES:
        return target
    return msgspec.structs.replace(target, wants=replace(target.wants, ages=True))


ROUTES = (Route("POST", "/predict/{name}", Permission.PREDICT, predict, Body.ROWS, (JSON[1], arrow.KIND), begin),)
