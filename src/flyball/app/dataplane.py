"""What doors ask about datasets: one method per use case, in plain values, as `ControlPlane` has it for everything else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from flyball.app.deed import Deed, Json


@dataclass(frozen=True, slots=True)
class Versions:
    """Which versions of a dataset: at most `limit`, newest first, with numbers below `before`."""

    limit: int = 50
    before: int | None = None


@dataclass(frozen=True, slots=True)
class AsideRows:
    """Which quarantined rows: of one version, in one state, at most `limit`, after the place of `token`."""

    version: int | None = None
    state: str | None = None
    limit: int = 100
    token: str | None = None


@dataclass(frozen=True, slots=True)
class Readmit:
    """Which quarantined rows to take: those of `ids`, or all that wait (of a version); known from now on, or `as_declared`."""

    ids: Sequence[str] | None = None
    version: int | None = None
    as_declared: bool = False


class DataPlane(Protocol):
    """Datasets of one home. Thread-safe.

    Every method raises UnknownNameError for the name of no dataset, NotFoundError for a version or row that is not there, and leaves
    everything as it was when it raises. The forms of the answers stand in docs/reference/http.md.
    """

    def list_datasets(self) -> Json:
        """{"datasets": [...]}, ordered by name: declared ones, and those that have versions."""
        ...

    def get_dataset(self, name: str, page: Versions) -> Json:
        """{"dataset", "versions", "next"}."""
        ...

    def get_version(self, name: str, number: int) -> Json:
        """{"version", "profile", "results", "contract", "parent", "difference", "quarantine"}: the evidence on one version."""
        ...

    def get_difference(self, name: str, before: int, *, after: int) -> Json:
        """{"from", "to", "rows", "columns"}: what is other in the content of `after`."""
        ...

    def get_contract(self, name: str) -> Json:
        """{"contract", "text", "digest", "judged", "path"}."""
        ...

    def list_results(self, name: str, limit: int) -> Json:
        """{"checks": [...]} over the last `limit` versions."""
        ...

    def list_quarantine(self, name: str, wanted: AsideRows) -> Json:
        """{"rows", "next"}."""
        ...

    def list_erasures(self, name: str) -> Json:
        """{"erasures": [...]}: the certificates of what was erased, oldest first."""
        ...

    def release(self, name: str, number: int, *, deed: Deed) -> Json:
        """{"version"}: a held version is taken.

        Raises:
            ConflictError: it is not held, or newer versions stand without it.
        """
        ...

    def reject(self, name: str, number: int, *, deed: Deed) -> Json:
        """{"version"}: a held version is never taken.

        Raises:
            ConflictError: it is not held.
        """
        ...

    def repair(self, name: str, rows: Sequence[tuple[str, Mapping[str, Any]]], *, deed: Deed) -> Json:
        """{"rows": [{"id", "reasons"}]}: rows have other cells, and what the contract would still refuse.

        Raises:
            InvalidError: no row has such cells.
            ConflictError: a row was re-admitted before.
        """
        ...

    def readmit(self, name: str, wanted: Readmit, *, deed: Deed) -> Json:
        """{"version", "readmitted", "duplicates", "left"}; what was taken before is not taken again.

        Raises:
            ConflictError: a version waits for a person.
        """
        ...
