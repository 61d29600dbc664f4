"""The laws of the services of tracking, in MLflow's meaning: what a client logs and reads back, on any database."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

from flyball.core.clock import VirtualClock
from flyball.core.ids import DerivedIds
from flyball.core.rand import SeededRandom
from flyball.storage._sqlstore import SqlEventLog
from flyball.storage.database import Database
from flyball.storage.recorder import Recorder
from flyball.testing.suite import Suite
from flyball.tracking.trackedrun import Metric
from flyball.tracking.tracking import Tracking, open_tracking

NOON = datetime(2013, 3, 1, 12, tzinfo=UTC)
NOON_MS = 1_362_139_200_000


def tracking_in(database: Database, seed: int = 0) -> Tracking:
    """The tracking of a database, at noon of the first of March 2013, with ids that derive from `seed`."""
    clock, ids = VirtualClock(NOON), DerivedIds(seed)
    return open_tracking(
        database, clock=clock, ids=ids, random=SeededRandom(seed), recorder=Recorder(SqlEventLog(database), clock=clock, ids=ids)
    )


def point(key: str, value: float, *, step: int = 0, time_ms: int = 0) -> Metric:
    """One point."""
    return Metric(key=key, value=value, step=step, time_ms=time_ms)


class TrackingSuite(Suite):
    """What is logged is read back as it was, by everybody."""

    @abstractmethod
    def open(self, place: Path) -> AbstractContextManager[Tracking]:
        """A handle on the tracking at `place`, as another process would have it."""
