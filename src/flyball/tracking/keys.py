"""The dictionary of the keys of metrics, params and tags: each has a number for ever, so that rows need not repeat its name."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal, TypeAlias, TypeVar

from flyball.core.optional import extra
from flyball.storage.database import Database
from flyball.tracking._sql import names

with extra("store"):
    from sqlalchemy import bindparam, select, text

T = TypeVar("T")
KeyKind: TypeAlias = Literal["metric", "param", "tag"]

_MOST = 200_000  # remembered keys; who has more asks the database again
_ADD = text("INSERT INTO names (kind, name) VALUES (:kind, :name) ON CONFLICT (kind, name) DO NOTHING")
_BY_NAME = select(names.c.name, names.c.id).where(names.c.kind == bindparam("of"), names.c.name.in_(bindparam("asked", expanding=True)))
_BY_ID = select(names.c.id, names.c.name).where(names.c.id.in_(bindparam("asked", expanding=True)))
_AT_ONCE = 500


class Keys:
    """A key's number never changes and is never another's. Thread-safe; what it remembers is committed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._ids: dict[tuple[KeyKind, str], int] = {}
        self._names: dict[int, str] = {}

    def create(self, kind: KeyKind, asked: Collection[str]) -> dict[str, int]:
        """The numbers of these keys; those that have none get one."""
        found, missing = self._remembered(kind, asked)
        if missing:
            with self._database.write() as connection:
                connection.execute(_ADD, [{"kind": kind, "name": name} for name in missing])
            found |= self._read(kind, missing)
        return found

    def find(self, kind: KeyKind, asked: Collection[str]) -> dict[str, int]:
        """The numbers of those of these keys that have one."""
        found, missing = self._remembered(kind, asked)
        return found | self._read(kind, missing) if missing else found

    def names(self, asked: Iterable[int]) -> Mapping[int, str]:
        """The names of at least these numbers."""
        known = self._names
        missing = sorted({number for number in asked if number not in known})
        if not missing:
            return known
        found: dict[int, str] = {}
        with self._database.read() as connection:
            for some in _parts(missing):
                found |= {row.id: row.name for row in connection.execute(_BY_ID, {"asked": some})}
        if not self._database.is_writing:
            with self._lock:
                self._names = {**({} if len(self._names) > _MOST else self._names), **found}
        return {**known, **found}

    def _remembered(self, kind: KeyKind, asked: Collection[str]) -> tuple[dict[str, int], list[str]]:
        known = self._ids
        found = {name: known[kind, name] for name in asked if (kind, name) in known}
        return found, sorted({name for name in asked if name not in found}) if len(found) < len(asked) else []

    def _read(self, kind: KeyKind, asked: Sequence[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        with self._database.read() as connection:
            for some in _parts(asked):
                found |= {row.name: row.id for row in connection.execute(_BY_NAME, {"of": kind, "asked": some})}
        if not self._database.is_writing:  # else it may be taken back, and the number be given to another key
            with self._lock:
                if len(self._ids) > _MOST:
                    self._ids = {}
                self._ids.update({(kind, name): number for name, number in found.items()})
        return found


def _parts(items: Sequence[T]) -> Iterable[Sequence[T]]:
    return (items[start : start + _AT_ONCE] for start in range(0, len(items), _AT_ONCE))
