"""Endpoints of logged models: models as runs made them."""

from __future__ import annotations

from flyball.api.mlflow import answers, forms
from flyball.api.mlflow.answers import Json
from flyball.api.mlflow.call import Call, distinct, mapping, text
from flyball.api.mlflow.errors import MissingValueError, WrongValueError
from flyball.api.mlflow.reading import Nothing
from flyball.tracking.limits import PARAM_LENGTH, TAG_LENGTH

DEFAULT_RESULTS = 100


def create(call: Call, asked: forms.CreateLoggedModel) -> Json:
    """A new logged model, whose files are still to come."""
    made = call.services.tracking.models.create(
        text(asked.experiment_id),
        name=asked.name or None,
        model_type=asked.model_type or None,
        source_run=asked.source_run_id or None,
        params=distinct("params", asked.params, longest=PARAM_LENGTH),
        tags=mapping("tags", asked.tags, longest=TAG_LENGTH),
    )
    return {"model": answers.logged_model(made)}


def get(call: Call, asked: Nothing) -> Json:
    """A logged model."""
    del asked
    return {"model": answers.logged_model(call.services.tracking.models.get(call.args["model_id"]))}


def finalize(call: Call, asked: forms.FinalizeLoggedModel) -> Json:
    """The logged model is ready, or has failed."""
    status = answers.choice("status", asked.status or 0, known=answers.ASKED_MODEL_STATUS)
    return {"model": answers.logged_model(call.services.tracking.models.finalize(call.args["model_id"], status))}


def delete(call: Call, asked: Nothing) -> Json:
    """The logged model is deleted."""
    del asked
    call.services.tracking.models.delete(call.args["model_id"])
    return {}


def set_tags(call: Call, asked: forms.LoggedModelPairs) -> Json:
    """The logged model has the tags."""
    call.services.tracking.models.set_tags(call.args["model_id"], mapping("tags", asked.tags, longest=TAG_LENGTH))
    return {}


def delete_tag(call: Call, asked: Nothing) -> Json:
    """The logged model has the tag no more."""
    del asked
    call.services.tracking.models.delete_tag(call.args["model_id"], call.args["tag_key"])
    return {}


def log_params(call: Call, asked: forms.LoggedModelPairs) -> Json:
    """Parameters are kept, and never change."""
    call.services.tracking.models.log_params(call.args["model_id"], distinct("params", asked.params, longest=PARAM_LENGTH))
    return {}


def search(call: Call, asked: forms.SearchLoggedModels) -> Json:
    """A page of logged models; `max_results` 0 is the client's way to leave it out."""
    if asked.max_results is not None and asked.max_results < 0:
        raise WrongValueError("max_results", asked.max_results, hint="It must be a positive integer.")
    found = call.services.tracking.models.search(
        tuple(asked.experiment_ids or ()),
        datasets=[_dataset(each, place) for place, each in enumerate(asked.datasets or ())],
        filter=asked.filter or "",
        order_by=[_order(each, place) for place, each in enumerate(asked.order_by or ())],
        max_results=min(asked.max_results or DEFAULT_RESULTS, DEFAULT_RESULTS),
        token=asked.page_token or None,
    )
    return answers.page("models", map(answers.logged_model, found.items), token=found.token)


def _dataset(asked: forms.DatasetChoice, place: int) -> tuple[str, str | None]:
    if not asked.dataset_name:
        raise MissingValueError(f"datasets[{place}].dataset_name")
    return asked.dataset_name, asked.dataset_digest or None


def _order(asked: forms.OrderForm, place: int) -> dict[str, str | bool | None]:
    if not asked.field_name:
        raise MissingValueError(f"order_by[{place}].field_name")
    return {
        "field_name": asked.field_name,
        "ascending": asked.ascending is not False,
        "dataset_name": asked.dataset_name or None,
        "dataset_digest": asked.dataset_digest or None,
    }
