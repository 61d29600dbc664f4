"""Endpoints of runs: their life, and what is logged to them."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from typing import cast

from flyball.api.mlflow import answers, forms
from flyball.api.mlflow.answers import Json
from flyball.api.mlflow.call import Call, distinct, mapping, run_of, text, within
from flyball.api.mlflow.errors import MissingValueError, WrongValueError
from flyball.api.mlflow.reading import Number, number
from flyball.tracking.experiment import ViewType
from flyball.tracking.limits import PARAM_LENGTH, TAG_LENGTH
from flyball.tracking.logged import LoggedPoint
from flyball.tracking.trackedrun import DatasetInput, Metric, ModelInput, ModelOutput

DONE = b"{}"
DEFAULT_RESULTS, MOST_RESULTS = 1000, 50_000
MODEL_HISTORY = "mlflow.log-model.history"
_MODEL_FIELDS = ("artifact_path", "flavors", "run_id", "utc_time_created")
_ONE_AT_A_TIME = threading.Lock()  # a tag is read, made longer and written: of two at once one would be lost


def create(call: Call, asked: forms.CreateRun) -> Json:
    """A new run, which is running."""
    if not asked.experiment_id:
        raise MissingValueError("experiment_id")
    made = call.runs.create(
        asked.experiment_id,
        name=asked.run_name or None,
        user=asked.user_id or "",
        start_ms=asked.start_time,
        tags=mapping("tags", asked.tags, longest=TAG_LENGTH),
    )
    return {"run": answers.run(made)}


def get(call: Call, asked: forms.OneRun) -> Json:
    """A run with the latest value of each metric."""
    return {"run": answers.run(call.services.tracking.runs.get(run_of(asked)))}


def update(call: Call, asked: forms.UpdateRun) -> Json:
    """The run has another status, end or name."""
    status = None if asked.status is None else answers.choice("status", asked.status, known=answers.ASKED_STATUS)
    head = call.runs.update(run_of(asked), status=status, end_ms=asked.end_time, name=asked.run_name or None)
    return {"run_info": answers.head(head)}


def delete(call: Call, asked: forms.OneRun) -> bytes:
    """The run is deleted, and can be restored."""
    call.runs.delete(run_of(asked))
    return DONE


def restore(call: Call, asked: forms.OneRun) -> bytes:
    """The run is active again."""
    call.runs.restore(run_of(asked))
    return DONE


def search(call: Call, asked: forms.SearchRuns) -> Json:
    """A page of runs."""
    view = ViewType.ACTIVE_ONLY
    if asked.run_view_type is not None:
        view = answers.choice("run_view_type", asked.run_view_type, known=answers.ASKED_VIEW)
    found = call.services.tracking.runs.until(call.gone).search(
        tuple(asked.experiment_ids or ()),
        filter=asked.filter or "",
        order_by=tuple(asked.order_by or ()),
        view=view,
        max_results=within("max_results", asked.max_results, default=DEFAULT_RESULTS, most=MOST_RESULTS),
        token=asked.page_token or None,
    )
    return answers.page("runs", map(answers.run, found.items), token=found.token)


def log_metric(call: Call, asked: forms.LogMetric) -> bytes:
    """One value of a metric is kept."""
    metric = Metric(
        key=text(asked.key),
        value=number("value", asked.value or 0.0),
        time_ms=asked.timestamp or 0,
        step=asked.step,
        model=asked.model_id or None,
        dataset_name=asked.dataset_name or None,
        dataset_digest=asked.dataset_digest or None,
    )
    call.services.tracking.runs.log_metric(run_of(asked), metric)
    return DONE


def log_param(call: Call, asked: forms.RunPair) -> bytes:
    """A parameter is kept, and never changes; one that is too long is cut, as MLflow's server does, so that no training ends for it."""
    call.services.tracking.runs.log_param(run_of(asked), text(asked.key), value=(asked.value or "")[:PARAM_LENGTH])
    return DONE


def set_tag(call: Call, asked: forms.RunPair) -> bytes:
    """The run has the tag, cut where it is too long."""
    call.services.tracking.runs.set_tag(run_of(asked), text(asked.key), value=(asked.value or "")[:TAG_LENGTH])
    return DONE


