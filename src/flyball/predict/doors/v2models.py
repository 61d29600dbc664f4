"""What the Open Inference Protocol tells of a server and its models over HTTP: health, metadata, statistics, configuration."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version as version_of
from typing import Any

from flyball.governance import Permission
from flyball.predict.dataplane import DataPlane
from flyball.predict.errors import NotReadyError
from flyball.predict.replies import Dialect, Reply, of_error, of_json
from flyball.predict.request import Request, Route
from flyball.predict.signature import TensorSpec
from flyball.predict.statistics import ModelStatistics, Spent

EXTENSIONS = ("binary_tensor_data", "model_repository", "model_repository(unload_dependents)", "model_configuration", "statistics")


async def live(plane: DataPlane, request: Request) -> Reply:
    """The process lives."""
    del plane, request
    return of_json({"live": True})


async def ready(plane: DataPlane, request: Request) -> Reply:
    """A plan is in force."""
    del request
    try:
        plane.check_ready()
    except NotReadyError as error:
        return of_error(error, Dialect.INFERENCE, beside={"live": True, "ready": False})
    return of_json({"live": True, "ready": True})


async def server(plane: DataPlane, request: Request) -> Reply:
    """Who answers, and which extensions it speaks."""
    del plane, request
    return of_json({"name": "flyball", "version": version_of("flyball"), "extensions": EXTENSIONS})


async def model_ready(plane: DataPlane, request: Request) -> Reply:
    """A version answers."""
    plane.find(request.name, request.version)
    return of_json({"name": request.name, "ready": True})


async def metadata(plane: DataPlane, request: Request) -> Reply:
    """What the model takes and gives."""
    found = plane.metadata(request.name, request.version)
    return of_json({
        "name": found.name, "versions": found.versions, "platform": found.platform, "inputs": found.inputs, "outputs": found.outputs,
        "parameters": {**found.facts, "optional_inputs": found.optional} if found.optional else found.facts,
    })  # fmt: skip


async def statistics(plane: DataPlane, request: Request) -> Reply:
    """What was counted since the start; what is not counted apart stands as 0."""
    return of_json({"model_stats": [_told(found) for found in await plane.statistics(request.name, request.version)]})


async def config(plane: DataPlane, request: Request) -> Reply:
    """The model as Triton would configure it."""
    found = plane.metadata(request.name, request.version)
    optional = [{**told, "optional": True} for told in _configured(found.optional)]
    return of_json({
        "name": found.name, "platform": found.platform, "backend": "flyball", "max_batch_size": 0,
        "version_policy": {"specific": {"versions": [int(number) for number in found.versions]}},
        "input": [*_configured(found.inputs), *optional], "output": _configured(found.outputs),
        "instance_group": [{"kind": "KIND_CPU", "count": 1}],
    })  # fmt: skip


async def index(plane: DataPlane, request: Request) -> Reply:
    """The models of the repository, in KServe's words for a list."""
    del request
    return of_json({"models": plane.names()})


def _configured(specs: Sequence[TensorSpec]) -> list[dict[str, Any]]:
    names = {"BYTES": "STRING"}
    return [{"name": spec.name, "data_type": f"TYPE_{names.get(spec.datatype, spec.datatype)}", "dims": spec.shape} for spec in specs]


def _told(found: ModelStatistics) -> dict[str, Any]:
    stats = {
        "success": found.success, "fail": found.fail, "queue": found.queue, "compute_input": found.inputs, "compute_infer": found.infer,
        "compute_output": found.outputs, "cache_hit": Spent(), "cache_miss": Spent(),
    }  # fmt: skip
    return {
        "name": found.name, "version": found.version, "last_inference": 0, "inference_count": found.success.count,
        "execution_count": found.calls, "inference_stats": stats, "batch_stats": [],
    }  # fmt: skip


_ONE, _VERSION = "/v2/models/{name}", "/v2/models/{name}/versions/{version}"
ROUTES = (
    Route("GET", "/v2", Permission.READ, server),
    Route("GET", "/v2/health/live", Permission.LIVENESS, live),
    Route("GET", "/v2/health/ready", Permission.LIVENESS, ready),
    Route("GET", "/v2/models", Permission.READ, index),
    Route("GET", "/v2/models/stats", Permission.READ, statistics),
    *(
        Route("GET", f"{model}{path}", Permission.READ, answer)
        for model in (_ONE, _VERSION)
        for path, answer in (("", metadata), ("/ready", model_ready), ("/stats", statistics), ("/config", config))
    ),
)
