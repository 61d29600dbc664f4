"""What posted predictions are remembered by, in the home's database; plain SQLAlchemy Core."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from flyball.core.duration import microseconds
from flyball.core.optional import extra
from flyball.serving._sql import posted_predictions
from flyball.storage.database import Database

with extra("store"):
    from sqlalchemy import delete, insert, select

_AT_ONCE = 500  # parameters of one statement


class SqlPosted:
    """Marks of predictions that were taken, each with when. Writes join the transaction that is open in their thread. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, marks: Collection[str]) -> set[str]:
        """Those of the marks that are remembered."""
        found: set[str] = set()
        asked = list(marks)
        with self._database.read() as connection:
            for start in range(0, len(asked), _AT_ONCE):
                some = select(posted_predictions.c.mark).where(posted_predictions.c.mark.in_(asked[start : start + _AT_ONCE]))
                found.update(connection.execute(some).scalars())
        return found

    def add(self, marks: Collection[str], taken: datetime) -> None:
        """They are remembered; those that were before stay as they are."""
        new = set(marks) - self.find(marks)
        rows = [{"mark": mark, "taken": microseconds(taken)} for mark in sorted(new)]
        if rows:
            with self._database.write() as connection:
                connection.execute(insert(posted_predictions), rows)

    def forget(self, before: datetime) -> int:
        """Those that were taken before then are remembered no more; how many they were."""
        with self._database.write() as connection:
            gone = connection.execute(delete(posted_predictions).where(posted_predictions.c.taken < microseconds(before)))
            return int(gone.rowcount)
