"""The port of dataset versions: what was ingested, in which order, and in which state it is."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from flyball.data.model import DatasetVersion


@dataclass(frozen=True, kw_only=True, slots=True)
class Heads:
    """How a dataset stands, without all of its versions.

    `versions` are the newest, the newest that is accepted and all that are held, by number; `quarantined` counts the rows that any
    version set aside; `rejected` are the numbers of the versions that never count.
    """

    dataset: str
    versions: Sequence[DatasetVersion] = ()
    quarantined: int = 0
    rejected: Collection[int] = frozenset()


class VersionStore(Protocol):
    """A version's facts never change but for its state, which moves legally, and the event that moved it.

    Numbers of a dataset are 1, 2, 3, …, each given once. Writes join the transaction that is open in their thread.
    Thread- and process-safe.
    """

    def create(self, version: DatasetVersion) -> None:
        """Record a version.

        Raises:
            VersionExistsError: its number is taken, or is not the next.
        """
        ...

    def get(self, dataset: str, number: int) -> DatasetVersion:
        """The version, equal to the one recorded.

        Raises:
            VersionNotFoundError: there is none; the known numbers are named.
        """
        ...

    def find(self, dataset: str, number: int) -> DatasetVersion | None:
        """The version, or None."""
        ...

    def list(self, dataset: str | None = None, *, after: int = 0) -> list[DatasetVersion]:
        """All versions with numbers above `after`, of one dataset or of all, by dataset and number."""
        ...

    def list_heads(self, dataset: str | None = None) -> Sequence[Heads]:
        """How one dataset, or each, stands, by name; one without versions is left out. It reads few of them, however many there are."""
        ...

    def list_latest(self, dataset: str, *, limit: int, before: int | None = None, judged: bool = False) -> Sequence[DatasetVersion]:
        """At most `limit` versions with numbers below `before`, newest first; if `judged`, only those that have results of checks."""
        ...

    def set(self, version: DatasetVersion) -> None:
        """Replace state and event of the version of that number.

        Raises:
            VersionNotFoundError: there is none.
            VersionStateError: the move from the stored state is not legal.
        """
        ...
