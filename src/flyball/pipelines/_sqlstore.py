"""The step cache on the home's database."""

from __future__ import annotations

from flyball.core.ids import Digest
from flyball.core.optional import extra
from flyball.pipelines._sql import steps
from flyball.pipelines.model import Manifest
from flyball.storage.database import Database

with extra("store"):
    from sqlalchemy import insert, select


class SqlStepCache:
    """A `StepCache` in the table `steps`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, key: Digest) -> Manifest | None:
        with self._database.read() as connection:
            row = connection.execute(select(steps).where(steps.c.key == key)).one_or_none()
        return None if row is None else Manifest(step=row.step, outputs=row.outputs, summary=row.summary)

    def commit(self, key: Digest, manifest: Manifest) -> Manifest:
        with self._database.write() as connection:
            row = connection.execute(select(steps).where(steps.c.key == key)).one_or_none()
            if row is not None:
                return Manifest(step=row.step, outputs=row.outputs, summary=row.summary)
            values = {"key": key, "step": manifest.step, "outputs": dict(manifest.outputs), "summary": dict(manifest.summary)}
            connection.execute(insert(steps).values(values))
        return manifest
