"""The model repository extension of the Open Inference Protocol: what there is, and loading and unloading it."""

from __future__ import annotations

from typing import Any

import msgspec

from flyball.governance import Permission
from flyball.predict.dataplane import DataPlane
from flyball.predict.errors import RepositoryRequestError, UnsupportedError
from flyball.predict.replies import Reply, of_json
from flyball.predict.request import Body, Request, Route


class IndexRequest(msgspec.Struct):
    """Which models are asked for."""

    ready: bool = False


class LoadRequest(msgspec.Struct):
    """How to load; nothing of a request decides what a model is."""

    parameters: dict[str, Any] = {}


_INDEX, _LOAD = msgspec.json.Decoder(IndexRequest), msgspec.json.Decoder(LoadRequest)


async def index(plane: DataPlane, request: Request) -> Reply:
    """Every model with its versions and whether they answer."""
    return of_json(plane.index(ready=_read(_INDEX, request.body).ready))


async def load(plane: DataPlane, request: Request) -> Reply:
    """The model answers again."""
    asked: LoadRequest = _read(_LOAD, request.body)
    if asked.parameters:
        raise UnsupportedError("models that a request describes; what is loaded is what has been released")
    await plane.load(request.name)
    return of_json({})


async def unload(plane: DataPlane, request: Request) -> Reply:
    """The model answers nobody until it is loaded again."""
    _read(_LOAD, request.body)  # `unload_dependents` says nothing here: no model depends on another
    await plane.unload(request.name)
    return of_json({})


def _read(decoder: msgspec.json.Decoder[Any], body: bytes) -> Any:
    try:
        return decoder.decode(body or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RepositoryRequestError(str(error)) from error


ROUTES = (
    Route("POST", "/v2/repository/index", Permission.READ, index, Body.ANY),
    Route("POST", "/v2/repository/models/{name}/load", Permission.RELEASE, load, Body.ANY),
    Route("POST", "/v2/repository/models/{name}/unload", Permission.RELEASE, unload, Body.ANY),
)
