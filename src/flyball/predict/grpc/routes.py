"""What each method of the services answers: parse, call the data plane, render."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache
from importlib.metadata import version
from typing import Any, TypeAlias

import msgspec

from flyball.core.errors import UnavailableError
from flyball.governance import Permission
from flyball.predict.dataplane import DataPlane
from flyball.predict.errors import UnsupportedError
from flyball.predict.grpc.contents import parameters_of, put_outputs, put_parameter, tensors_of
from flyball.predict.grpc.messages import Method, message, methods, of_inference
from flyball.predict.parameters import check_parameters
from flyball.predict.signature import TensorSpec

INFERENCE, HEALTH = "inference.GRPCInferenceService", "grpc.health.v1.Health"
EXTENSIONS = ("model_repository", "model_repository(unload_dependents)", "model_configuration", "statistics")
SERVER = "flyball"
_SERVING, _NOT_SERVING = 1, 2
_DATA_TYPES = {"BYTES": "TYPE_STRING"}


class Call(msgspec.Struct, gc=False):
    """One message, who sent it, and since when it is here."""

    message: Any
    arrived: float
    principal: str
    trace: str


Answering: TypeAlias = Callable[[DataPlane, Call], Awaitable[Any]]


class Route(msgspec.Struct, frozen=True):
    """A method, who may call it, and what answers."""

    method: Method
    permission: Permission
    answer: Answering


async def live(plane: DataPlane, call: Call) -> Any:
    """The process lives."""
    del plane, call
    return of_inference("ServerLiveResponse")(live=True)


async def ready(plane: DataPlane, call: Call) -> Any:
    """Whether a plan is in force."""
    del call
    return of_inference("ServerReadyResponse")(ready=_is_ready(plane.check_ready))


async def check(plane: DataPlane, call: Call) -> Any:
    """The same for probes of orchestrators, whatever service they name."""
    del call
    return message("grpc.health.v1.HealthCheckResponse")(status=_SERVING if _is_ready(plane.check_ready) else _NOT_SERVING)


async def server(plane: DataPlane, call: Call) -> Any:
    """What the server is called, and what it offers beside inference."""
    del plane, call
    return of_inference("ServerMetadataResponse")(name=SERVER, version=_version(), extensions=EXTENSIONS)


@cache
def _version() -> str:
    return version(SERVER)


async def model_ready(plane: DataPlane, call: Call) -> Any:
    """Whether the model answers; one that there is not is an error."""
    return of_inference("ModelReadyResponse")(ready=_is_ready(lambda: plane.find(call.message.name, call.message.version)))


def _is_ready(look: Callable[[], object]) -> bool:
    try:
        look()
    except UnavailableError:
        return False
    return True


async def model(plane: DataPlane, call: Call) -> Any:
    """What the model takes and gives."""
    found = plane.metadata(call.message.name, call.message.version)
    answer = of_inference("ModelMetadataResponse")(name=found.name, versions=found.versions, platform=found.platform)
    for spec in found.inputs:
        answer.inputs.add(name=spec.name, datatype=spec.datatype, shape=spec.shape)
    for spec in found.outputs:
        answer.outputs.add(name=spec.name, datatype=spec.datatype, shape=spec.shape)
    return answer


async def config(plane: DataPlane, call: Call) -> Any:
    """The same as Triton's tools read it."""
    found = plane.metadata(call.message.name, call.message.version)
    answer = of_inference("ModelConfigResponse")()
    answer.config.name, answer.config.platform, answer.config.backend = found.name, found.platform, SERVER
    for spec in found.inputs:
        answer.config.input.add(name=spec.name, data_type=_data_type(spec), dims=spec.shape)
    for spec in found.optional:
        answer.config.input.add(name=spec.name, data_type=_data_type(spec), dims=spec.shape, optional=True)
    for spec in found.outputs:
        answer.config.output.add(name=spec.name, data_type=_data_type(spec), dims=spec.shape)
    return answer


def _data_type(spec: TensorSpec) -> str:
    return _DATA_TYPES.get(spec.datatype, f"TYPE_{spec.datatype}")


