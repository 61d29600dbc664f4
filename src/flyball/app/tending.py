"""Tables kept quick and small by themselves: small files are merged, what was replaced goes after a day.

A home that lives does this as a chore; a pull of its own does it for the tables that it added to.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from flyball.core.clock import Timer
from flyball.core.errors import FlyballError
from flyball.data.model import ARRIVAL
from flyball.serving.answers import POSITION
from flyball.storage.tables import KEEP, TableStore

VACUUM_SECONDS = 3600.0
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tended:
    """So many files went into fewer, and so many were deleted."""

    merged: int = 0
    deleted: int = 0

    def __add__(self, other: Tended) -> Tended:
        return Tended(self.merged + other.merged, self.deleted + other.deleted)


def merge_table(tables: TableStore, name: str) -> Tended:
    """Merge what is worth it, rows in the order in which they came."""
    found = tables.statistics(name)
    if not found.small_files:
        return Tended()
    return Tended(merged=tables.compact(name, order=next((column for column in (ARRIVAL, POSITION) if column in found.columns), None)))


def tend_after(tables: TableStore, names: Iterable[str], *, keep: timedelta = KEEP) -> Tended:
    """Tend the tables that there are of `names`, to which something was added. What fails is told in the log: the rows are there."""
    done = Tended()
    for name in names:
        try:
            if tables.latest(name) is not None:
                done += merge_table(tables, name) + Tended(deleted=tables.vacuum(name, keep=keep).files)
        except FlyballError as error:
            _LOG.warning("The table %s is tended another time: %s", name, error)
    return done


class Tending:
    """All tables of a home that lives, merged at each call, and freed of what was replaced an hour after the last time. One thread's."""

    def __init__(self, tables: TableStore, timer: Timer) -> None:
        self._tables, self._timer = tables, timer
        self._vacuumed: dict[str, float] = {}

    def run(self) -> Tended:
        """Tend what there is to tend; a table that fails does not stop the others.

        Raises:
            FlyballError: that of the first table that failed, when all others are done.
        """
        done, failed = Tended(), None
        for name in self._tables.list():
            try:
                done += merge_table(self._tables, name) + self._vacuum(name)
            except FlyballError as error:
                failed = failed or error
        if failed is not None:
            raise failed
        return done

    def _vacuum(self, name: str) -> Tended:
        now = self._timer.seconds()
        if now < self._vacuumed.get(name, -VACUUM_SECONDS) + VACUUM_SECONDS:
            return Tended()
        self._vacuumed[name] = now
        return Tended(deleted=self._tables.vacuum(name).files)
