"""A model's versions and the states they may be in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum

from flyball.core.clock import utc
from flyball.core.ids import Digest, EventId, RunId
from flyball.registry.errors import IllegalVersionMoveError


class VersionState(Enum):
    """Where a version stands; only a validated one may answer."""

    CANDIDATE = "candidate"
    VALIDATED = "validated"
    REJECTED = "rejected"
    RETIRED = "retired"


LEGAL_MOVES: Mapping[VersionState, tuple[VersionState, ...]] = {
    VersionState.CANDIDATE: (VersionState.VALIDATED, VersionState.REJECTED),
    VersionState.VALIDATED: (VersionState.RETIRED,),
    VersionState.RETIRED: (VersionState.VALIDATED,),
    VersionState.REJECTED: (),
}
"""Every legal move of a version; what is not here is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """All that makes a version reproducible, before it has a number.

    `digest` is the model blob's, `data_versions` the version of each dataset read, `training_digest` that of the training set,
    `code_version` "git:…" or "tree:…", `environment` the digest of Python, platform and packages.
    """

    model: str
    digest: Digest
    run: RunId
    data_versions: Mapping[str, int] = field(default_factory=dict)
    training_digest: Digest
    feature_fingerprint: Digest
    code_version: str
    environment: Digest

    def __post_init__(self) -> None:
        object.__setattr__(self, "data_versions", dict(sorted(self.data_versions.items())))


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion(Registration):
    """One version of a model; `number` counts from 1 per model and is never given twice."""

    number: int
    state: VersionState = VersionState.CANDIDATE
    created: datetime
    cause: EventId | None = None

    def __post_init__(self) -> None:
        # slots=True makes a new class, which zero-argument super() does not know
        Registration.__post_init__(self)
        object.__setattr__(self, "created", utc(self.created))

    def moved(self, state: VersionState) -> ModelVersion:
        """The version in `state`.

        Raises:
            IllegalVersionMoveError: the table of legal moves has no such move.
        """
        legal = LEGAL_MOVES[self.state]
        if state not in legal:
            names = [move.value for move in legal]
            raise IllegalVersionMoveError(self.model, self.number, state=self.state.value, asked=state.value, legal=names)
        return replace(self, state=state)
