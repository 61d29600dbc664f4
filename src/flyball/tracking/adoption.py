"""Taking over runs of another tracking server: with their ids and times, whole or not at all, and without events of ours.

What happened elsewhere happened elsewhere: the home records that it was imported, not that runs began and ended here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from flyball.core.optional import extra
from flyball.tracking._artifacts_sql import artifact_files
from flyball.tracking._sql import (
    experiments,
    logged_model_metrics,
    logged_model_params,
    logged_model_tags,
    logged_models,
    run_params,
    run_tags,
    tracked_runs,
)
from flyball.tracking.experiment import Experiment, Lifecycle
from flyball.tracking.experiments import Experiments
from flyball.tracking.inputs import link_datasets, link_models
from flyball.tracking.ledger import Ledger
from flyball.tracking.logged import RUN_NAME, entries, write, write_points
from flyball.tracking.loggedmodel import LoggedModel
from flyball.tracking.runs import add_run
from flyball.tracking.trackedrun import Metric, TrackedRun

with extra("store"):
    from sqlalchemy import Connection, Select, and_, func, insert, select, update

T = TypeVar("T")
POINTS_AT_ONCE, EXPERIMENTS_AT_ONCE = 10_000, 500


class Adoption:
    """Each method is one transaction, and changes nothing of what is here already under the same id or name. Thread-safe."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def put_experiment(self, found: Experiment) -> str:
        """The id here of the experiment of that name; a new one is active until `settle_experiment`."""
        services = Experiments(self._ledger)
        with self._ledger.database.write() as connection:
            here = services.find_named(found.name)
            if here is not None:
                return here.id
            made = services.create(found.name, tags=found.tags)
            times = {"created_ms": found.created_ms, "updated_ms": found.updated_ms}
            connection.execute(update(experiments).where(experiments.c.id == int(made.id)).values(**times))
            return made.id

    def settle_experiment(self, here: str, lifecycle: Lifecycle) -> None:
        """The experiment is deleted where it was deleted there, after all of it has come."""
        if lifecycle is Lifecycle.DELETED:
            with self._ledger.database.write() as connection:
                gone = update(experiments).where(experiments.c.id == int(here), experiments.c.id != 0)
                connection.execute(gone.values(lifecycle=str(lifecycle)))

    def put_run(self, found: TrackedRun, experiment: str, *, history: Iterable[Metric]) -> None:
        """The run with all its points; active until `settle_run`."""
        head = found.head
        with self._ledger.database.write() as connection:
            if connection.execute(select(tracked_runs.c.number).where(tracked_runs.c.id == head.id)).first() is not None:
                return
            place = connection.execute(select(experiments.c.artifact_location).where(experiments.c.id == int(experiment))).scalar_one()
            number = add_run(
                connection, id=head.id, experiment=int(experiment), name=head.name, user=head.user, status=str(head.status),
                start_ms=head.start_ms, end_ms=head.end_ms, artifact_uri=f"{place.rstrip('/')}/{head.id}/artifacts",
            )  # fmt: skip
            tags = {**found.tags, RUN_NAME: head.name}
            self._ledger.hot.run(lambda cursor: write(cursor, head.id, logged=entries(self._ledger.keys, params=found.params, tags=tags)))
            for points in _parts(history, POINTS_AT_ONCE):
                some = entries(self._ledger.keys, metrics=points)
                self._ledger.hot.run(partial(write_points, run=head.id, logged=some))
            link_datasets(connection, number, experiment=int(experiment), read=found.dataset_inputs)
            link_models(connection, number, read=found.model_inputs, made=found.model_outputs)

    def settle_run(self, run: str, lifecycle: Lifecycle) -> None:
        """The run is deleted where it was deleted there, after its files have come."""
        if lifecycle is Lifecycle.DELETED:
            with self._ledger.database.write() as connection:
                gone = update(tracked_runs).where(tracked_runs.c.id == run)
                connection.execute(gone.values(lifecycle=str(lifecycle), deleted_ms=self._ledger.now_ms()))

    def put_logged_model(self, found: LoggedModel, experiment: str) -> None:
        """The logged model with its params, tags and metrics; active until `settle_logged_model`."""
        with self._ledger.database.write() as connection:
            if connection.execute(select(logged_models.c.number).where(logged_models.c.id == found.id)).first() is not None:
                return
            place = connection.execute(select(experiments.c.artifact_location).where(experiments.c.id == int(experiment))).scalar_one()
            made = insert(logged_models).values(
                id=found.id, experiment=int(experiment), name=found.name, status=str(found.status), status_message=found.status_message,
                lifecycle=str(Lifecycle.ACTIVE), model_type=found.model_type, source_run=found.source_run, created_ms=found.created_ms,
                updated_ms=found.updated_ms, artifact_uri=f"{place.rstrip('/')}/models/{found.id}/artifacts", creator=found.creator,
            )  # fmt: skip
            number = int(connection.execute(made.returning(logged_models.c.number)).scalar_one())
            _put_texts(connection, number, found=found)
            rows = [_model_metric(number, metric) for metric in found.metrics]
            if rows:
                connection.execute(insert(logged_model_metrics), rows)

    def settle_logged_model(self, model: str, lifecycle: Lifecycle) -> None:
        """The logged model is deleted where it was deleted there, after its files have come."""
        if lifecycle is Lifecycle.DELETED:
            with self._ledger.database.write() as connection:
                gone = update(logged_models).where(logged_models.c.id == model)
                connection.execute(gone.values(lifecycle=str(lifecycle), deleted_ms=self._ledger.now_ms()))

    def count(self, here: Sequence[str]) -> Mapping[str, int]:
        """How much the experiments of these ids hold: runs, points, params, tags, logged_models, files, file_bytes."""
        numbers = [int(experiment) for experiment in here]
        total: dict[str, int] = dict.fromkeys(("runs", "points", "params", "tags", "logged_models", "files", "file_bytes"), 0)
        with self._ledger.database.read() as connection:
            for some in _parts(numbers, EXPERIMENTS_AT_ONCE):
                for name, asked in _counts(some):
                    total[name] += int(connection.execute(asked).scalar_one() or 0)
        return total


