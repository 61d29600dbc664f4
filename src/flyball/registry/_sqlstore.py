"""The registry on the home's database; plain SQLAlchemy Core."""

from __future__ import annotations

import builtins
from collections.abc import Sequence

from flyball.core.duration import microseconds
from flyball.core.ids import Digest, RunId
from flyball.core.optional import extra
from flyball.registry._rows import file_values, made_of, seal_values, version_values
from flyball.registry._sql import evidence as evidence_table
from flyball.registry._sql import models, names, version_files, versions
from flyball.registry.errors import VersionExistsError, VersionNotFoundError
from flyball.registry.evidence import Evidence
from flyball.registry.model import ModelVersion, VersionState
from flyball.registry.registered import Origin, VersionFile
from flyball.registry.sealing import Sealer
from flyball.storage.database import Database

with extra("store"):
    from sqlalchemy import Connection, delete, func, insert, select, update

WHOLE = select(versions, models.c.name).join_from(versions, models, versions.c.model == models.c.id)
"""Every version with the present name of its model."""

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
        with self._database.read() as connection:
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
        with self._database.read() as connection:
            here = (models.c.name == model, evidence_table.c.number == number)
            data = connection.execute(found.where(*here)).scalar_one_or_none()
            return None if data is None else Evidence.from_json(data)


def find_id(connection: Connection, name: str) -> int | None:
    """The id of the model that has the name now."""
    return connection.execute(select(models.c.id).where(models.c.name == name)).scalar_one_or_none()


def next_number(connection: Connection, name: str) -> int:
    """The number after the highest that was ever given under the name."""
    return 1 + (connection.execute(select(names.c.last_number).where(names.c.name == name)).scalar_one_or_none() or 0)


def reserve_numbers(connection: Connection, name: str, *, highest: int) -> None:
    """No number up to `highest` is given under the name any more."""
    last = next_number(connection, name) - 1
    if highest > last:
        connection.execute(delete(names).where(names.c.name == name))
        connection.execute(insert(names).values(name=name, last_number=highest))


def insert_version(
    connection: Connection,
    made: ModelVersion,
    *,
    origin: Origin,
    files: Sequence[VersionFile],
    sealer: Sealer | None,
    description: str = "",
) -> None:
    """Keep a version of a model that exists, with its files and its seal.

    Raises:
        VersionExistsError: the number is taken.
    """
    model_id = connection.execute(select(models.c.id).where(models.c.name == made.model)).scalar_one()
    taken = select(func.count()).select_from(versions).where(versions.c.model == model_id, versions.c.number == made.number)
    if connection.execute(taken).scalar_one():
        raise VersionExistsError(made.model, made.number)
    seal = sealer.seal_version(made, origin, files=files, model_id=model_id) if sealer else None
    now_ms = microseconds(made.created) // 1000
    values = {**version_values(made, origin), **seal_values(seal), "description": description, "stage": "None", "updated_ms": now_ms}
    connection.execute(insert(versions).values(model=model_id, **values))
    connection.execute(update(models).where(models.c.id == model_id).values(updated_ms=now_ms))
    rows = [{"model": model_id, "number": made.number, "ordinal": place, **file_values(file)} for place, file in enumerate(files)]
    if rows:
        connection.execute(insert(version_files), rows)
    reserve_numbers(connection, made.model, highest=made.number)
