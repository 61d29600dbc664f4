"""The port of the registry's store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from flyball.core.ids import Digest, RunId
from flyball.registry.evidence import Evidence
from flyball.registry.model import ModelVersion, VersionState


class RegistryStore(Protocol):
    """Keeps versions and their evidence; a number that was given stays given. The model of a version is made with its first one.

    Every method joins the transaction that is open in the calling thread, or is one of its own; nothing is seen by others before
    that commits. Thread-safe. The store knows neither legal moves nor events: the service does.
    """

    def create(self, version: ModelVersion) -> None:
        """Keep a new version.

        Raises:
            VersionExistsError: the model has a version of that number; nothing is changed.
        """
        ...

    def next_number(self, model: str) -> int:
        """The number after the highest that was ever given under the model's name; of versions that were deleted, too."""
        ...

    def find(self, model: str, number: int) -> ModelVersion | None:
        """The version, or None."""
        ...

    def find_registered(self, model: str, *, digest: Digest, run: RunId) -> ModelVersion | None:
        """The earliest version of `model` with that blob from that run, or None."""
        ...

    def list(self, model: str | None = None) -> list[ModelVersion]:
        """All versions, of one model or of all, ordered by (model, number)."""
        ...

    def set_state(self, model: str, number: int, *, state: VersionState, expected: VersionState) -> bool:
        """Put the version into `state` if it is in `expected`; False, and nothing changed, if it is not or does not exist."""
        ...

    def set_deployed(self, model: str, *, managed_by: str, aliases: Mapping[str, int]) -> None:
        """The model is managed, and of its managed aliases it has these and no others; nothing where there is no such model."""
        ...

    def set_evidence(self, model: str, number: int, *, evidence: Evidence) -> None:
        """Keep the evidence of a version in the place of any earlier one.

        Raises:
            VersionNotFoundError: there is no such version.
        """
        ...

    def find_evidence(self, model: str, number: int) -> Evidence | None:
        """The evidence of a version, or None."""
        ...
