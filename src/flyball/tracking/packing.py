"""From rows as they were logged to packed columns per run and key.

A run's points are packed when it has enough new ones, so that each column gains at least some tens at once; a column's last chunk is
packed anew with what comes when that is as many. So a point is packed a few times in its life, and a long history is few chunks.
"""

from __future__ import annotations

from flyball.tracking.hot import Cursor
from flyball.tracking.points import RECORD_BYTES, Columns, by_key, by_time, joined, pack, unpack

EVERY = 8192
EVERY_ALONE = 512
ALONE = 16  # points in a row of which the row itself is a good part
EACH = 64
MOST_WAITING = 262_144
MOST_IN_CHUNK = 65_536

_WAITING = "SELECT count(*), sum(length(records)) FROM metric_points WHERE run = ?"
_KEYS = "SELECT count(*) FROM latest_metrics WHERE run = ?"
_TAIL = "SELECT records FROM metric_points WHERE run = ? AND position <= ? ORDER BY position"
_CLEAR = "DELETE FROM metric_points WHERE run = ? AND position <= ?"
_LAST = "SELECT position, points, packed FROM metric_chunks WHERE run = ? AND key = ? ORDER BY position DESC LIMIT 1"
_DROP = "DELETE FROM metric_chunks WHERE run = ? AND key = ? AND position = ?"
_ADD = "INSERT INTO metric_chunks (run, key, position, points, first_ms, last_ms, packed) VALUES (?, ?, ?, ?, ?, ?, ?)"


def due(*, added: int, position: int) -> bool:
    """Whether it is time to look how many points wait, now that those up to `position` are there.

    Sooner for points that come alone: a row of its own costs half as much again as the point.
    """
    every = EVERY_ALONE if added < ALONE else EVERY
    return position // every != (position - added) // every


def pack_when_due(cursor: Cursor, run: int, *, added: int, position: int) -> None:
    """Pack the run's points where those just added are its 8192nd, 16384th, …, and enough of them wait for each key."""
    if not due(added=added, position=position):
        return
    cursor.execute(_WAITING, (run,))
    waiting = int(cursor.fetchone()[1] or 0) // RECORD_BYTES
    cursor.execute(_KEYS, (run,))
    if waiting >= min(EACH * cursor.fetchone()[0], MOST_WAITING):
        pack_run(cursor, run, position=position)


def pack_ended(cursor: Cursor, run: int, *, position: int) -> None:
    """Pack what a run that has ended leaves, where it is so many rows that packing makes them fewer."""
    cursor.execute(_WAITING, (run,))
    rows = cursor.fetchone()[0]
    cursor.execute(_KEYS, (run,))
    if rows > 2 * cursor.fetchone()[0]:
        pack_run(cursor, run, position=position)


def pack_run(cursor: Cursor, run: int, *, position: int) -> None:
    """Move the run's points up to `position` into chunks."""
    cursor.execute(_TAIL, (run, position))
    columns = by_key(bytes(row[0]) for row in cursor.fetchall())
    for key, fresh in columns.items():
        _add(cursor, run, key=key, fresh=fresh, position=position)
    cursor.execute(_CLEAR, (run, position))


def _add(cursor: Cursor, run: int, *, key: int, fresh: Columns, position: int) -> None:
    columns = fresh
    cursor.execute(_LAST, (run, key))
    last = cursor.fetchone()
    while last is not None and last[1] <= len(columns) and last[1] + len(columns) <= MOST_IN_CHUNK:
        columns = joined((unpack(bytes(last[2])), columns))
        cursor.execute(_DROP, (run, key, last[0]))
        cursor.execute(_LAST, (run, key))
        last = cursor.fetchone()
    columns = by_time(columns)
    first, until = int(columns.times.min()), int(columns.times.max())
    cursor.execute(_ADD, (run, key, position, len(columns), first, until, pack(columns)))
