"""The registry on the home's database; plain SQLAlchemy Core."""

from __future__ import annotations

import builtins
from typing import Any

from flyball.core.ids import Digest, EventId, RunId
from flyball.core.optional import extra
from flyball.registry._sql import evidence as evidence_table
from flyball.registry._sql import versions
from flyball.registry.errors import VersionExistsError, VersionNotFoundError
from flyball.registry.evidence import Evidence
from flyball.registry.model import ModelVersion, VersionState
from flyball.storage.database import Database

with extra("store"):
    from sqlalchemy import Row, and_, delete, insert, select, update


def _version(row: Row[Any]) -> ModelVersion:
    return ModelVersion(
        model=row.model,
        number=row.number,
        digest=Digest(row.digest),
        run=RunId(row.run),
        state=VersionState(row.state),
        data_versions=row.data_versions,
        training_digest=Digest(row.training_digest),
        feature_fingerprint=Digest(row.feature_fingerprint),
        code_version=row.code_version,
        environment=Digest(row.environment),
        created=row.created,
        cause=None if row.cause is None else EventId(row.cause),
    )


class SqliteRegistry:
    """A `RegistryStore` in the tables `model_versions` and `version_evidence`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, version: ModelVersion) -> None:
        with self._database.write() as connection:
            if self.find(version.model, version.number) is not None:
                raise VersionExistsError(version.model, version.number)
            connection.execute(
                insert(versions).values(
                    model=version.model, number=version.number, digest=version.digest, run=version.run, state=version.state.value,
                    data_versions=version.data_versions, training_digest=version.training_digest,
                    feature_fingerprint=version.feature_fingerprint, code_version=version.code_version,
                    environment=version.environment, created=version.created, cause=version.cause,
                )
            )  # fmt: skip

    def find(self, model: str, number: int) -> ModelVersion | None:
        with self._database.read() as connection:
            found = select(versions).where(versions.c.model == model, versions.c.number == number)
            row = connection.execute(found).one_or_none()
            return None if row is None else _version(row)

    def find_registered(self, model: str, *, digest: Digest, run: RunId) -> ModelVersion | None:
        with self._database.read() as connection:
            found = select(versions).where(versions.c.model == model, versions.c.digest == digest, versions.c.run == run)
            row = connection.execute(found.order_by(versions.c.number).limit(1)).one_or_none()
            return None if row is None else _version(row)

    def list(self, model: str | None = None) -> builtins.list[ModelVersion]:
        found = select(versions).order_by(versions.c.model, versions.c.number)
        with self._database.read() as connection:
            rows = connection.execute(found if model is None else found.where(versions.c.model == model))
            return [_version(row) for row in rows]

    def set_state(self, model: str, number: int, *, state: VersionState, expected: VersionState) -> bool:
        here = and_(versions.c.model == model, versions.c.number == number, versions.c.state == expected.value)
        with self._database.write() as connection:
            return connection.execute(update(versions).where(here).values(state=state.value)).rowcount == 1

    def set_evidence(self, model: str, number: int, *, evidence: Evidence) -> None:
        here = and_(evidence_table.c.model == model, evidence_table.c.number == number)
        with self._database.write() as connection:
            if self.find(model, number) is None:
                raise VersionNotFoundError(model, number, versions=[version.number for version in self.list(model)])
            connection.execute(delete(evidence_table).where(here))
            connection.execute(insert(evidence_table).values(model=model, number=number, evidence=evidence.to_json()))

    def find_evidence(self, model: str, number: int) -> Evidence | None:
        found = select(evidence_table.c.evidence).where(evidence_table.c.model == model, evidence_table.c.number == number)
        with self._database.read() as connection:
            data = connection.execute(found).scalar_one_or_none()
            return None if data is None else Evidence.from_json(data)
