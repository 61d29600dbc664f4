"""The journal of one dataset's pushed rows: what was acknowledged to its sender, and is applied later, once."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime
from itertools import accumulate

import msgspec

from flyball.core.ids import Digest
from flyball.data.pushes import Push, PushStore
from flyball.data.settling import Arrived
from flyball.storage.journal import Entry, Journal

_AT_ONCE = 1000
_ROWS_AT_ONCE = 50_000


class Pushed(msgspec.Struct, frozen=True, kw_only=True):
    """A push as it is journalled: its rows as JSON, and the answer that it got."""

    at: datetime
    key: str | None
    digest: str
    accepted: int
    quarantined: tuple[tuple[int, str], ...]
    unexpected: tuple[str, ...]
    rows: msgspec.Raw

    def answer(self, position: int) -> Push | None:
        """What is remembered of it; nothing without a key."""
        if self.key is None:
            return None
        return Push(
            key=self.key, digest=Digest(self.digest), position=position, accepted=self.accepted,
            quarantined=self.quarantined, unexpected=self.unexpected,
        )  # fmt: skip


class RowJournal:
    """A push lies here from its acknowledgement until it is applied, and its key is known all the time. Thread-safe.

    `lock` makes looking for a key and appending one step; `settle` takes it by itself.
    """

    def __init__(self, dataset: str, journal: Journal, *, pushes: PushStore) -> None:
        self._dataset, self._journal, self._pushes = dataset, journal, pushes
        self.lock = threading.Lock()
        self.applied = pushes.get_position(dataset)
        # A power cut may have taken entries that are applied: their positions stay taken, or new entries would pass for applied.
        self._journal.append(*[b""] * (self.applied - journal.last))
        self._waiting: dict[str, Push] = {}
        for position, pushed in self._read_all():
            self._remember(pushed, position)

    @property
    def pending(self) -> int:
        """How many pushes are not applied yet."""
        return self._journal.last - self.applied

    def find(self, key: str) -> Push | None:
        """The answer that a push of this key got, or None."""
        return self._waiting.get(key) or self._pushes.find(self._dataset, key)

    def append(self, pushed: Pushed) -> int:
        """Keep a push; when this returns its position, the death of any process loses nothing.

        Raises:
            UnavailableError: the disk or the journal is full; nothing was kept.
        """
        position = self._journal.append(msgspec.json.encode(pushed))
        self._remember(pushed, position)
        return position

    def read(self, upto: int | None = None) -> Sequence[tuple[int, Pushed]]:
        """The next pushes to apply, in order, with their positions: those up to `upto`, or as many as are well applied at once."""
        if upto is not None:
            return _decoded(self._journal.read_after(self.applied, upto - self.applied))
        found = _decoded(self._journal.read_after(self.applied, _AT_ONCE))
        rows = accumulate(pushed.accepted + len(pushed.quarantined) for _, pushed in found)
        return [push for push, total in zip(found, rows, strict=True) if total <= _ROWS_AT_ONCE] or found[:1]

    def settle(self, position: int) -> None:
        """Everything up to `position` is applied, and that is recorded."""
        with self.lock:  # a key that is remembered meanwhile must not be forgotten again
            self.applied = position
            self._waiting = {key: push for key, push in self._waiting.items() if push.position > position}
        self._journal.acknowledge(position)

    def close(self) -> None:
        """Let go of the journal; idempotent."""
        self._journal.close()

    def _remember(self, pushed: Pushed, position: int) -> None:
        answer = pushed.answer(position)
        if answer is not None:
            self._waiting[answer.key] = answer

    def _read_all(self) -> list[tuple[int, Pushed]]:
        found: list[tuple[int, Pushed]] = []
        position = self.applied
        while entries := self._journal.read_after(position, _AT_ONCE):
            found += _decoded(entries)
            position = entries[-1].position
        return found


def _decoded(entries: Sequence[Entry]) -> list[tuple[int, Pushed]]:
    return [(entry.position, msgspec.json.decode(entry.payload, type=Pushed)) for entry in entries if entry.payload]


def arrived(pushes: Sequence[tuple[int, Pushed]]) -> list[Arrived]:
    """The pushes as they are settled."""
    return [Arrived(position, pushed.at, bytes(pushed.rows)) for position, pushed in pushes]
