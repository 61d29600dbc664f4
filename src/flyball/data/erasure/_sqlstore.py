"""Erasures in the home's database, in statements that PostgreSQL understands too."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from flyball.core.ids import Digest
from flyball.core.optional import extra
from flyball.data._sql import dataset_versions
from flyball.data.erasure._sql import erased_keys, erasures
from flyball.data.erasure.model import Erasure
from flyball.data.model import DatasetVersion
from flyball.storage.blobs import BlobStore
from flyball.storage.database import Database

with extra("store"):
    from sqlalchemy import delete, func, insert, select, update

_E, _K, _V = erasures.c, erased_keys.c, dataset_versions.c
_AT_ONCE = 500  # parameters of one statement


class SqlErasures:
    """Erasures, and which keys are refused. A job is created once; its marks stand from then on, until they are allowed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, erasure: Erasure, marks: Mapping[str, Collection[str]]) -> None:
        """Begin it: keys with these marks, by dataset, are refused from now on."""
        with self._database.write() as connection:
            connection.execute(insert(erasures).values(**vars(erasure)))
            for dataset, found in marks.items():
                self.allow(dataset, found)
                rows = [{"dataset": dataset, "mark": mark, "job": erasure.job} for mark in sorted(found)]
                for at in range(0, len(rows), _AT_ONCE):
                    connection.execute(insert(erased_keys), rows[at : at + _AT_ONCE])

    def list(self, dataset: str | None = None) -> list[Erasure]:
        """All erasures, of one dataset or of all, oldest first."""
        asked = select(erasures).order_by(_E.begun, _E.job)
        with self._database.read() as connection:
            rows = connection.execute(asked if dataset is None else asked.where(_E.dataset == dataset)).mappings()
            return [Erasure(**row) for row in rows]

    def set_found(self, job: str, found: Mapping[str, Any]) -> None:
        """What was there before anything went."""
        with self._database.write() as connection:
            connection.execute(update(erasures).where(_E.job == job).values(found=dict(found)))

    def finish(self, job: str, certificate: Digest) -> None:
        """It is done, and this blob says so."""
        with self._database.write() as connection:
            connection.execute(update(erasures).where(_E.job == job).values(done=True, certificate=certificate))

    def get_marks(self, dataset: str) -> frozenset[str]:
        """The marks of the keys that are refused."""
        with self._database.read() as connection:
            return frozenset(connection.execute(select(_K.mark).where(_K.dataset == dataset)).scalars())

    def count_marks(self, dataset: str) -> int:
        """How many marks are refused."""
        with self._database.read() as connection:
            return int(connection.execute(select(func.count()).where(_K.dataset == dataset)).scalar_one())

    def allow(self, dataset: str, marks: Collection[str]) -> int:
        """Keys with these marks are refused no more; how many were."""
        gone, chosen = 0, sorted(marks)
        with self._database.write() as connection:
            for at in range(0, len(chosen), _AT_ONCE):
                asked = delete(erased_keys).where(_K.dataset == dataset, _K.mark.in_(chosen[at : at + _AT_ONCE]))
                gone += connection.execute(asked).rowcount
        return gone

    def remake(self, version: DatasetVersion, blobs: Mapping[str, Digest]) -> None:
        """What is kept of a version's rows was made anew without some of them; nothing else may change it."""
        chosen = update(dataset_versions).where(_V.dataset == version.dataset, _V.number == version.number)
        with self._database.write() as connection:
            connection.execute(chosen.values(dict(blobs)))


def told_erasures(erasures: SqlErasures, name: str, *, blobs: BlobStore) -> list[dict[str, Any]]:
    """The certificates that tell of the dataset, oldest first; what was begun with it and not ended has none, and says so."""
    told: list[dict[str, Any]] = []
    for found in erasures.list():
        if found.certificate is not None:
            told.append(json.loads(blobs.get(found.certificate)))
        elif found.dataset == name:
            begun = found.begun.isoformat()
            told.append({"job": found.job, "datasets": [name], "dataset": name, "keys": found.keys, "begun": begun, "done": False})
    return [certificate for certificate in told if name in certificate["datasets"]]