async def statistics(plane: DataPlane, call: Call) -> Any:
    """What was counted of the model's versions, or of all models."""
    answer = of_inference("ModelStatisticsResponse")()
    for found in await plane.statistics(call.message.name, call.message.version):
        told = answer.model_stats.add(
            name=found.name, version=found.version, inference_count=found.success.count, execution_count=found.calls
        )  # fmt: skip
        stats = told.inference_stats
        for into, spent in (
            (stats.success, found.success), (stats.fail, found.fail), (stats.queue, found.queue), (stats.compute_input, found.inputs),
            (stats.compute_infer, found.infer), (stats.compute_output, found.outputs),
        ):  # fmt: skip
            into.count, into.ns = spent.count, spent.ns
    return answer


async def infer(plane: DataPlane, call: Call) -> Any:
    """Predictions for the rows of the tensors."""
    target = plane.find(call.message.model_name, call.message.model_version)
    parameters = parameters_of(call.message.parameters)
    for given in (parameters, *(parameters_of(output.parameters) for output in call.message.outputs)):
        check_parameters(given)
    wanted = [output.name for output in call.message.outputs]
    found = await plane.infer(target, tensors_of(call.message), asker=call, wanted=wanted, parameters=parameters)
    answer = of_inference("ModelInferResponse")(model_name=found.name, id=call.message.id)
    put_parameter(answer.parameters["route"], found.route)
    if found.version is not None:
        answer.model_version = str(found.version)
        put_parameter(answer.parameters["version"], found.version)
    put_outputs(answer, found.outputs, raw=bool(call.message.raw_input_contents))
    return answer


async def index(plane: DataPlane, call: Call) -> Any:
    """All models with their versions."""
    answer = of_inference("RepositoryIndexResponse")()
    for entry in plane.index(ready=call.message.ready):
        answer.models.add(name=entry.name, version=entry.version, state=entry.state, reason=entry.reason)
    return answer


async def load(plane: DataPlane, call: Call) -> Any:
    """The model answers when this does."""
    name = _named(call.message)
    await plane.load(name)
    return of_inference("RepositoryModelLoadResponse")(model_name=name, isLoaded=True)


async def unload(plane: DataPlane, call: Call) -> Any:
    """The model answers nobody when this does."""
    name = _named(call.message)
    await plane.unload(name)
    return of_inference("RepositoryModelUnloadResponse")(model_name=name, isUnloaded=True)


def _named(request: Any) -> str:
    """The model that is meant: KServe's clients name it where the others name the repository, of which there is one."""
    unknown = sorted(set(request.parameters) - {"unload_dependents"})
    if unknown:
        raise UnsupportedError(f"the parameter {unknown[0][:40]!r} of the model repository")
    return request.model_name or request.repository_name  # type: ignore[no-any-return]  # messages have no types


_INFERENCE = methods(INFERENCE)
_INFER = _INFERENCE["ModelInfer"]
ROUTES = (
    Route(methods(HEALTH)["Check"], Permission.LIVENESS, check),
    Route(_INFERENCE["ServerLive"], Permission.LIVENESS, live),
    Route(_INFERENCE["ServerReady"], Permission.LIVENESS, ready),
    Route(_INFERENCE["ServerMetadata"], Permission.READ, server),
    Route(_INFERENCE["ModelReady"], Permission.READ, model_ready),
    Route(_INFERENCE["ModelMetadata"], Permission.READ, model),
    Route(_INFERENCE["ModelConfig"], Permission.READ, config),
    Route(_INFERENCE["ModelStatistics"], Permission.READ, statistics),
    Route(_INFER, Permission.PREDICT, infer),
    Route(_INFERENCE["ModelStreamInfer"], Permission.PREDICT, infer),
    Route(_INFERENCE["RepositoryIndex"], Permission.READ, index),
    Route(_INFERENCE["RepositoryModelLoad"], Permission.RELEASE, load),
    Route(_INFERENCE["RepositoryModelUnload"], Permission.RELEASE, unload),
)
