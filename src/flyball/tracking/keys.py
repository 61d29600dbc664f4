"""The dictionary of the keys of metrics, params and tags: each has a number for ever, so that rows need not repeat its name."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Literal, TypeAlias, TypeVar

from flyball.core.optional import extra
from flyball.storage.database import Database
from flyball.tracking._sql import names

with extra("store"):
    from sqlalchemy import bindparam, select, text

T = TypeVar("T")
KeyKind: TypeAlias = Literal["metric", "param", "tag"]

_MOST = 20_000  # remembered keys of a kind, which are copied when there is a new one; who has more asks the database again
_ADD = text("INSERT INTO names (kind, name) VALUES (:kind, :name) ON CONFLICT (kind, name) DO NOTHING")
_BY_NAME = select(names.c.name, names.c.id).where(names.c.kind == bindparam("of"), names.c.name.in_(bindparam("asked", expanding=True)))
_BY_ID = select(names.c.id, names.c.name).where(names.c.id.in_(bindparam("asked", expanding=True)))
_AT_ONCE = 500


class Keys:
    """A key's number never changes and is never another's. Thread-safe; what it remembers is committed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._ids: dict[KeyKind, dict[str, int]] = {"metric": {}, "param": {}, "tag": {}}
        self._names: dict[int, str] = {}

    def create(self, kind: KeyKind, asked: AbstractSet[str]) -> Mapping[str, int]:
        """The numbers of at least these keys; those that have none get one."""
        known = self._ids[kind]
        missing = sorted(asked - known.keys())
        if not missing:
            return known
        with self._database.write() as connection:
            connection.execute(_ADD, [{"kind": kind, "name": name} for name in missing])
        return {**known, **self._read(kind, missing)}

    def find(self, kind: KeyKind, key: str) -> int | None:
        """The number of the key, or None."""
        found = self._ids[kind].get(key)
        return self._read(kind, [key]).get(key) if found is None else found

    def names(self, asked: Iterable[int]) -> Mapping[int, str]:
        """The names of at least these numbers."""
        known = self._names
        missing = sorted(set(asked) - known.keys())
        if not missing:
            return known
        found: dict[int, str] = {}
        with self._database.read() as connection:
            for some in _parts(missing):
                found |= {row.id: row.name for row in connection.execute(_BY_ID, {"asked": some})}
        if not self._database.is_writing:
            with self._lock:
                self._names = {**(self._names if len(self._names) < _MOST else {}), **found}
        return {**known, **found}

    def _read(self, kind: KeyKind, asked: Sequence[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        with self._database.read() as connection:
            for some in _parts(asked):
                found |= {row.name: row.id for row in connection.execute(_BY_NAME, {"of": kind, "asked": some})}
        if not self._database.is_writing:  # else it may be taken back, and the number be given to another key
            with self._lock:
                known = self._ids[kind]
                self._ids[kind] = {**(known if len(known) < _MOST else {}), **found}  # a new one: others may be reading the old
        return found


def _parts(items: Sequence[T]) -> Iterable[Sequence[T]]:
    return (items[start : start + _AT_ONCE] for start in range(0, len(items), _AT_ONCE))
