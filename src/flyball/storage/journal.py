"""The journal's port: what must be acknowledged fast is kept here until slower stores have it. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Entry:
    """`payload` was the `position`-th to be appended."""

    position: int
    payload: bytes


class Journal(Protocol):
    """What `append` has returned for is read by every reader, in order, until it is acknowledged, whichever process dies meanwhile.

    Positions are 1, 2, 3… in the order of appends and are never given twice, not even after all entries were deleted. One writer, any
    number of readers in other processes, one of which acknowledges. Thread-safe.
    """

    def append(self, *payloads: bytes) -> int:
        """The position of the last entry; all payloads become visible together, or none does.

        Raises:
            JournalFullError: readers have not acknowledged enough; nothing was appended.
            UnavailableError: the disk is full or failed; nothing was appended.
            EntryTooLargeError: the payloads are larger than a journal holds.
        """
        ...

    def read_after(self, position: int, limit: int = 1000) -> list[Entry]:
        """At most `limit` entries with positions above `position`, in order; the first that still exist.

        A reader that goes on where it stopped pays for new entries only.

        Raises:
            JournalCorruptError: entries that were whole once are not; it says where to go on.
        """
        ...

    def acknowledge(self, position: int) -> None:
        """Entries up to `position` are needed no more and may be deleted; one that was acknowledged before changes nothing.

        Raises:
            JournalPositionError: there is no such entry yet.
        """
        ...

    def sync(self) -> None:
        """All that was appended before the call is on the disk, whatever the machine does.

        Raises:
            UnavailableError: the disk failed.
        """
        ...

    def filled(self) -> float:
        """The share of what may wait for readers that is taken; 0 where there is no limit, or in a reader."""
        ...

    @property
    def acknowledged(self) -> int:
        """The highest acknowledged position; 0 at first."""
        ...

    @property
    def last(self) -> int:
        """The position of the last whole entry; 0 at first."""
        ...

    def close(self) -> None:
        """Let go of all files; idempotent."""
        ...


class NoJournal:
    """A `Journal` that keeps nothing: positions are counted, and whoever wants the payloads takes them as they come."""

    acknowledged = 0

    def __init__(self) -> None:
        self.last = 0

    def append(self, *payloads: bytes) -> int:
        self.last += len(payloads)
        return self.last

    def read_after(self, position: int, limit: int = 1000) -> list[Entry]:
        del position, limit
        return []

    def acknowledge(self, position: int) -> None:
        del position

    def sync(self) -> None:
        """There is nothing."""

    def filled(self) -> float:
        return 0.0

    def close(self) -> None:
        """There is nothing."""
