"""The journal of one dataset's pushed rows: what was acknowledged to its sender, and is applied later, once."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from flyball.core.errors import FlyballError
from flyball.core.ids import Digest
from flyball.data.errors import PushConflictError
from flyball.data.pushes import Offsets, Push, PushStore
from flyball.storage.journal import Entry, Journal

_CHUNK = 64
_ROWS_AT_ONCE, _PUSHES_AT_ONCE = 200_000, 2_000
_OLD = b"{"


class Dead(msgspec.Struct, frozen=True, kw_only=True):
    """A message that is no row: where it stood, why it cannot be read, and what it was."""

    offset: str
    reason: str
    content: bytes


class Pushed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A push as it is journalled: the answer that it got, and what is cheap to apply of it.

    `good` are the rows that `contract` found good, as an Arrow stream of our own; `raw` are the texts of those in `quarantined`.
    `rows` are the rows as JSON, of a push from before there was `good`. Rows that came from a stream have its name and their offsets.
    """

    at: datetime
    key: str | None
    digest: str
    accepted: int
    quarantined: tuple[tuple[int, str], ...] = ()
    unexpected: tuple[str, ...] = ()
    contract: str = ""
    good: bytes = b""
    raw: tuple[str, ...] = ()
    rows: bytes = b""
    size_bytes: int = 0
    stream: str = ""
    offsets: tuple[str, ...] = ()
    dead: tuple[Dead, ...] = ()

    def answer(self, position: int) -> Push | None:
        """What is remembered of it; nothing without a key."""
        if self.key is None:
            return None
        return Push(
            key=self.key, digest=Digest(self.digest), position=position, accepted=self.accepted,
            quarantined=self.quarantined, unexpected=self.unexpected,
        )  # fmt: skip


class _Old(msgspec.Struct, frozen=True, kw_only=True):
    at: datetime
    key: str | None
    digest: str
    accepted: int
    quarantined: tuple[tuple[int, str], ...]
    unexpected: tuple[str, ...]
    rows: msgspec.Raw


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Pushed).decode


@dataclass
class _Ticket:
    """A push on its way to the journal; `position` or `error` when it has arrived."""

    pushed: Pushed
    payload: bytes
    position: int = 0
    error: BaseException | None = None
    arrived: threading.Event = field(default_factory=threading.Event)


