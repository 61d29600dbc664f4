"""The tables of the online store in memory, and which of their values answers a row at its time; why not, where none does.

Values stay packed until their entity is asked for. All is plain Python: for the rows of a request that is quicker than any frame.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeAlias

from flyball.features.lookup import ViewLookup
from flyball.features.packing import KEPT, Key, OnlineLookup, OnlineTable, Step
from flyball.features.windowing import WindowLookup

Lack: TypeAlias = Literal["unpublished", "unnamed", "unknown", "stale", "late"]
"""Why a row has no value that is fresh: the table was never written, the row names no entity, nothing is known of the entity, what is
known is older than the ttl, or the boundary that answers is older than the window view's writer should leave it."""
Found: TypeAlias = "tuple[list[Step], dict[int, Lack]]"
"""The step of each row, and by row why there is nothing fresh: a late row has a value all the same, every other one there has none."""
LATE_BOUNDARIES = 2
"""A window view answers late when its boundary lies so many times `every` behind the row: one is due for as long as it is being closed."""


@dataclass(slots=True)
class _Entry:
    """An entity's value, unpacked when it is first asked for. A new value is a new entry, so that no thread unpacks an old one over it."""

    value: bytes | list[Step]


@dataclass
class Mirror:
    """A table of the store in memory. Nulls of a step are `fills` here, which a view declares as its defaults."""

    table: OnlineTable
    fills: tuple[Any, ...] = ()
    entries: dict[Key, _Entry] = field(default_factory=dict)
    closed: int | None = None
    written: bool = False

    def steps(self, key: Key) -> list[Step]:
        """The steps of the entity, by rising time; none where it has none."""
        entry = self.entries.get(key)
        if entry is None:
            return []
        if isinstance(entry.value, bytes):
            steps = self.table.unpack(entry.value)
            entry.value = [self.filled(step) for step in steps] if self.fills else steps
        return entry.value

    def filled(self, step: Step) -> Step:
        """The step with the default wherever a value is null."""
        values = (fill if value is None else value for value, fill in zip(step[2:], self.fills, strict=True))
        return (*step[:2], *values)

    def take(self, values: Mapping[bytes, bytes | None], *, closed: int | None, fresh: bool) -> None:
        """Take over what was written. A reader in another thread sees new values before the boundary that they belong to."""
        held = {} if fresh else self.entries
        for entity, value in values.items():
            key = self.table.unpack_key(entity)
            if value is None:
                held.pop(key, None)
            else:
                held[key] = _Entry(value)
        self.entries, self.closed, self.written = held, closed, True

    @cached_property
    def nothing(self) -> Step:
        """The step of a row that nothing answers."""
        empty: Step = (None,) * (2 + len(self.table.values))
        return self.filled(empty) if self.fills else empty


@dataclass(frozen=True)
class ViewReader:
    """Answers by the step that counts at the row's time, unless it is older than the ttl then."""

    lookup: ViewLookup
    mirror: Mirror

    @cached_property
    def ttl(self) -> int | None:
        """The view's, in microseconds."""
        return self.lookup.ttl

    def read(self, keys: Sequence[Key], times: Sequence[int]) -> Found:
        """What answers each row."""
        mirror, ttl, nothing = self.mirror, self.ttl, self.mirror.nothing
        found: list[Step] = []
        lacks: dict[int, Lack] = {}
        for row, (key, time) in enumerate(zip(keys, times, strict=True)):
            for step in reversed(mirror.steps(key)):
                if step[0] <= time:
                    break
            else:
                step = nothing
            event = step[1]
            if event is not None and (ttl is None or event >= time - ttl):
                found.append(step)
                continue
            found.append(nothing)
            lacks[row] = "unnamed" if key is None else "unpublished" if not mirror.written else "unknown" if event is None else "stale"
        return found, lacks


@dataclass(frozen=True)
class WindowReader:
    """Answers by the values at the last boundary that is closed, of no row where the entity has none; nothing for a null entity."""

    lookup: WindowLookup
    mirror: Mirror

    @cached_property
    def every(self) -> int:
        """The window view's, in microseconds."""
        return self.lookup.every

    @cached_property
    def _empty(self) -> Step:
        step: Step = (None, None, *self.lookup.empty)
        return self.mirror.filled(step)[2:] if self.mirror.fills else step[2:]

    def read(self, keys: Sequence[Key], times: Sequence[int]) -> Found:
        """What answers each row."""
        mirror, every, nothing = self.mirror, self.every, self.mirror.nothing
        closed = mirror.closed
        if closed is None:
            return [nothing] * len(keys), {row: "unnamed" if key is None else "unpublished" for row, key in enumerate(keys)}
        oldest = closed - KEPT * every
        found: list[Step] = []
        lacks: dict[int, Lack] = {}
        for row, (key, time) in enumerate(zip(keys, times, strict=True)):
            end = min(time - time % every, closed)
            if key is None or end < oldest:
                found.append(nothing)
                lacks[row] = "unnamed" if key is None else "unknown"
                continue
            for step in reversed(mirror.steps(key)):
                if step[0] == end:
                    break
            else:
                step = (end, end, *self._empty)
            found.append(step)
            if time - end >= LATE_BOUNDARIES * every:
                lacks[row] = "late"
        return found, lacks


Reader: TypeAlias = ViewReader | WindowReader


def reader_of(lookup: OnlineLookup, mirror: Mirror) -> Reader:
    """What reads the look-up's table."""
    return ViewReader(lookup, mirror) if isinstance(lookup, ViewLookup) else WindowReader(lookup, mirror)
