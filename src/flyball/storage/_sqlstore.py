"""The event log, timers, leases and positions on the home's database.

The statements are plain SQLAlchemy Core, so that one module serves every SQL engine; what an engine has to do for them to mean the
same, `Database` does.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from flyball.core.clock import Timer
from flyball.core.errors import HeldError
from flyball.core.events import Event
from flyball.core.ids import EventId
from flyball.core.optional import extra
from flyball.storage.database import Database
from flyball.storage.errors import DuplicateEventError, EventNotFoundError, LeaseLostError
from flyball.storage.events import EVERYTHING, EventQuery
from flyball.storage.leases import Lease
from flyball.storage.schema import events, leases, positions, timer_fires, timers
from flyball.storage.timers import DueTimer

with extra("store"):
    from sqlalchemy import ColumnElement, Row, Select, bindparam, delete, func, insert, select, update
    from sqlalchemy.exc import IntegrityError

# Built once: to build a statement costs as much as to run it.
_APPEND = insert(events)
_BY_ID = select(events).where(events.c.id == bindparam("event_id"))
_LATEST = select(func.max(events.c.time))
_SET = insert(timers)
_FIRED = select(timer_fires.c.name).where(timer_fires.c.name == bindparam("name"), timer_fires.c.at == bindparam("at"))
_FORGET = delete(timers).where(timers.c.name == bindparam("of"))
_TAKE = delete(timers).where(timers.c.name == bindparam("of"), timers.c.at == bindparam("due"))
_REMEMBER = insert(timer_fires)
_POSITION = select(positions.c.value).where(positions.c.name == bindparam("of"))
_MOVE_ON = update(positions).where(positions.c.name == bindparam("of")).values(value=bindparam("to"))
_NEW_POSITION = insert(positions)
_FIRST = select(timers).order_by(timers.c.at, timers.c.name).limit(1)


def _event(row: Row[tuple[object, ...]]) -> Event:
    return Event(row.id, row.type, row.subject, row.time, row.data, row.actor, row.cause)


def _starts(column: ColumnElement[str], prefix: str) -> ColumnElement[bool]:
    # Not LIKE: it ignores case on SQLite and has wildcards.
    return func.substr(column, 1, len(prefix)) == prefix


class SqlEventLog:
    """An `EventLog` in the table `events`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, *new: Event) -> None:
        if not new:
            return
        rows = [
            {"id": e.id, "type": e.type, "subject": e.subject, "time": e.time, "actor": e.actor, "cause": e.cause, "data": e.data}
            for e in new
        ]
        try:
            with self._database.write() as connection:
                connection.execute(_APPEND, rows)
        except IntegrityError as error:
            raise DuplicateEventError(self._known(new)) from error

    def _known(self, new: tuple[Event, ...]) -> list[str]:
        twice = {event_id for event_id, count in Counter(e.id for e in new).items() if count > 1}
        return sorted(twice | {e.id for e in new if self.find(e.id) is not None})

    def get(self, event_id: EventId) -> Event:
        found = self.find(event_id)
        if found is None:
            raise EventNotFoundError(event_id)
        return found

    def find(self, event_id: EventId) -> Event | None:
        with self._database.read() as connection:
            row = connection.execute(_BY_ID, {"event_id": event_id}).one_or_none()
        return None if row is None else _event(row)

    def read_after(self, position: int, limit: int = 1000) -> list[tuple[int, Event]]:
        with self._database.read() as connection:
            rows = connection.execute(_selection(EventQuery(after=position, limit=limit)))
            return [(row.position, _event(row)) for row in rows]

    def list(self, query: EventQuery = EVERYTHING) -> list[Event]:
        with self._database.read() as connection:
            return [_event(row) for row in connection.execute(_selection(query))]

    def find_latest(self) -> datetime | None:
        with self._database.read() as connection:
            found: datetime | None = connection.execute(_LATEST).scalar_one()
        return found


