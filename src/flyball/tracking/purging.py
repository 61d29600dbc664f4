"""Purging: what was deleted long enough ago is gone for good, with everything that was logged to it. Nothing else deletes runs.

It works in small transactions, so that a server that has the home open goes on writing meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from flyball.core.optional import extra
from flyball.storage.database import Database
from flyball.tracking._artifacts_sql import artifact_files, artifact_parts, artifact_uploads
from flyball.tracking._sql import (
    datasets,
    experiment_tags,
    experiments,
    latest_metrics,
    logged_model_metrics,
    logged_model_params,
    logged_model_tags,
    logged_models,
    metric_chunks,
    metric_points,
    run_datasets,
    run_model_inputs,
    run_model_outputs,
    run_params,
    run_tags,
    tracked_runs,
)
from flyball.tracking.artifact import RootKind
from flyball.tracking.experiment import DEFAULT_ID, Lifecycle

with extra("store"):
    from sqlalchemy import ColumnElement, Connection, Table, and_, delete, or_, select, update

_OF_RUN = (metric_points, metric_chunks, latest_metrics, run_params, run_tags, run_datasets, run_model_inputs, run_model_outputs)
_OF_MODEL = (logged_model_metrics, logged_model_params, logged_model_tags)
_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Deleted:
    """A run, a logged model or an experiment that is to be purged."""

    number: int
    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Condemned:
    """What a purge takes; `kept` are ids of runs and logged models that were deleted long ago and are needed."""

    experiments: tuple[Deleted, ...]
    runs: tuple[Deleted, ...]
    models: tuple[Deleted, ...]
    kept: tuple[str, ...]


class Purge:
    """What was marked as deleted before a moment goes, unless it is needed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, before_ms: int, *, needed: Collection[str]) -> Condemned:
        """What was deleted before then: by itself, or with its experiment. Of `needed` ids none; their experiment stays with them.

        The experiment "Default" always stays, emptied: what is logged without a word about experiments goes there, once it is restored.
        """
        with self._database.read() as connection:
            runs = _deleted(connection, tracked_runs, before_ms=before_ms)
            models = _deleted(connection, logged_models, before_ms=before_ms)
            gone = and_(_gone(before_ms), experiments.c.id != int(DEFAULT_ID))
            rows = connection.execute(select(experiments.c.id, experiments.c.name).where(gone).order_by(experiments.c.id)).all()
            kept = {found.id: experiment for found, experiment in (*runs, *models) if found.id in needed}
        return Condemned(
            experiments=tuple(Deleted(row.id, str(row.id), row.name) for row in rows if row.id not in kept.values()),
            runs=tuple(found for found, _ in runs if found.id not in kept),
            models=tuple(found for found, _ in models if found.id not in kept),
            kept=tuple(sorted(kept)),
        )

    def unlink(self, condemned: Condemned) -> None:
        """They refer to no content any more; what was logged to them stays. For a rehearsal that is taken back."""
        with self._database.write() as connection:
            for kind, some in ((RootKind.RUN, condemned.runs), (RootKind.MODEL, condemned.models)):
                for part in _parts(some):
                    _forget_files(connection, kind, owners=[found.id for found in part])
            for part in _parts(condemned.runs):
                numbers = [found.number for found in part]
                connection.execute(update(tracked_runs).where(tracked_runs.c.number.in_(numbers)).values(details=None))

    def run(self, condemned: Condemned) -> Condemned:
        """Nothing of them is left but what was restored meanwhile; what went."""
        runs = [found for part in _parts(condemned.runs) for found in self._purge(part, RootKind.RUN)]
        models = [found for part in _parts(condemned.models) for found in self._purge(part, RootKind.MODEL)]
        empty = [found for found in condemned.experiments if self._purge_experiment(found)]
        return Condemned(experiments=tuple(empty), runs=tuple(runs), models=tuple(models), kept=condemned.kept)

    def _purge(self, some: Sequence[Deleted], kind: RootKind) -> list[Deleted]:
        table, tables, column = (tracked_runs, _OF_RUN, "run") if kind is RootKind.RUN else (logged_models, _OF_MODEL, "model")
        with self._database.write() as connection:
            still = select(table.c.number).join(experiments).where(table.c.number.in_([found.number for found in some]))
            away = or_(table.c.lifecycle == Lifecycle.DELETED.value, experiments.c.lifecycle == Lifecycle.DELETED.value)
            numbers = set(connection.execute(still.where(away)).scalars())
            going = [found for found in some if found.number in numbers]
            _forget_files(connection, kind, owners=[found.id for found in going])
            for other in tables:
                connection.execute(delete(other).where(other.c[column].in_(numbers)))
            connection.execute(delete(table).where(table.c.number.in_(numbers)))
            return going

    def _purge_experiment(self, experiment: Deleted) -> bool:
        number = experiment.number
        with self._database.write() as connection:
            for table in (tracked_runs, logged_models):
                if connection.execute(select(table.c.number).where(table.c.experiment == number).limit(1)).first() is not None:
                    return False
            away = and_(experiments.c.id == number, experiments.c.lifecycle == Lifecycle.DELETED.value)
            if connection.execute(select(experiments.c.id).where(away)).first() is None:
                return False
            for table in (experiment_tags, datasets):
                connection.execute(delete(table).where(table.c.experiment == number))
            connection.execute(delete(experiments).where(experiments.c.id == number))
            return True


def _gone(before_ms: int) -> ColumnElement[bool]:
    return and_(experiments.c.lifecycle == Lifecycle.DELETED.value, experiments.c.updated_ms < before_ms)


def _deleted(connection: Connection, table: Table, *, before_ms: int) -> list[tuple[Deleted, int]]:
    itself = and_(table.c.lifecycle == Lifecycle.DELETED.value, table.c.deleted_ms < before_ms)
    asked = select(table.c.number, table.c.id, table.c.name, table.c.experiment).join(experiments).where(or_(itself, _gone(before_ms)))
    rows = connection.execute(asked.order_by(table.c.number))
    return [(Deleted(row.number, row.id, row.name), row.experiment) for row in rows]


def _forget_files(connection: Connection, kind: RootKind, *, owners: Sequence[str]) -> None:
    connection.execute(delete(artifact_files).where(artifact_files.c.kind == kind.value, artifact_files.c.owner.in_(owners)))
    theirs = and_(artifact_uploads.c.kind == kind.value, artifact_uploads.c.owner.in_(owners))
    connection.execute(delete(artifact_parts).where(artifact_parts.c.upload.in_(select(artifact_uploads.c.id).where(theirs))))
    connection.execute(delete(artifact_uploads).where(theirs))


def _parts(some: Sequence[Deleted]) -> list[Sequence[Deleted]]:
    return [some[at : at + _AT_ONCE] for at in range(0, len(some), _AT_ONCE)]
