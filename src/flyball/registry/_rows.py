"""Rows of the registry's tables as values, and the other way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from flyball.core.ids import Digest, EventId, RunId
from flyball.core.optional import extra
from flyball.registry.errors import VersionDamagedError
from flyball.registry.model import ModelVersion, VersionState
from flyball.registry.registered import Origin, RegisteredVersion, Seal, Stage, VersionFile

with extra("store"):
    from sqlalchemy import Row

_MADE = ("digest", "run", "data_versions", "training_digest", "feature_fingerprint", "code_version", "environment", "created", "cause")
_ORIGIN = ("source", "logged_model", "run_link", "principal", "may_run_code")


def made_of(row: Row[Any]) -> ModelVersion:
    """What makes the version reproducible."""
    return ModelVersion(
        model=row.name,
        number=row.number,
        digest=Digest(row.digest),
        run=RunId(row.run),
        state=VersionState(row.state),
        data_versions=row.data_versions,
        training_digest=Digest(row.training_digest),
        feature_fingerprint=Digest(row.feature_fingerprint),
        code_version=row.code_version,
        environment=Digest(row.environment),
        created=row.created,
        cause=None if row.cause is None else EventId(row.cause),
    )


def version_of(row: Row[Any], *, tags: Mapping[str, str], aliases: tuple[str, ...]) -> RegisteredVersion:
    """The version with all that is known of it."""
    datasets = tuple((name, digest) for name, digest in row.datasets)
    return RegisteredVersion(
        made=made_of(row),
        origin=Origin(**{name: getattr(row, name) for name in _ORIGIN}, datasets=datasets),
        updated_ms=row.updated_ms,
        description=row.description,
        stage=Stage(row.stage),
        own_tags=tags,
        aliases=aliases,
        seal=seal_of(row),
        model_id=row.model,
    )


def seal_of(row: Row[Any]) -> Seal | None:
    """The seal, where there is one; one that has lost a part is one that signs nothing."""
    if row.statement is None and row.signature is None and row.signing_key is None:
        return None
    return Seal(statement=row.statement or "", signature=row.signature or "", key=row.signing_key or "")


def file_of(row: Row[Any]) -> VersionFile:
    """The file."""
    return VersionFile(
        path=row.path, digest=Digest(row.digest), size_bytes=row.size_bytes, uploader=row.uploader, may_run_code=row.may_run_code
    )


def version_values(made: ModelVersion, origin: Origin) -> dict[str, Any]:
    """The columns of the version's facts."""
    return {
        "number": made.number,
        "state": made.state.value,
        **{name: getattr(made, name) for name in _MADE},
        **{name: getattr(origin, name) for name in _ORIGIN},
        "datasets": origin.datasets,
    }


def seal_values(seal: Seal | None) -> dict[str, Any]:
    """The columns of a seal."""
    if seal is None:
        return {"statement": None, "signature": None, "signing_key": None}
    return {"statement": seal.statement, "signature": seal.signature, "signing_key": seal.key}


def file_values(file: VersionFile) -> dict[str, Any]:
    """The columns of a file."""
    return {name: getattr(file, name) for name in ("path", "digest", "size_bytes", "uploader", "may_run_code")}


@contextmanager
def damage_told(model: str, number: int) -> Iterator[None]:
    """Inside the block, a value that no row ever had is the version's damage.

    Raises:
        VersionDamagedError: there is one.
    """
    try:
        yield
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise VersionDamagedError(model, number, why=f"{type(error).__name__}: {error}") from error
