"""Values as MLflow's messages: the names, the enums and the numbers that its client reads back.

A number that JSON has no word for is the text that protobuf's JSON form has for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isfinite, isnan
from typing import Any

import msgspec

from flyball.api.mlflow.errors import WrongValueError
from flyball.tracking.experiment import Experiment, ViewType
from flyball.tracking.loggedmodel import LoggedModel, LoggedModelStatus
from flyball.tracking.model import RunStatus
from flyball.tracking.trackedrun import DatasetInput, Metric, RunHead, TrackedRun

Json = dict[str, Any]

STATUSES: Mapping[RunStatus, str] = {
    RunStatus.RUNNING: "RUNNING",
    RunStatus.SCHEDULED: "SCHEDULED",
    RunStatus.FINISHED: "FINISHED",
    RunStatus.FAILED: "FAILED",
    RunStatus.KILLED: "KILLED",
}
MODEL_STATUSES: Mapping[LoggedModelStatus, str] = {
    LoggedModelStatus.PENDING: "LOGGED_MODEL_PENDING",
    LoggedModelStatus.READY: "LOGGED_MODEL_READY",
    LoggedModelStatus.FAILED: "LOGGED_MODEL_UPLOAD_FAILED",
}
ASKED_STATUS: Mapping[int | str, RunStatus] = {
    **{name: status for status, name in STATUSES.items()},
    **dict(enumerate(STATUSES, 1)),
}
ASKED_MODEL_STATUS: Mapping[int | str, LoggedModelStatus] = {
    **{name: status for status, name in MODEL_STATUSES.items()},
    **dict(enumerate(MODEL_STATUSES, 1)),
}
ASKED_VIEW: Mapping[int | str, ViewType] = {
    **{name: ViewType[name] for name in ("ACTIVE_ONLY", "DELETED_ONLY", "ALL")},
    **dict(enumerate((ViewType.ACTIVE_ONLY, ViewType.DELETED_ONLY, ViewType.ALL), 1)),
}

encode = msgspec.json.Encoder().encode


class Plain(str):
    """An answer that is no JSON."""

    __slots__ = ()


def choice(parameter: str, value: int | str, *, known: Mapping[int | str, Any]) -> Any:
    """What an enum's name or number means; a number may come as a text.

    Raises:
        WrongValueError: it means nothing.
    """
    found = known.get(value)
    if found is None and isinstance(value, str) and value.isascii() and value.isdigit():
        found = known.get(int(value[:9]))
    if found is None:
        names = ", ".join(str(name) for name in known if isinstance(name, str))
        raise WrongValueError(parameter, value, hint=f"it is one of {names}.")
    return found


def number(value: float) -> float | str:
    """The number, or the text for one that JSON has no word for.

    >>> number(1.5), number(float("nan")), number(float("-inf"))
    (1.5, 'NaN', '-Infinity')
    """
    if isfinite(value):
        return value
    return "NaN" if isnan(value) else "Infinity" if value > 0 else "-Infinity"


def pairs(values: Mapping[str, str]) -> list[Json]:
    """Tags or parameters."""
    return [{"key": key, "value": value} for key, value in values.items()]


def metric(value: Metric) -> Json:
    """One value of a metric."""
    found: Json = {"key": value.key, "value": number(value.value), "timestamp": value.time_ms, "step": value.step}
    for name, more in (
        ("model_id", value.model),
        ("dataset_name", value.dataset_name),
        ("dataset_digest", value.dataset_digest),
        ("run_id", value.run),
    ):
        if more:
            found[name] = more
    return found


def experiment(value: Experiment) -> Json:
    """An experiment."""
    return {
        "experiment_id": value.id,
        "name": value.name,
        "artifact_location": value.artifact_location,
        "lifecycle_stage": value.lifecycle.value,
        "last_update_time": value.updated_ms,
        "creation_time": value.created_ms,
        "tags": pairs(value.tags),
    }


def head(value: RunHead) -> Json:
    """What stands of a run without what was logged to it."""
    found: Json = {
        "run_id": value.id,
        "run_uuid": value.id,
        "run_name": value.name,
        "experiment_id": value.experiment,
        "user_id": value.user,
        "status": STATUSES[value.status],
        "start_time": value.start_ms,
        "artifact_uri": value.artifact_uri,
        "lifecycle_stage": value.lifecycle.value,
    }
    if value.end_ms is not None:
        found["end_time"] = value.end_ms
    return found


def run(value: TrackedRun) -> Json:
    """A run with all that its own page shows."""
    data: Json = {}
    if value.metrics:
        data["metrics"] = [_latest(each) for each in value.metrics]
    if value.params:
        data["params"] = pairs(value.params)
    if value.tags:
        data["tags"] = pairs(value.tags)
    inputs: Json = {}
    if value.dataset_inputs:
        inputs["dataset_inputs"] = [_dataset_input(each) for each in value.dataset_inputs]
    if value.model_inputs:
        inputs["model_inputs"] = [{"model_id": each.model} for each in value.model_inputs]
    outputs: Json = {}
    if value.model_outputs:
        outputs["model_outputs"] = [{"model_id": each.model, "step": each.step} for each in value.model_outputs]
    return {"info": head(value.head), "data": data, "inputs": inputs, "outputs": outputs}


def _latest(value: Metric) -> Json:
    return {"key": value.key, "value": number(value.value), "timestamp": value.time_ms, "step": value.step}


def _dataset_input(value: DatasetInput) -> Json:
    dataset = {"name": value.name, "digest": value.digest, "source_type": value.source_type, "source": value.source}
    if value.schema is not None:
        dataset["schema"] = value.schema
    if value.profile is not None:
        dataset["profile"] = value.profile
    return {"tags": pairs(value.tags), "dataset": dataset}


def logged_model(value: LoggedModel) -> Json:
    """A logged model."""
    info: Json = {
        "model_id": value.id,
        "experiment_id": value.experiment,
        "name": value.name,
        "creation_timestamp_ms": value.created_ms,
        "last_updated_timestamp_ms": value.updated_ms,
        "artifact_uri": value.artifact_uri,
        "status": MODEL_STATUSES[value.status],
        "model_type": value.model_type or "",
        "source_run_id": value.source_run or "",
        "tags": pairs(value.tags),
    }
    if value.status_message:
        info["status_message"] = value.status_message
    return {"info": info, "data": {"params": pairs(value.params), "metrics": [metric(each) for each in value.metrics]}}


def page(name: str, items: Iterable[Json], *, token: str | None) -> Json:
    """One page of a longer answer."""
    found: Json = {name: list(items)}
    if token:
        found["next_page_token"] = token
    return found
