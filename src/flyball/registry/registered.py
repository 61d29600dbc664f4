"""Registered models and their versions as a client of MLflow sees them; every version of the home is one, whoever made it.

What makes a version reproducible stands in its `ModelVersion`; here is where it came from and what people say of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from flyball.core.duration import EPOCH
from flyball.core.ids import Digest
from flyball.registry.model import ModelVersion, VersionState

_MILLISECOND = timedelta(milliseconds=1)
STATE_TAG = "flyball.state"
VERSIONS = "versions"
"""The first name of artifact paths that belong to versions; experiments are numbers, so that no run has it."""
CHAMPION, CHALLENGER, SHADOW = "champion", "challenger", "shadow"
MANAGED_ALIASES = frozenset({CHAMPION, CHALLENGER, SHADOW})
"""What releases say of the versions of a model that they manage, and nobody else: a canary is the challenger."""

READY = "READY"
"""The status of every version in MLflow's words: one that is not whole is not made."""


class Stage(StrEnum):
    """MLflow's stages of a version, which mean nothing to Flyball: releases go by deployments."""

    NONE = "None"
    STAGING = "Staging"
    PRODUCTION = "Production"
    ARCHIVED = "Archived"


ACTIVE_STAGES = (Stage.STAGING, Stage.PRODUCTION)


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionFile:
    """One file of a version: `path` below its root, and the content by digest, which never changes.

    `size_bytes` is None where nobody told it. `may_run_code` is what the server's configuration said of the `uploader` at upload.
    """

    path: str
    digest: Digest
    size_bytes: int | None = None
    uploader: str = ""
    may_run_code: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a version came from: the `source` and the logged model that a client named, and the `principal` who registered it.

    `datasets` are (name, digest) of what its run has read, as the client told; `may_run_code` holds where it holds of every file.
    """

    source: str
    logged_model: str | None = None
    run_link: str = ""
    principal: str = ""
    may_run_code: bool = False
    datasets: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """A canonical statement, its Ed25519 signature (128 hexadecimal digits) and the id of the key that made it."""

    statement: str
    signature: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredVersion:
    """A version with all that is known of it; `updated_ms` counts from 1970 UTC. `seal` is None where it is unsigned."""

    made: ModelVersion
    origin: Origin
    updated_ms: int
    description: str = ""
    stage: Stage = Stage.NONE
    own_tags: Mapping[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    seal: Seal | None = None
    model_id: int = 0

    @property
    def name(self) -> str:
        """The registered model's name."""
        return self.made.model

    @property
    def number(self) -> int:
        """The version's number."""
        return self.made.number

    @property
    def state(self) -> VersionState:
        """Where it stands with the gates; only a validated one may be released."""
        return self.made.state

    @property
    def source(self) -> str:
        """Where its files came from, as it was said."""
        return self.origin.source

    @property
    def location(self) -> str:
        """Where its own files are read, which nobody changes: not where the source's are."""
        return f"mlflow-artifacts:/{VERSIONS}/{self.model_id}/{self.number}/artifacts"

    @property
    def run(self) -> str | None:
        """The run that made it."""
        return self.made.run or None

    @property
    def model(self) -> str | None:
        """The logged model that it was made of."""
        return self.origin.logged_model

    @property
    def user(self) -> str:
        """Who registered it."""
        return self.origin.principal

    @property
    def created_ms(self) -> int:
        """When it was made, in milliseconds since 1970 UTC."""
        return (self.made.created - EPOCH) // _MILLISECOND

    @property
    def status(self) -> str:
        """MLflow's status."""
        return READY

    @property
    def tags(self) -> Mapping[str, str]:
        """What people tagged it with, and what Flyball says of it under ``flyball.``."""
        signed_by = self.seal.key if self.seal else "nobody"
        return dict(sorted({**self.own_tags, **_told(self.made), "flyball.signed-by": signed_by}.items()))


def _told(made: ModelVersion) -> dict[str, str]:
    told = {
        STATE_TAG: made.state.value,
        "flyball.digest": made.digest,
        "flyball.code": made.code_version,
        "flyball.environment": made.environment,
        "flyball.features": made.feature_fingerprint,
        "flyball.data": ", ".join(f"{name}@{number}" for name, number in made.data_versions.items()),
    }
    return {key: value for key, value in told.items() if value}


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredModel:
    """A name that versions are gathered under. `latest` holds the highest version of each stage, by number.

    `managed_by` is ``environment/endpoint`` of the releases that move its aliases, or None where everybody may.
    """

    id: int
    name: str
    description: str = ""
    created_ms: int
    updated_ms: int
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, int] = field(default_factory=dict)
    latest: tuple[RegisteredVersion, ...] = ()
    managed_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRequest:
    """A version as a client asks for it: `run` and `model` (a logged model's id) say whose the source is."""

    source: str
    run: str | None = None
    model: str | None = None
    run_link: str = ""
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
