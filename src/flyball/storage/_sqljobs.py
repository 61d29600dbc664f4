"""Jobs on the home's database.

Two laws are the schema's own: a key is unique, and so is `busy_lane`, which has the lane of a job while it is leased or running and
nothing otherwise; so no race of workers, and no database, can run two jobs of a lane.

Claims and heartbeats take no turn: a claim locks the first job of a lane and skips those that others have locked, so workers do not wait
for each other. All else has its turn, so that what `check` has seen stays so until the transaction around it has ended.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from flyball.core.clock import Timer
from flyball.core.ids import EventId, Ids
from flyball.core.optional import extra
from flyball.storage.database import Database
from flyball.storage.errors import JobLostError, JobNotFoundError
from flyball.storage.jobs import BUSY, MOVES, PENDING, Job, JobState
from flyball.storage.schema import jobs

with extra("store"):
    from sqlalchemy import ColumnElement, Connection, Row, Select, Update, bindparam, func, insert, select, update

# Built once: to build a statement costs as much as to run it.
_C = jobs.c
_INSERT = insert(jobs)
_BY_KEY = select(jobs).where(_C.key == bindparam("of"))
_BY_ID = select(jobs).where(_C.id == bindparam("of"))
_BUSY = select(jobs).where(_C.busy_lane.is_not(None)).order_by(_C.position)
_AT_ATTEMPT = (_C.id == bindparam("of"), _C.attempt == bindparam("at"), _C.busy_lane.is_not(None))
_RENEW = update(jobs).where(*_AT_ATTEMPT).values(state="running", beat=_C.beat + 1)
_CHECK = select(_C.position).where(*_AT_ATTEMPT)


def _next(lanes: Sequence[str]) -> Select[tuple[object, ...]]:
    busy = select(_C.busy_lane).where(_C.busy_lane.is_not(None))
    # Who skips a locked job must not take the one behind it: only the first of each lane may be taken.
    waiting = (_C.state == "queued", _C.lane.in_(lanes))
    first = select(func.min(_C.position)).where(*waiting).group_by(_C.lane)
    return select(jobs).where(*waiting, _C.lane.not_in(busy), _C.position.in_(first)).order_by(_C.position).limit(1)


def _job(row: Row[Any]) -> Job:
    return Job(
        row.id, row.kind, row.lane, row.payload, row.key, row.state, row.attempt, row.worker, row.cause, row.error, row.result
    )  # fmt: skip


class SqlJobs:
    """A `JobQueue` in the table `jobs`; `timer` is this observer's own, and is all that leases are measured with."""

    def __init__(self, database: Database, *, ids: Ids, timer: Timer, lease_seconds: float = 15.0) -> None:
        self._database, self._ids, self._timer = database, ids, timer
        self.lease_seconds = lease_seconds
        self._lock = threading.Lock()
        self._seen: dict[str, tuple[tuple[int, int], float]] = {}  # job → its last new (attempt, beat), and when we saw it

    def create(self, kind: str, *, lane: str, payload: Mapping[str, Any], key: str, cause: EventId | None = None) -> Job:
        with self._database.write() as connection:
            row = connection.execute(_BY_KEY, {"of": key}).one_or_none()
            if row is None:
                values = {"kind": kind, "lane": lane, "payload": dict(payload), "key": key, "cause": cause}
                connection.execute(_INSERT, {"id": self._ids.create("job", key), "state": "queued", "attempt": 0, "beat": 0, **values})
                row = connection.execute(_BY_KEY, {"of": key}).one()
        return _job(row)

    def claim(self, lanes: Sequence[str], worker: str) -> Job | None:
        first = _next(lanes)
        with self._database.read() as connection:  # an idle worker asks often, and must not make the writers wait for that
            if connection.execute(first).first() is None:
                return None
        with self._database.write_freely() as connection:
            row = connection.execute(first.with_for_update(of=jobs, skip_locked=True)).first()
            if row is None:
                return None
            leased = {"state": "leased", "busy_lane": row.lane, "attempt": row.attempt + 1, "beat": 0, "worker": worker}
            connection.execute(update(jobs).where(_C.position == row.position).values(leased))
            return _by_id(connection, row.id)

    def renew(self, job: Job) -> None:
        with self._database.write_freely() as connection:
            if connection.execute(_RENEW, {"of": job.id, "at": job.attempt}).rowcount != 1:
                raise _lost(connection, job)

    def check(self, job: Job) -> None:
        with self._database.read() as connection:
            if connection.execute(_CHECK, {"of": job.id, "at": job.attempt}).first() is None:
                raise _lost(connection, job)

    def finish(self, job: Job, result: Mapping[str, Any] | None = None) -> Job:
        return self._end(job, "succeeded", result=None if result is None else dict(result))

    def fail(self, job: Job, error: str) -> Job:
        return self._end(job, "failed", error=error)

    def release(self, job: Job) -> Job:
        return self._end(job, "queued")

    def _end(self, job: Job, state: JobState, **values: object) -> Job:
        with self._database.write() as connection:
            change = _move(state, _C.id == job.id, _C.attempt == job.attempt, _C.busy_lane.is_not(None)).values(**values)
            if connection.execute(change).rowcount != 1:
                raise _lost(connection, job)
            return _by_id(connection, job.id)

    def cancel(self, job_id: str) -> Job:
        with self._database.write() as connection:
            connection.execute(_move("cancelled", _C.id == job_id))
            return _by_id(connection, job_id)

    def recover(self) -> list[Job]:
        with self._lock:
            with self._database.read() as connection:
                busy = list(connection.execute(_BUSY))
            now = self._timer.seconds()
            marks = {row.id: (row.attempt, row.beat) for row in busy}
            seen = {job: self._seen.get(job, (mark, now)) for job, mark in marks.items()}
            self._seen = {job: seen[job] if seen[job][0] == mark else (mark, now) for job, mark in marks.items()}
            silent = {job: mark for job, (mark, since) in self._seen.items() if now - since >= self.lease_seconds}
        return self._free(busy, lambda row: silent.get(row.id) == (row.attempt, row.beat))

    def recover_of(self, worker: str) -> list[Job]:
        with self._database.read() as connection:
            busy = list(connection.execute(_BUSY))
        return self._free(busy, lambda row: row.worker == worker)

    def _free(self, busy: Iterable[Row[Any]], chosen: Callable[[Row[Any]], bool]) -> list[Job]:
        found = [row for row in busy if chosen(row)]
        if not found:
            return []
        freed = []
        with self._database.write() as connection:
            for row in found:
                change = _move("queued", _C.id == row.id, _C.attempt == row.attempt, _C.beat == row.beat, _C.busy_lane.is_not(None))
                if connection.execute(change).rowcount == 1:  # it may have given a sign of life since we looked
                    freed.append(_by_id(connection, row.id))
        return freed

    def get(self, job_id: str) -> Job:
        with self._database.read() as connection:
            return _by_id(connection, job_id)

    def find(self, key: str) -> Job | None:
        with self._database.read() as connection:
            row = connection.execute(_BY_KEY, {"of": key}).one_or_none()
        return None if row is None else _job(row)

    def list(self, state: JobState | None = None) -> list[Job]:
        wanted = select(jobs).order_by(_C.position)
        with self._database.read() as connection:
            return [_job(row) for row in connection.execute(wanted if state is None else wanted.where(_C.state == state))]

    def pending(self, lane: str | None = None) -> int:
        waiting = select(func.count()).select_from(jobs).where(_C.state.in_(PENDING))
        with self._database.read() as connection:
            return connection.execute(waiting if lane is None else waiting.where(_C.lane == lane)).scalar_one()


def _move(to: JobState, *which: ColumnElement[bool]) -> Update:
    """The change of those jobs to `to` that may move there."""
    sources = [state for state, targets in MOVES.items() if to in targets]
    return update(jobs).where(_C.state.in_(sources), *which).values(state=to, busy_lane=_C.lane if to in BUSY else None)


def _by_id(connection: Connection, job_id: str) -> Job:
    row = connection.execute(_BY_ID, {"of": job_id}).one_or_none()
    if row is None:
        raise JobNotFoundError(job_id)
    return _job(row)


def _lost(connection: Connection, job: Job) -> JobLostError:
    now = _by_id(connection, job.id)
    return JobLostError(job.id, job.attempt, state=now.state, now_at=now.attempt)
