"""Our own door: rows in JSON or as an Arrow stream, answers in kind."""

from __future__ import annotations

from flyball.governance import Permission
from flyball.predict.dataplane import DataPlane
from flyball.predict.replies import Reply, of_json
from flyball.predict.request import Body, Request, Route
from flyball.serving.rowform import RowForm

JSON = b"application/json"


async def predict(plane: DataPlane, request: Request) -> Reply:
    """A prediction for each row."""
    target = plane.find(request.name)
    form = target.form if isinstance(target.form, RowForm) else target.form.find(request.body)
    answer = await plane.ask(target, form.decode(request.body), request)
    return of_json(answer.told())


ROUTES = (Route("POST", "/predict/{name}", Permission.PREDICT, predict, Body.ROWS, (JSON,)),)
