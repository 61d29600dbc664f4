"""Collecting a home's garbage, safely while others write.

What was deleted long ago is purged, uploads that were left are forgotten, and content that nothing refers to any more is deleted.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flyball.app.blobuses import find_in_files, find_used
from flyball.app.location import CODE_IN_USE, DATABASE, LOCK, PLAN
from flyball.core.clock import Clock, WallClock
from flyball.core.duration import microseconds
from flyball.core.optional import extra
from flyball.storage.blobs import BlobStore
from flyball.storage.database import Database
from flyball.storage.garbage import Sweep, UsedDigests, sweep
from flyball.storage.homelock import find_owner
from flyball.storage.recorder import Recorder
from flyball.tracking._artifacts_sqlstore import SqlArtifacts
from flyball.tracking.purging import Condemned, Purge

with extra("store"):
    from sqlalchemy import column, select, table

OLDER_THAN, GRACE = timedelta(days=30), timedelta(days=1)
WORLDS = "backtests/*/*"
_LIVE = ("flyball up", "flyball server")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What to collect: what was deleted so long ago, and content that nobody put for so long."""

    older_than: timedelta = OLDER_THAN
    grace: timedelta = GRACE
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What went, or would go."""

    purged: Condemned
    uploads: int
    sweep: Sweep


@dataclass(frozen=True)
class Garbage:
    """The garbage of one home. `clock` is the one by which its runs were deleted, which may be a rehearsal's; files age by the system's."""

    home: Path
    database: Database
    blobs: BlobStore
    recorder: Recorder
    clock: Clock

    def collect(self, wish: Wish) -> Collected:
        """Purge, mark, sweep; `garbage.collected` says what went. A dry run changes nothing.

        Raises:
            UnavailableError: a store cannot be reached or written; what went until then is gone, and the rest goes the next time.
        """
        condemned = Purge(self.database).find(_ms(self.clock.now() - wish.older_than), needed=self._needed())
        before = self._before(wish.grace)
        if wish.dry_run:
            used, uploads = self._rehearse(condemned)
            return Collected(purged=condemned, uploads=uploads, sweep=sweep(self.blobs, used, before=before, dry_run=True))
        purged = Purge(self.database).run(condemned)
        uploads = SqlArtifacts(self.database).delete_expired_uploads(self._now_ms())
        found = Collected(purged=purged, uploads=uploads, sweep=sweep(self.blobs, self.used(), before=before))
        self._record(found)
        return found

    def _needed(self) -> set[str]:
        """Runs and logged models that model versions come from: they can be traced as long as the versions stand."""
        versions = table("registered_versions", column("run"), column("logged_model"))
        with self.database.read() as connection:
            rows = connection.execute(select(versions.c.run, versions.c.logged_model).distinct()).all()
        return {name for row in rows for name in row if name}

    def _before(self, grace: timedelta) -> datetime:
        """Content that was put later stays. A backtest may hold whatever it put since it began; a live home names what it has."""
        moment = WallClock().now() - grace
        owner = find_owner(self.home / LOCK)
        return moment if owner is None or owner.command.startswith(_LIVE) else min(moment, owner.since)

    def _now_ms(self) -> int:
        """By the earlier of both clocks: an upload may have been opened by either, and nobody's is taken too soon."""
        return _ms(min(self.clock.now(), WallClock().now()))

    def _rehearse(self, condemned: Condemned) -> tuple[UsedDigests, int]:
        with _taken_back(self.database):
            Purge(self.database).unlink(condemned)
            uploads = SqlArtifacts(self.database).delete_expired_uploads(self._now_ms())
            return self.used(), uploads

    def used(self) -> UsedDigests:
        """What the home and its worlds refer to now."""
        used = find_used(self.database)
        used.add(find_in_files([self.home / PLAN, self.home / CODE_IN_USE]))
        for world in sorted(self.home.glob(f"{WORLDS}/{DATABASE}")):
            database = Database.open(world)
            try:
                used.update(find_used(database))
            finally:
                database.close()
        return used

    def _record(self, found: Collected) -> None:
        data = {
            "experiments": len(found.purged.experiments),
            "runs": len(found.purged.runs),
            "models": len(found.purged.models),
            "uploads": found.uploads,
            "blobs": found.sweep.freed,
            "bytes": found.sweep.freed_bytes,
        }
        if any(data.values()):
            self.recorder.record("garbage.collected", "home", data=data)


@contextmanager
def _taken_back(database: Database) -> Iterator[None]:
    """What the block writes is seen in it alone."""
    with database.write() as connection:
        rehearsal = connection.begin_nested()
        try:
            yield
        finally:
            rehearsal.rollback()


def _ms(moment: datetime) -> int:
    return microseconds(moment.astimezone(UTC)) // 1000