class RowJournal:
    """A push lies here from its acknowledgement until it is applied, and its key is known all the time. Thread-safe.

    Pushes that come at once share one write: who comes while another writes is written by the next one in.
    """

    def __init__(self, dataset: str, journal: Journal, *, pushes: PushStore) -> None:
        self._dataset, self._journal, self._pushes = dataset, journal, pushes
        self._lock, self._writing = threading.Lock(), threading.Lock()
        self._queue: list[_Ticket] = []
        self._flying: dict[str, _Ticket] = {}
        self.applied = pushes.get_position(dataset)
        # A power cut may have taken entries that are applied: their positions stay taken, or new entries would pass for applied.
        self._journal.append(*[b""] * (self.applied - journal.last))
        self._waiting: dict[str, Push] = {}
        self._offsets: dict[str, tuple[int, Offsets]] = {}  # stream → position, and what stands there of it
        for position, pushed in self._read_all():
            self._remember(pushed, position)

    @property
    def pending(self) -> int:
        """How many pushes are not applied yet."""
        return self._journal.last - self.applied

    def find(self, key: str) -> Push | None:
        """The answer that a push of this key got, or None."""
        return self._waiting.get(key) or self._pushes.find(self._dataset, key)

    def find_offsets(self, stream: str) -> Offsets | None:
        """The offsets of the last messages of the stream that are kept, or None."""
        with self._lock:
            held = self._offsets.get(stream)
        return held[1] if held is not None else self._pushes.find_offsets(self._dataset, stream)

    def put(self, pushed: Pushed) -> tuple[Push | Pushed, int, bool]:
        """Keep a push, or find that one of its key is kept: the push that counts, its position, and whether it is an earlier one.

        When this returns, the death of any process loses nothing.

        Raises:
            PushConflictError: the key came with another body before.
            UnavailableError: the disk or the journal is full; nothing was kept.
        """
        ticket = _Ticket(pushed, _encode(pushed))
        known = self._enter(ticket)
        if isinstance(known, _Ticket):
            known.arrived.wait()
            if known.error is not None:
                raise known.error.with_traceback(None)
            return self._same(known.pushed, pushed), known.position, True
        if known is not None:
            return self._same(known, pushed), known.position, True
        self._write(ticket)
        if ticket.error is not None:
            raise ticket.error
        return pushed, ticket.position, False

    def _same(self, found: Push | Pushed, pushed: Pushed) -> Push | Pushed:
        if found.digest != pushed.digest:
            raise PushConflictError(self._dataset, found.key or "")
        return found

    def _enter(self, ticket: _Ticket) -> _Ticket | Push | None:
        """Stand in the queue, unless a push of the same key is known or on its way."""
        key, applied = ticket.pushed.key, self.applied
        stored = None if key is None or key in self._waiting else self._pushes.find(self._dataset, key)
        with self._lock:
            if key is not None:
                if key in self._flying:
                    return self._flying[key]
                if applied != self.applied:  # the key may have gone from memory to the store since
                    stored = self._pushes.find(self._dataset, key)
                found = self._waiting.get(key) or stored
                if found is not None:
                    return found
                self._flying[key] = ticket
            self._queue.append(ticket)
            return None

    def _write(self, ticket: _Ticket) -> None:
        with self._writing:
            if ticket.arrived.is_set():
                return
            with self._lock:
                group, self._queue = self._queue, []
            try:
                if not self._append(group) and len(group) > 1:
                    for one in group:
                        self._append([one])
            finally:
                self._landed(group)

    def _landed(self, group: Sequence[_Ticket]) -> None:
        with self._lock:
            for one in group:
                if one.pushed.key is not None:
                    self._flying.pop(one.pushed.key, None)
                if one.error is None:
                    self._remember(one.pushed, one.position)
        for one in group:
            one.arrived.set()

    def _append(self, group: Sequence[_Ticket]) -> bool:
        try:
            last = self._journal.append(*(one.payload for one in group))
        except FlyballError as error:
            for one in group:
                one.error = error
            return False
        except BaseException as error:
            for one in group:
                one.error = error
            raise
        for position, one in enumerate(group, start=last - len(group) + 1):
            one.position, one.error = position, None
        return True

    def read(self, upto: int | None = None) -> Sequence[tuple[int, Pushed]]:
        """The next pushes to apply, in order, with their positions: those up to `upto`, or as many as are well applied at once."""
        if upto is not None and upto <= self._journal.last:
            return _decoded(self._journal.read_after(self.applied, upto - self.applied))
        found: list[tuple[int, Pushed]] = []
        position, rows = self.applied, 0
        while rows < _ROWS_AT_ONCE and len(found) < _PUSHES_AT_ONCE and (entries := self._journal.read_after(position, _CHUNK)):
            position = entries[-1].position
            for push in _decoded(entries):
                rows += push[1].accepted + len(push[1].quarantined)
                if rows > _ROWS_AT_ONCE and found:
                    return found
                found.append(push)
        return found

    def settle(self, position: int) -> None:
        """Everything up to `position` is applied, and that is recorded."""
        with self._lock:  # a key that is remembered meanwhile must not be forgotten again
            self.applied = position
            self._waiting = {key: push for key, push in self._waiting.items() if push.position > position}
            self._offsets = {stream: held for stream, held in self._offsets.items() if held[0] > position}
        self._journal.acknowledge(position)

    def close(self) -> None:
        """Let go of the journal; idempotent."""
        self._journal.close()

    def _remember(self, pushed: Pushed, position: int) -> None:
        answer = pushed.answer(position)
        if answer is not None:
            self._waiting[answer.key] = answer
        if pushed.stream:
            self._offsets[pushed.stream] = (position, offsets_of(pushed))

    def _read_all(self) -> list[tuple[int, Pushed]]:
        found: list[tuple[int, Pushed]] = []
        position = self.applied
        while entries := self._journal.read_after(position, _CHUNK):
            found += [(place, msgspec.structs.replace(pushed, good=b"", raw=(), rows=b"")) for place, pushed in _decoded(entries)]
            position = entries[-1].position
        return found


def offsets_of(pushed: Pushed) -> Offsets:
    """All messages of a stream that the push stands for: those with rows, and those without."""
    return frozenset((*pushed.offsets, *(dead.offset for dead in pushed.dead)))


def last_offsets(pushes: Sequence[tuple[int, Pushed]]) -> Mapping[str, Offsets]:
    """Of each stream in the batch the offsets of the last push."""
    return {pushed.stream: offsets_of(pushed) for _, pushed in pushes if pushed.stream}


def _decoded(entries: Sequence[Entry]) -> list[tuple[int, Pushed]]:
    return [(entry.position, _read(entry.payload)) for entry in entries if entry.payload]


def _read(payload: bytes) -> Pushed:
    if not payload.startswith(_OLD):
        return _decode(payload)
    old = msgspec.json.decode(payload, type=_Old)
    return Pushed(
        at=old.at, key=old.key, digest=old.digest, accepted=old.accepted, quarantined=old.quarantined, unexpected=old.unexpected,
        rows=bytes(old.rows), size_bytes=len(bytes(old.rows)),
    )  # fmt: skip