def delete_tag(call: Call, asked: forms.RunPair) -> bytes:
    """The run has the tag no more."""
    call.services.tracking.runs.delete_tag(run_of(asked), text(asked.key))
    return DONE


def log_batch(call: Call, asked: forms.LogBatch) -> bytes:
    """All of it is kept, or nothing."""
    call.services.tracking.runs.log_batch(
        run_of(asked),
        metrics=_metrics(asked.metrics or ()),
        params=distinct("params", asked.params, longest=PARAM_LENGTH),
        tags=mapping("tags", asked.tags, longest=TAG_LENGTH),
    )
    return DONE


def _metrics(asked: Sequence[forms.MetricForm]) -> Sequence[LoggedPoint]:
    for place, each in enumerate(asked):
        if not isinstance(each.value, float):
            each.value = number(f"metrics[{place}].value", _there(each.value, f"metrics[{place}].value"))
        if not each.key or each.time_ms is None:
            raise MissingValueError(f"metrics[{place}].{'timestamp' if each.key else 'key'}")
        if each.model == "":
            each.model = None
    return cast("Sequence[LoggedPoint]", asked)  # as they are now; a thousand copies would say nothing else


def _there(value: Number | None, path: str) -> Number:
    if value is None:
        raise MissingValueError(path)
    return value


def log_inputs(call: Call, asked: forms.LogInputs) -> bytes:
    """The run has read these datasets and models."""
    call.services.tracking.runs.log_inputs(
        run_of(asked),
        datasets=[_dataset(each, f"datasets[{place}].dataset") for place, each in enumerate(asked.datasets or ())],
        models=[ModelInput(model=_model(each, f"models[{place}].model_id")) for place, each in enumerate(asked.models or ())],
    )
    return DONE


def log_outputs(call: Call, asked: forms.LogOutputs) -> bytes:
    """The run has made these models."""
    made = [
        ModelOutput(model=_model(each, f"models[{place}].model_id"), step=each.step or 0) for place, each in enumerate(asked.models or ())
    ]
    call.services.tracking.runs.log_outputs(run_of(asked), models=made)
    return DONE


def _model(asked: forms.ModelForm, path: str) -> str:
    if not asked.model_id:
        raise MissingValueError(path)
    return asked.model_id


def _dataset(asked: forms.DatasetInputForm, path: str) -> DatasetInput:
    dataset = asked.dataset
    if dataset is None:
        raise MissingValueError(path)
    for name, value in (("name", dataset.name), ("digest", dataset.digest)):
        if not value:
            raise MissingValueError(f"{path}.{name}")
    return DatasetInput(
        name=dataset.name or "",
        digest=dataset.digest or "",
        source_type=dataset.source_type or "",
        source=dataset.source or "",
        schema=dataset.schema,
        profile=dataset.profile,
        tags=mapping(f"{path.removesuffix('dataset')}tags", asked.tags),
    )


def log_model(call: Call, asked: forms.LogModel) -> bytes:
    """The run's tag of logged models has one more; where it grows too long, the oldest go."""
    run, said = run_of(asked), asked.model_json or ""
    try:
        model = json.loads(said)
    except (ValueError, RecursionError) as error:
        raise WrongValueError("model_json", said, hint="it is no JSON.") from error
    if not isinstance(model, dict):
        raise WrongValueError("model_json", said, hint="it is no JSON object.")
    missing = [name for name in _MODEL_FIELDS if name not in model]
    if missing:
        raise WrongValueError("model_json", said, hint=f"Model json is missing mandatory fields: {', '.join(missing)}.")
    runs = call.services.tracking.runs
    with _ONE_AT_A_TIME:
        history = [*_known(runs.get(run).tags.get(MODEL_HISTORY)), model]
        while len(history) > 1 and len(json.dumps(history)) > TAG_LENGTH:
            history.pop(0)
        runs.set_tag(run, MODEL_HISTORY, value=json.dumps(history))
    return DONE


def _known(tag: str | None) -> list[object]:
    try:
        found = json.loads(tag or "[]")
    except ValueError:
        return []
    return found if isinstance(found, list) else []
