"""What the services of tracking share: where they write, and what time, ids and names come from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from flyball.core.clock import Clock
from flyball.core.duration import microseconds
from flyball.core.ids import Ids
from flyball.core.optional import extra
from flyball.core.rand import Random
from flyball.storage.database import Database
from flyball.storage.recorder import Recorder
from flyball.tracking.hot import HotWrites
from flyball.tracking.hotengines import hot_writes
from flyball.tracking.keys import Keys
from flyball.tracking.naming import random_name

with extra("store"):
    from sqlalchemy import Connection, Table, func, select

ARTIFACTS = "mlflow-artifacts:/"


@dataclass(frozen=True)
class Ledger:
    """One home's tracking; thread-safe. Ids and names that are drawn derive from the ports alone."""

    database: Database
    keys: Keys
    hot: HotWrites
    clock: Clock
    ids: Ids
    random: Random
    recorder: Recorder

    def by(self, actor: str) -> Ledger:
        """The same, telling what is done as done by `actor`."""
        return replace(self, recorder=self.recorder.by(actor))

    def now_ms(self) -> int:
        """Business time in whole milliseconds since 1970 UTC."""
        return microseconds(self.clock.now()) // 1000

    def new_id(self, connection: Connection, table: Table, *cause: str) -> str:
        """32 hexadecimal digits, which is what MLflow's users take for an id, for a row that is about to be put into `table`.

        Where ids derive from their cause, the last number in the table makes it unique.
        """
        last = connection.execute(select(func.max(table.c.number))).scalar_one() if self.ids.derived else None
        return hashlib.sha256(self.ids.create(table.name, *cause, str(last)).encode()).hexdigest()[:32]

    def new_name(self, of: str) -> str:
        """A name for who was given none: an adjective, a noun and a number."""
        return random_name(self.random, of)


def open_ledger(database: Database, *, clock: Clock, ids: Ids, random: Random, recorder: Recorder) -> Ledger:
    """The ledger that lies in `database`."""
    return Ledger(database, Keys(database), hot_writes(database), clock, ids, random, recorder)
