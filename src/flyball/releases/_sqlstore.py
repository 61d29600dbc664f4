"""Deployments and rollouts on the home's database; plain SQLAlchemy Core."""

from __future__ import annotations

from flyball.core.optional import extra
from flyball.releases._sql import deployments, rollouts
from flyball.releases.deployments import Deployment
from flyball.releases.rollout import Rollout
from flyball.storage.database import Database

with extra("store"):
    from sqlalchemy import and_, delete, insert, select


class SqlReleases:
    """A `ReleaseStore` in the tables `deployments` and `rollouts`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def set_deployment(self, deployment: Deployment) -> bool:
        here = and_(deployments.c.environment == deployment.environment, deployments.c.endpoint == deployment.endpoint)
        with self._database.write() as connection:
            stands = connection.execute(select(deployments.c.revision).where(here)).scalar_one_or_none()
            if deployment.revision != (0 if stands is None else stands) + 1:
                return False
            connection.execute(delete(deployments).where(here))
            connection.execute(
                insert(deployments).values(
                    environment=deployment.environment,
                    endpoint=deployment.endpoint,
                    revision=deployment.revision,
                    deployment=deployment.to_json(),
                )
            )
            return True

    def find_deployment(self, environment: str, endpoint: str) -> Deployment | None:
        here = and_(deployments.c.environment == environment, deployments.c.endpoint == endpoint)
        with self._database.read() as connection:
            data = connection.execute(select(deployments.c.deployment).where(here)).scalar_one_or_none()
            return None if data is None else Deployment.from_json(data)

    def list_deployments(self) -> list[Deployment]:
        found = select(deployments.c.deployment).order_by(deployments.c.environment, deployments.c.endpoint)
        with self._database.read() as connection:
            return [Deployment.from_json(data) for data in connection.execute(found).scalars()]

    def set_rollout(self, environment: str, endpoint: str, *, rollout: Rollout) -> None:
        place = {"environment": environment, "endpoint": endpoint, "version": rollout.version}
        here = and_(*(rollouts.c[name] == value for name, value in place.items()))
        with self._database.write() as connection:
            connection.execute(delete(rollouts).where(here))
            connection.execute(insert(rollouts).values(**place, rollout=rollout.to_json()))

    def find_rollout(self, environment: str, endpoint: str, *, version: int) -> Rollout | None:
        here = and_(rollouts.c.environment == environment, rollouts.c.endpoint == endpoint, rollouts.c.version == version)
        with self._database.read() as connection:
            data = connection.execute(select(rollouts.c.rollout).where(here)).scalar_one_or_none()
            return None if data is None else Rollout.from_json(data)

    def list_rollouts(self, environment: str, endpoint: str) -> list[Rollout]:
        here = and_(rollouts.c.environment == environment, rollouts.c.endpoint == endpoint)
        with self._database.read() as connection:
            found = connection.execute(select(rollouts.c.rollout).where(here).order_by(rollouts.c.version))
            return [Rollout.from_json(data) for data in found.scalars()]
