"""MLflow's scoring protocol, which SageMaker speaks too: data frames, instances, inputs or CSV in, predictions out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import version as version_of

import msgspec

from flyball.governance import Permission
from flyball.predict.dataplane import DataPlane
from flyball.predict.errors import InstancesError, UnsupportedError
from flyball.predict.frames import Form, of_csv, of_inputs, of_instances, of_split, parse
from flyball.predict.replies import JSON, Reply, of_json, of_text
from flyball.predict.request import Body, Request, Route
from flyball.serving.rowform import Rows

CSV = b"text/csv"
_PLAIN = b"text/plain; charset=utf-8"
_SHAPES: Mapping[str, Callable[[Form, msgspec.Raw], Rows]] = {
    "dataframe_split": of_split, "dataframe_records": of_instances, "instances": of_instances, "inputs": of_inputs,
}  # fmt: skip
_EMPTY = (b"{}", b"null", b"")


async def invoke(plane: DataPlane, request: Request) -> Reply:
    """What is predicted of each row; without a name that of the one endpoint."""
    target = plane.find(request.name)
    text = request.head.get(b"content-type", b"").lower().startswith(CSV)
    rows = of_csv(target.form, request.body) if text else _rows(target.form, request.body)
    answer = await plane.ask(target, rows, asker=request)
    return of_json({"predictions": answer.column(lambda part: part.predictions)})


def _rows(form: Form, body: bytes) -> Rows:
    fields = parse(body)
    given = [name for name in _SHAPES if name in fields]
    if len(given) != 1:
        found = " and ".join(given) or "none of them"
        raise InstancesError(f"there is {found}", wanted=f"one of {', '.join(_SHAPES)}")
    if bytes(fields.get("params", msgspec.Raw())) not in _EMPTY:
        raise UnsupportedError("parameters of an inference ('params')")
    return _SHAPES[given[0]](form, fields[given[0]])


async def ping(plane: DataPlane, request: Request) -> Reply:
    """Something is served."""
    del request
    plane.check_ready()
    return of_text("\n", _PLAIN)


async def version(plane: DataPlane, request: Request) -> Reply:
    """The server's version."""
    del plane, request
    return of_text(version_of("flyball"), _PLAIN)


ROUTES = (
    Route("POST", "/invocations", Permission.PREDICT, invoke, Body.ROWS, (JSON[1], CSV)),
    Route("POST", "/endpoints/{name}/invocations", Permission.PREDICT, invoke, Body.ROWS, (JSON[1], CSV)),
    Route("GET", "/ping", Permission.LIVENESS, ping),
    Route("GET", "/health", Permission.LIVENESS, ping),
    Route("GET", "/version", Permission.READ, version),
)
