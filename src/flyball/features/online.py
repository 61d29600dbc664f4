"""The port of the online store: what views answer now and soon, per entity, for servers that cannot wait for a join.

A store knows names and bytes; what they mean stands in `packing`. All of it can be computed anew from the histories, so a store that
is lost costs a moment and no data.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Revision:
    """How far a reader has come: the number of a write to the store of this identity. A store made anew has another identity."""

    store: str = ""
    number: int = 0


@dataclass(frozen=True, slots=True)
class TableWrite:
    """What becomes of a table: each entity's new value, None where it has none any more; `closed` as in `TableChanges`."""

    values: Mapping[bytes, bytes | None] = field(default_factory=dict)
    closed: int | None = None


@dataclass(frozen=True, slots=True)
class TableChanges:
    """Values that changed, None where an entity has none any more. In a `fresh` table nothing else is left of what was read before.

    `closed` is the last boundary up to which the values of a window view are complete; None for other views.
    """

    values: Mapping[bytes, bytes | None]
    closed: int | None
    fresh: bool


@dataclass(frozen=True, slots=True)
class Changes:
    """What was written up to `revision`, per table; a table that nobody has written is missing."""

    revision: Revision
    tables: Mapping[str, TableChanges]


class OnlineStore(Protocol):
    """One value per (table, entity), written by one process and read by many; a write is seen whole or not at all.

    Thread-safe. A write outlives the death of its process once it has returned; a killed writer leaves the last whole write.
    """

    def set(self, tables: Mapping[str, TableWrite]) -> Revision:
        """Set what is named in one step, and leave the rest; `closed` of None leaves it as it is. An unknown table is created.

        Whose revision names another store than the one before wrote into a store that was made anew: all else in it is gone.

        Raises:
            OnlineStoreError: the store cannot be written; nothing has changed.
        """
        ...

    def changes_after(self, revision: Revision, tables: Collection[str]) -> Changes:
        """All that was written to `tables` after `revision`, as of one moment; everything after a revision of another store.

        Raises:
            OnlineStoreError: the store cannot be read now.
        """
        ...

    def revision(self) -> Revision:
        """How far the store is. Of another identity than the last write's, or before it: what was written then is not all there any more.

        Raises:
            OnlineStoreError: the store cannot be read now.
        """
        ...

    def version(self) -> Hashable:
        """Another value than before when anything may have been written since; cheap enough to ask on every request.

        Raises:
            OnlineStoreError: the store cannot be read now.
        """
        ...

    def keep(self, tables: Collection[str]) -> None:
        """Delete all other tables.

        Raises:
            OnlineStoreError: the store cannot be written; nothing has changed.
        """
        ...

    def close(self) -> None:
        """Let go of the store; it is not used afterwards."""
        ...

    def list(self) -> list[str]:
        """The names of all tables, sorted.

        Raises:
            OnlineStoreError: the store cannot be read now.
        """
        ...