def _counts(numbers: Sequence[int]) -> Iterator[tuple[str, Select[Any]]]:
    runs = tracked_runs.c.experiment.in_(numbers)
    yield "runs", select(func.count()).select_from(tracked_runs).where(runs)
    yield "points", select(func.sum(tracked_runs.c.points)).where(runs)
    yield "params", select(func.count()).select_from(run_params).where(run_params.c.experiment.in_(numbers))
    yield "tags", select(func.count()).select_from(run_tags).where(run_tags.c.experiment.in_(numbers))
    yield "logged_models", select(func.count()).select_from(logged_models).where(logged_models.c.experiment.in_(numbers))
    for kind, table in (("run", tracked_runs), ("model", logged_models)):
        files = artifact_files.join(table, and_(artifact_files.c.kind == kind, artifact_files.c.owner == table.c.id))
        within = table.c.experiment.in_(numbers)
        yield "files", select(func.count()).select_from(files).where(within)
        yield "file_bytes", select(func.sum(artifact_files.c.size)).select_from(files).where(within)


def _put_texts(connection: Connection, number: int, *, found: LoggedModel) -> None:
    for table, texts in ((logged_model_params, found.params), (logged_model_tags, found.tags)):
        if texts:
            connection.execute(insert(table), [{"model": number, "name": name, "value": value} for name, value in texts.items()])


def _model_metric(number: int, metric: Metric) -> dict[str, Any]:
    is_nan = math.isnan(metric.value)
    return {
        "model": number, "name": metric.key, "time_ms": metric.time_ms, "step": metric.step, "run": metric.run or "",
        "dataset_name": metric.dataset_name, "dataset_digest": metric.dataset_digest, "is_nan": int(is_nan),
        "value": 0.0 if is_nan else metric.value,
    }  # fmt: skip


def _parts(items: Iterable[T], size: int) -> Iterator[Sequence[T]]:
    left = iter(items)
    while part := list(islice(left, size)):
        yield part
