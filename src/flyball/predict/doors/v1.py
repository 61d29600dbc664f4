"""KServe's first protocol: a list of instances in, a list of predictions out."""

from __future__ import annotations

from flyball.governance import Permission
from flyball.predict.dataplane import DataPlane
from flyball.predict.errors import InstancesError
from flyball.predict.frames import of_inputs, of_instances, parse
from flyball.predict.replies import JSON, Reply, of_json
from flyball.predict.request import Body, Request, Route


async def predict(plane: DataPlane, request: Request) -> Reply:
    """What is predicted of each instance."""
    target = plane.find(request.name)
    fields = parse(request.body)
    if "instances" in fields:
        rows = of_instances(target.form, fields["instances"])
    elif "inputs" in fields:
        rows = of_inputs(target.form, fields["inputs"])
    else:
        raise InstancesError("there are no 'instances'", wanted='{"instances": [...]}')
    answer = await plane.ask(target, rows, asker=request)
    return of_json({"predictions": answer.column(lambda part: part.predictions)})


async def index(plane: DataPlane, request: Request) -> Reply:
    """The models that answer."""
    del request
    return of_json({"models": plane.names()})


async def ready(plane: DataPlane, request: Request) -> Reply:
    """The model answers."""
    plane.find(request.name)
    return of_json({"name": request.name, "ready": True})


ROUTES = (
    Route("POST", "/v1/models/{name}:predict", Permission.PREDICT, predict, Body.ROWS, (b"", JSON[1])),
    Route("GET", "/v1/models", Permission.READ, index),
    Route("GET", "/v1/models/{name}", Permission.READ, ready),
)
