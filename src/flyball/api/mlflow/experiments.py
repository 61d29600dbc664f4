"""Endpoints of experiments."""

from __future__ import annotations

from flyball.api.mlflow import answers, forms
from flyball.api.mlflow.answers import Json
from flyball.api.mlflow.call import Call, mapping, text, within
from flyball.api.mlflow.errors import WrongValueError
from flyball.tracking.experiment import ViewType

DEFAULT_RESULTS, MOST_RESULTS = 1000, 50_000
OURS = "mlflow-artifacts:"


def create(call: Call, asked: forms.CreateExperiment) -> Json:
    """A new experiment."""
    location = asked.artifact_location or None
    if location is not None and location.lower().startswith(OURS):
        raise WrongValueError("artifact_location", location, hint="files of this server lie under the experiment's number: leave it out.")
    made = call.experiments.create(text(asked.name), artifact_location=location, tags=mapping("tags", asked.tags))
    return {"experiment_id": made.id}


def get(call: Call, asked: forms.OneExperiment) -> Json:
    """An experiment by its id."""
    return {"experiment": answers.experiment(call.services.tracking.experiments.get(text(asked.experiment_id)))}


def get_named(call: Call, asked: forms.NamedExperiment) -> Json:
    """An experiment by its name."""
    return {"experiment": answers.experiment(call.services.tracking.experiments.get_named(text(asked.experiment_name)))}


def search(call: Call, asked: forms.Search) -> Json:
    """A page of experiments."""
    view = ViewType.ACTIVE_ONLY if asked.view_type is None else answers.choice("view_type", asked.view_type, known=answers.ASKED_VIEW)
    found = call.services.tracking.experiments.search(
        filter=asked.filter or "",
        order_by=tuple(asked.order_by or ()),
        view=view,
        max_results=within("max_results", asked.max_results, default=DEFAULT_RESULTS, most=MOST_RESULTS),
        token=asked.page_token or None,
    )
    return answers.page("experiments", map(answers.experiment, found.items), token=found.token)


def rename(call: Call, asked: forms.RenameExperiment) -> Json:
    """The experiment has another name."""
    call.services.tracking.experiments.rename(text(asked.experiment_id), text(asked.new_name))
    return {}


def delete(call: Call, asked: forms.OneExperiment) -> Json:
    """The experiment is deleted, and can be restored."""
    call.experiments.delete(text(asked.experiment_id))
    return {}


def restore(call: Call, asked: forms.OneExperiment) -> Json:
    """The experiment is active again."""
    call.experiments.restore(text(asked.experiment_id))
    return {}


def set_tag(call: Call, asked: forms.ExperimentTag) -> Json:
    """The experiment has the tag."""
    call.services.tracking.experiments.set_tag(text(asked.experiment_id), text(asked.key), value=asked.value or "")
    return {}


def delete_tag(call: Call, asked: forms.ExperimentTag) -> Json:
    """The experiment has the tag no more."""
    call.services.tracking.experiments.delete_tag(text(asked.experiment_id), text(asked.key))
    return {}