def _selection(query: EventQuery) -> Select[tuple[object, ...]]:
    c = events.c
    conditions = (
        (query.type, lambda value: c.type == value),
        (query.type_prefix, lambda value: _starts(c.type, value)),
        (query.subject, lambda value: c.subject == value),
        (query.subject_prefix, lambda value: _starts(c.subject, value)),
        (query.after, lambda value: c.position > value),
        (query.since, lambda value: c.time >= value),
        (query.until, lambda value: c.time < value),
        (query.cause, lambda value: c.cause == value),
    )
    chosen = [condition(value) for value, condition in conditions if value is not None]
    return select(events).where(*chosen).order_by(c.position).limit(query.limit)


class SqlTimers:
    """A `TimerStore` in the tables `timers` (who waits) and `timer_fires` (what has fired)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def set(self, name: str, at: datetime, *, cause: EventId) -> None:
        with self._database.write() as connection:
            connection.execute(_FORGET, {"of": name})
            if connection.execute(_FIRED, {"name": name, "at": at}).first() is None:
                connection.execute(_SET, {"name": name, "at": at, "cause": cause})

    def delete(self, name: str) -> None:
        with self._database.write() as connection:
            connection.execute(_FORGET, {"of": name})

    def due(self, now: datetime) -> list[DueTimer]:
        waiting = select(timers).where(timers.c.at <= now).order_by(timers.c.at, timers.c.name)
        with self._database.read() as connection:
            return [DueTimer(row.name, row.at, row.cause) for row in connection.execute(waiting)]

    def next(self) -> DueTimer | None:
        with self._database.read() as connection:
            row = connection.execute(_FIRST).first()
        return None if row is None else DueTimer(row.name, row.at, row.cause)

    def fire(self, name: str, at: datetime) -> bool:
        with self._database.write() as connection:
            if connection.execute(_TAKE, {"of": name, "due": at}).rowcount != 1:
                return False
            connection.execute(_REMEMBER, {"name": name, "at": at})
        return True


class SqlLeases:
    """`Leases` in the table `leases`; `timer` is this observer's own, and is all that lengths are measured with."""

    def __init__(self, database: Database, *, timer: Timer, length_seconds: float = 15.0) -> None:
        self._database, self._timer, self._length = database, timer, length_seconds
        self._seen: dict[str, tuple[tuple[int, int], float]] = {}  # name → the last new (token, beat), and when we saw it

    def acquire(self, name: str, holder: str) -> Lease:
        with self._database.write() as connection:
            row = connection.execute(select(leases).where(leases.c.name == name)).first()
            if row is None:
                connection.execute(insert(leases).values(name=name, holder=holder, token=1, beat=0))
                return Lease(name, holder, 1)
            if row.holder is not None and self._alive(name, (row.token, row.beat)):
                raise HeldError(f"The lease {name!r}", row.holder)
            token = row.token + 1
            connection.execute(update(leases).where(leases.c.name == name).values(holder=holder, token=token, beat=0))
        return Lease(name, holder, token)

    def _alive(self, name: str, mark: tuple[int, int]) -> bool:
        now = self._timer.seconds()
        last, since = self._seen.get(name, (None, now))
        if last != mark:
            since = now
        self._seen[name] = (mark, since)
        return now - since < self._length

    def renew(self, lease: Lease) -> None:
        with self._database.write() as connection:
            owned = update(leases).where(leases.c.name == lease.name, leases.c.token == lease.token, leases.c.holder.is_not(None))
            if connection.execute(owned.values(beat=leases.c.beat + 1)).rowcount == 1:
                return
            row = connection.execute(select(leases.c.holder).where(leases.c.name == lease.name)).first()
        raise LeaseLostError(lease.name, lease.holder, now_held_by=None if row is None else row.holder)

    def release(self, lease: Lease) -> None:
        with self._database.write() as connection:
            connection.execute(update(leases).where(leases.c.name == lease.name, leases.c.token == lease.token).values(holder=None))


class SqlPositions:
    """`Positions` in the table `positions`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, name: str) -> int:
        with self._database.read() as connection:
            return connection.execute(_POSITION, {"of": name}).scalar_one_or_none() or 0

    def set(self, name: str, value: int) -> None:
        with self._database.write() as connection:
            if connection.execute(_MOVE_ON, {"of": name, "to": value}).rowcount == 0:
                connection.execute(_NEW_POSITION, {"name": name, "value": value})
