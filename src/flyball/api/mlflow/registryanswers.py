"""Registered models and versions as MLflow's messages."""

from __future__ import annotations

from flyball.api.mlflow.answers import Json, pairs
from flyball.registry.refusals import VersionNumberError
from flyball.registry.registered import RegisteredModel as Model
from flyball.registry.registered import RegisteredVersion as Version

__all__ = ["Model", "Version", "model", "version", "version_number"]

_MOST_DIGITS = 9


def version(value: Version) -> Json:
    """A version."""
    found: Json = {
        "name": value.name,
        "version": str(value.number),
        "creation_timestamp": value.created_ms,
        "last_updated_timestamp": value.updated_ms,
        "user_id": value.user,
        "current_stage": value.stage.value,
        "description": value.description,
        "source": value.source,
        "run_id": value.run or "",
        "status": value.status,
        "run_link": value.origin.run_link,
        "tags": pairs(value.tags),
        "aliases": list(value.aliases),
    }
    if value.model:
        found["model_id"] = value.model
    return found


def model(value: Model) -> Json:
    """A registered model."""
    found: Json = {
        "name": value.name,
        "creation_timestamp": value.created_ms,
        "last_updated_timestamp": value.updated_ms,
        "latest_versions": [version(each) for each in value.latest],
        "tags": pairs(value.tags),
        "aliases": [{"alias": alias, "version": str(number)} for alias, number in value.aliases.items()],
    }
    if value.description:
        found["description"] = value.description
    return found


def version_number(text: str) -> int:
    """The version's number.

    >>> version_number("7")
    7

    Raises:
        VersionNumberError: it is no number, or one that no version ever has.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise VersionNumberError(text)
    return int(text)
