"""Rewards in the home's database; plain SQLAlchemy Core."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from flyball.core.duration import microseconds
from flyball.core.optional import extra
from flyball.releases._sql import rewards
from flyball.releases.rewards import Earned
from flyball.serving.policies import Arm
from flyball.storage.database import Database

with extra("store"):
    from sqlalchemy import func, insert, select

_AT_ONCE = 500  # parameters of one statement


class SqlRewards:
    """A `RewardStore` in the table `rewards`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, endpoint: str, earned: Sequence[Earned]) -> int:
        new = 0
        with self._database.write() as connection:
            for start in range(0, len(earned), _AT_ONCE):
                some = {found.prediction: found for found in earned[start : start + _AT_ONCE]}
                asked = select(rewards.c.prediction).where(rewards.c.endpoint == endpoint, rewards.c.prediction.in_(some))
                for known in connection.execute(asked).scalars():
                    del some[known]
                rows = [{**_row(found), "endpoint": endpoint} for found in some.values()]
                if rows:
                    connection.execute(insert(rewards), rows)
                new += len(rows)
        return new

    def totals(self, endpoint: str, since: datetime) -> Mapping[int, Arm]:
        asked = (
            select(rewards.c.version, func.sum(rewards.c.reward), func.count())
            .where(rewards.c.endpoint == endpoint, rewards.c.answered >= microseconds(since))
            .group_by(rewards.c.version)
        )
        with self._database.read() as connection:
            # A sum of floats may pass its count by a rounding, and then would be no sum of rewards.
            return {version: Arm(min(float(total), count), count) for version, total, count in connection.execute(asked)}


def _row(found: Earned) -> dict[str, object]:
    return {
        "prediction": found.prediction, "version": found.version, "reward": found.reward, "answered": microseconds(found.answered),
    }  # fmt: skip
