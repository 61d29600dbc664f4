"""A model's files on their way to a control plane: a run takes them, and the next version of a registered model is made of them.

By MLflow's routes, which any client of MLflow's writes by. Nothing is a version before all its files are there.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import quote

from flyball.client.errors import ClientError
from flyball.client.wire import Ask, Json, Wire

_API, _FILES = "/api/2.0/mlflow", "/api/2.0/mlflow-artifacts/artifacts"
_SCHEME = "mlflow-artifacts:/"
_THERE = "RESOURCE_ALREADY_EXISTS"
_EXPERIMENT, _PLACE = "0", "model"
_BYTES_PER_SECOND = 1 << 20
"""So slow a line may be."""
_REGISTER_SECONDS = 120.0


def upload_model(wire: Wire, name: str, *, files: Mapping[str, bytes], told_from: str, tags: Mapping[str, str]) -> Json:
    """The version that was made, as MLflow has it; the registered model is made where there is none.

    Raises:
        ClientError: it was refused, or nobody answers; no version was made then, as far as one knows.
    """
    try:
        _post(wire, "registered-models/create", body={"name": name})
    except ClientError as error:
        if error.server_code != _THERE:  # else this is the next version of it
            raise
    pairs = [{"key": key, "value": value} for key, value in tags.items()]
    asked = {"experiment_id": _EXPERIMENT, "run_name": f"import {told_from}"[:250], "tags": pairs}
    info = _post(wire, "runs/create", body=asked)["run"]["info"]
    run, root = str(info["run_id"]), str(info["artifact_uri"]).removeprefix(_SCHEME).strip("/")
    try:
        for path, content in files.items():
            place = f"{_FILES}/{quote(f'{root}/{_PLACE}/{path}')}"
            seconds = len(content) / _BYTES_PER_SECOND
            wire.send(Ask("PUT", place, body=content, headers={"Content-Type": "application/octet-stream"}, wait_seconds=seconds))
        source = {"name": name, "source": f"runs:/{run}/{_PLACE}", "run_id": run}
        version: Json = _post(wire, "model-versions/create", body=source, seconds=_REGISTER_SECONDS)["model_version"]
    except BaseException:
        with suppress(ClientError):
            _post(wire, "runs/update", body={"run_id": run, "status": "FAILED"})
        raise
    _post(wire, "runs/update", body={"run_id": run, "status": "FINISHED"})
    return version


def _post(wire: Wire, path: str, *, body: Json, seconds: float = 0.0) -> Json:
    return wire.ask(Ask("POST", f"{_API}/{path}", body=body, wait_seconds=seconds))
