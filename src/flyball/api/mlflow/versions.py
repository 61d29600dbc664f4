"""Endpoints of the versions of registered models."""

from __future__ import annotations

from collections.abc import Mapping

from flyball.api.mlflow import forms, registryanswers
from flyball.api.mlflow.answers import Json, page
from flyball.api.mlflow.call import Call, mapping, text, within
from flyball.api.mlflow.registryanswers import version_number
from flyball.registry import names
from flyball.registry.registered import VersionRequest

DEFAULT_RESULTS, MOST_RESULTS = 10_000, 200_000


def create(call: Call, asked: forms.CreateVersion) -> Json:
    """A new version, made of files that this server keeps."""
    request = VersionRequest(
        source=text(asked.source),
        run=asked.run_id or None,
        model=asked.model_id or None,
        run_link=asked.run_link or "",
        description=asked.description or "",
        tags=_own(mapping("tags", asked.tags)),
    )
    return _told(call.registry.create_version(text(asked.name), request, principal=call.caller))


def get(call: Call, asked: forms.OneVersion) -> Json:
    """A version."""
    return _told(call.registry.get_version(text(asked.name), _number(asked)))


def update(call: Call, asked: forms.DescribeVersion) -> Json:
    """The version has another description; without one it has none."""
    return _told(call.registry.update_version(text(asked.name), _number(asked), description=asked.description or ""))


def delete(call: Call, asked: forms.OneVersion) -> Json:
    """The version is gone."""
    call.registry.delete_version(text(asked.name), _number(asked))
    return {}


def transition(call: Call, asked: forms.MoveVersion) -> Json:
    """The version is in another stage."""
    moved = call.registry.transition_stage(
        text(asked.name), _number(asked), stage=text(asked.stage), archive_existing=bool(asked.archive_existing_versions)
    )
    return _told(moved)


def search(call: Call, asked: forms.Search) -> Json:
    """A page of versions."""
    found = call.registry.search_versions(
        filter=asked.filter or "",
        order_by=tuple(asked.order_by or ()),
        max_results=within("max_results", asked.max_results, default=DEFAULT_RESULTS, most=MOST_RESULTS),
        token=asked.page_token or None,
    )
    return page("model_versions", map(registryanswers.version, found.items), token=found.token)


def set_tag(call: Call, asked: forms.VersionPair) -> Json:
    """The version has the tag."""
    call.registry.set_version_tag(text(asked.name), _number(asked), key=text(asked.key), value=asked.value or "")
    return {}


def delete_tag(call: Call, asked: forms.VersionPair) -> Json:
    """The version has the tag no more."""
    call.registry.delete_version_tag(text(asked.name), _number(asked), key=text(asked.key))
    return {}


def download_uri(call: Call, asked: forms.OneVersion) -> Json:
    """Where the version's files are read."""
    return {"artifact_uri": call.registry.download_uri(text(asked.name), _number(asked))}


def _own(tags: Mapping[str, str]) -> dict[str, str]:
    # The client's copy_model_version sends all tags that it was told, with those that Flyball says itself of every version.
    return {key: value for key, value in tags.items() if not key.startswith(names.OWN)}


def _number(asked: forms.OneVersion) -> int:
    return version_number(text(asked.version))


def _told(value: registryanswers.Version) -> Json:
    return {"model_version": registryanswers.version(value)}
