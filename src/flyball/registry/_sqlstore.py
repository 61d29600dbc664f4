"""The registry on the home's database; plain SQLAlchemy Core."""

from __future__ import annotations

import builtins
from collections.abc import Mapping

from flyball.core.duration import microseconds
from flyball.core.ids import Digest, RunId
from flyball.core.optional import extra
from flyball.registry._rows import damage_told, made_of, seal_values
from flyball.registry._sql import evidence as evidence_table
from flyball.registry._sql import model_aliases, models, versions
from flyball.registry._versions import WHOLE, find_id, insert_version, next_number
from flyball.registry.errors import VersionNotFoundError
from flyball.registry.evidence import Evidence
from flyball.registry.model import ModelVersion, VersionState
from flyball.registry.registered import MANAGED_ALIASES, Origin, VersionFile
from flyball.registry.sealing import Sealer
from flyball.storage.database import Database

with extra("store"):
    from sqlalchemy import delete, insert, select, update

OWN_FILE = "model.bin"
"""The one file of a version that a training of Flyball's made."""


class SqlRegistry:
    """A `RegistryStore` in the tables `registered_models`, `registered_versions`, `registered_files` and `registered_evidence`.

    With a `sealer`, versions and evidence are signed in the transaction that makes them.
    """

    def __init__(self, database: Database, sealer: Sealer | None = None) -> None:
        self._database, self._sealer = database, sealer

    def create(self, version: ModelVersion) -> None:
        origin = Origin(source=f"runs:/{version.run}/model", principal="system", may_run_code=True)
        files = [VersionFile(path=OWN_FILE, digest=version.digest, uploader=origin.principal, may_run_code=True)]
        with self._database.write() as connection:
            if find_id(connection, version.model) is None:
                now_ms = microseconds(version.created) // 1000
                connection.execute(insert(models).values(name=version.model, description="", created_ms=now_ms, updated_ms=now_ms))
            insert_version(connection, version, origin=origin, files=files, sealer=self._sealer)

    def next_number(self, model: str) -> int:
        with self._database.read() as connection:
            return next_number(connection, model)

    def find(self, model: str, number: int) -> ModelVersion | None:
        with self._database.read() as connection, damage_told(model, number):
            row = connection.execute(WHOLE.where(models.c.name == model, versions.c.number == number)).one_or_none()
            return None if row is None else made_of(row)

    def find_registered(self, model: str, *, digest: Digest, run: RunId) -> ModelVersion | None:
        found = WHOLE.where(models.c.name == model, versions.c.digest == digest, versions.c.run == run)
        with self._database.read() as connection:
            row = connection.execute(found.order_by(versions.c.number).limit(1)).one_or_none()
            return None if row is None else made_of(row)

    def list(self, model: str | None = None) -> builtins.list[ModelVersion]:
        found = WHOLE.order_by(models.c.name, versions.c.number)
        with self._database.read() as connection:
            rows = connection.execute(found if model is None else found.where(models.c.name == model))
            return [made_of(row) for row in rows]

    def set_state(self, model: str, number: int, *, state: VersionState, expected: VersionState) -> bool:
        with self._database.write() as connection:
            here = (versions.c.model == find_id(connection, model), versions.c.number == number, versions.c.state == expected.value)
            return connection.execute(update(versions).where(*here).values(state=state.value)).rowcount == 1

    def set_deployed(self, model: str, *, managed_by: str, aliases: Mapping[str, int]) -> None:
        with self._database.write() as connection:
            here = models.c.name == model
            connection.execute(update(models).where(here).values(managed_by=managed_by))
            model_id = find_id(connection, model)
            old = (model_aliases.c.model == model_id, model_aliases.c.alias.in_(sorted(MANAGED_ALIASES)))
            connection.execute(delete(model_aliases).where(*old))
            rows = [{"model": model_id, "alias": alias, "number": number} for alias, number in sorted(aliases.items())]
            if rows and model_id is not None:
                connection.execute(insert(model_aliases), rows)

    def set_evidence(self, model: str, number: int, *, evidence: Evidence) -> None:
        with self._database.write() as connection:
            model_id = find_id(connection, model)
            if model_id is None or self.find(model, number) is None:
                raise VersionNotFoundError(model, number, versions=[version.number for version in self.list(model)])
            here = (evidence_table.c.model == model_id, evidence_table.c.number == number)
            seal = self._sealer.seal_evidence(evidence, number=number, model_id=model_id) if self._sealer else None
            connection.execute(delete(evidence_table).where(*here))
            values = {"model": model_id, "number": number, "evidence": evidence.to_json(), **seal_values(seal)}
            connection.execute(insert(evidence_table).values(values))

    def find_evidence(self, model: str, number: int) -> Evidence | None:
        found = select(evidence_table.c.evidence).join_from(evidence_table, models, evidence_table.c.model == models.c.id)
        with self._database.read() as connection, damage_told(model, number):
            here = (models.c.name == model, evidence_table.c.number == number)
            data = connection.execute(found.where(*here)).scalar_one_or_none()
            return None if data is None else Evidence.from_json(data)
