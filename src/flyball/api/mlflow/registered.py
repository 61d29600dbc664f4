"""Endpoints of registered models: their names, tags and aliases."""

from __future__ import annotations

from flyball.api.mlflow import forms, registryanswers
from flyball.api.mlflow.answers import Json, page
from flyball.api.mlflow.call import Call, mapping, text, within

DEFAULT_RESULTS, MOST_RESULTS = 100, 1000


def create(call: Call, asked: forms.CreateRegisteredModel) -> Json:
    """A new name that versions are gathered under."""
    made = call.registry.create(text(asked.name), description=asked.description or "", tags=mapping("tags", asked.tags))
    return _told(made)


def get(call: Call, asked: forms.NamedModel) -> Json:
    """A registered model with the latest version of each stage."""
    return _told(call.registry.get(text(asked.name)))


def rename(call: Call, asked: forms.RenameModel) -> Json:
    """The model has another name."""
    return _told(call.registry.rename(text(asked.name), text(asked.new_name)))


def update(call: Call, asked: forms.DescribeModel) -> Json:
    """The model has another description; without one it has none."""
    return _told(call.registry.update(text(asked.name), asked.description or ""))


def delete(call: Call, asked: forms.NamedModel) -> Json:
    """The model and its versions are gone."""
    call.registry.delete(text(asked.name))
    return {}


def search(call: Call, asked: forms.Search) -> Json:
    """A page of registered models."""
    found = call.registry.search(
        filter=asked.filter or "",
        order_by=tuple(asked.order_by or ()),
        max_results=within("max_results", asked.max_results, default=DEFAULT_RESULTS, most=MOST_RESULTS),
        token=asked.page_token or None,
    )
    return page("registered_models", map(registryanswers.model, found.items), token=found.token)


def set_tag(call: Call, asked: forms.ModelPair) -> Json:
    """The model has the tag."""
    call.registry.set_tag(text(asked.name), text(asked.key), value=asked.value or "")
    return {}


def delete_tag(call: Call, asked: forms.ModelPair) -> Json:
    """The model has the tag no more."""
    call.registry.delete_tag(text(asked.name), text(asked.key))
    return {}


def set_alias(call: Call, asked: forms.SetAlias) -> Json:
    """The alias names that version."""
    call.registry.set_alias(text(asked.name), text(asked.alias), number=registryanswers.version_number(text(asked.version)))
    return {}


def delete_alias(call: Call, asked: forms.Alias) -> Json:
    """The alias names nothing."""
    call.registry.delete_alias(text(asked.name), text(asked.alias))
    return {}


def get_by_alias(call: Call, asked: forms.Alias) -> Json:
    """The version that the alias names."""
    return {"model_version": registryanswers.version(call.registry.get_by_alias(text(asked.name), text(asked.alias)))}


def latest_versions(call: Call, asked: forms.LatestVersions) -> Json:
    """The latest version of each stage that is asked for."""
    found = call.registry.latest_versions(text(asked.name), tuple(asked.stages or ()))
    return {"model_versions": [registryanswers.version(each) for each in found]}


def _told(value: registryanswers.Model) -> Json:
    return {"registered_model": registryanswers.model(value)}
