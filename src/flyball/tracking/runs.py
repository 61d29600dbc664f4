"""The use cases of runs, in MLflow's meaning: create, log, end, delete, search."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flyball.core.optional import extra
from flyball.tracking._sql import run_tags, tracked_runs
from flyball.tracking.errors import RunDeletedError, RunNameError, RunTagNotFoundError
from flyball.tracking.experiment import Lifecycle, ViewType
from flyball.tracking.experiments import active_experiment
from flyball.tracking.inputs import check_dataset, check_outputs, link_datasets, link_models
from flyball.tracking.ledger import Ledger
from flyball.tracking.limits import (
    RUN_NAME_LENGTH,
    check_batch,
    check_key,
    check_length,
    check_long,
    check_params,
    check_tags,
    experiment_number,
    is_key,
)
from flyball.tracking.logged import HEAD, RUN_NAME, Entries, LoggedPoint, Write, entries
from flyball.tracking.model import RunStatus
from flyball.tracking.packing import pack_ended
from flyball.tracking.page import Page
from flyball.tracking.runrows import head, run_row, runs_numbered, tracked
from flyball.tracking.search import Kind, parse_filter, parse_order
from flyball.tracking.search.asking import asking
from flyball.tracking.search.runs import RunQuery, search_runs
from flyball.tracking.trackedrun import DatasetInput, ModelInput, ModelOutput, RunHead, TrackedRun

with extra("store"):
    from sqlalchemy import Connection, Row, delete, insert, select, update

_ENDED = frozenset((RunStatus.FINISHED, RunStatus.FAILED, RunStatus.KILLED))
_NOTHING: Mapping[str, str] = {}


class Runs:
    """A run takes entries while it is active, whatever its status; a deleted one refuses them. A batch is logged whole or not at all.

    Thread-safe. Logging waits for no other table; the start and the end of a run are events.
    """

    def __init__(self, ledger: Ledger, *, stop: Callable[[], bool] | None = None) -> None:
        self._ledger, self._stop = ledger, stop

    def by(self, actor: str) -> Runs:
        """The same runs, telling what is done as done by `actor`."""
        return Runs(self._ledger.by(actor), stop=self._stop)

    def until(self, stop: Callable[[], bool]) -> Runs:
        """The same runs, whose searches end when `stop` says so, at the latest some milliseconds later."""
        return Runs(self._ledger, stop=stop)

    def create(
        self, experiment: str, *, name: str | None = None, user: str = "", start_ms: int | None = None, tags: Mapping[str, str] = _NOTHING
    ) -> TrackedRun:
        """A running run; without a name it gets a random one. Its name is its tag ``mlflow.runName`` too; `run.started`.

        Raises:
            ExperimentNotFoundError, ExperimentDeletedError: the experiment takes no runs.
            RunNameError, InvalidError: it has two names, or something is beyond a limit.
        """
        check_tags(tags)
        tagged = tags.get(RUN_NAME)
        if name and tagged and name != tagged:
            raise RunNameError(name, tagged)
        check_length("run_name", name or tagged or "", limit=RUN_NAME_LENGTH)
        check_length("user_id", user, limit=RUN_NAME_LENGTH)
        start = self._ledger.now_ms() if start_ms is None else start_ms
        check_long("start_time", start)
        keys = self._ledger.keys.create("tag", {*tags, RUN_NAME})
        with self._ledger.database.write() as connection:
            of = active_experiment(connection, experiment)
            run = self._ledger.new_id(connection, tracked_runs, experiment, str(start))
            called = name or tagged or self._ledger.new_name(run)
            uri = f"{of.artifact_location.rstrip('/')}/{run}/artifacts"
            facts = {"id": run, "experiment": of.id, "name": called, "user": user, "start_ms": start, "artifact_uri": uri}
            number = add_run(connection, **facts)
            _put_tags(connection, number, experiment=of.id, tags={keys[key]: value for key, value in {**tags, RUN_NAME: called}.items()})
            self._ledger.recorder.record("run.started", f"run/{run}", data={"experiment": of.name, "name": called})
            return tracked(connection, self._ledger.keys, rows=[run_row(connection, run)])[0]

    def get(self, run: str) -> TrackedRun:
        """The run with all that was logged to it, also a deleted one.

        Raises:
            RunNotFoundError: no run has this id.
        """
        with self._ledger.database.read() as connection:
            return tracked(connection, self._ledger.keys, rows=[run_row(connection, run)])[0]

    def update(self, run: str, *, status: RunStatus | None = None, end_ms: int | None = None, name: str | None = None) -> RunHead:
        """What is given replaces what was; the first end of a run is an event, `run.finished`, `run.failed` or `run.killed`.

        Raises:
            RunNotFoundError, RunDeletedError, InvalidError: nothing was changed.
        """
        check_length("run_name", name or "", limit=RUN_NAME_LENGTH)
        check_long("end_time", end_ms or 0)
        given: dict[str, Any] = {"status": None if status is None else str(status), "end_ms": end_ms, "name": name or None}
        changed = {column: value for column, value in given.items() if value is not None}
        with self._ledger.database.write() as connection:
            row = _active(connection, run)
            if changed:
                connection.execute(update(tracked_runs).where(tracked_runs.c.number == row.number).values(**changed))
            if name:
                _put_tags(
                    connection, row.number, experiment=row.experiment, tags={self._ledger.keys.create("tag", {RUN_NAME})[RUN_NAME]: name}
                )
            if status in _ENDED and row.status not in _ENDED:
                self._ledger.recorder.record(f"run.{status}", f"run/{run}")
                self._ledger.hot.run(lambda cursor: pack_ended(cursor, row.number, position=row.points))
            return head(run_row(connection, run))

    def delete(self, run: str) -> None:
        """The run is deleted: `run.deleted`; idempotent.

        Raises:
            RunNotFoundError: no run has this id.
        """
        self._move(run, Lifecycle.DELETED, deleted_ms=self._ledger.now_ms())

    def restore(self, run: str) -> None:
        """The run is active again: `run.restored`; idempotent.

        Raises:
            RunNotFoundError: no run has this id.
        """
        self._move(run, Lifecycle.ACTIVE, deleted_ms=None)

    def _move(self, run: str, to: Lifecycle, *, deleted_ms: int | None) -> None:
        with self._ledger.database.write() as connection:
            row = run_row(connection, run)
            moved = update(tracked_runs).where(tracked_runs.c.number == row.number, tracked_runs.c.lifecycle != str(to))
            if connection.execute(moved.values(lifecycle=str(to), deleted_ms=deleted_ms)).rowcount:
                self._ledger.recorder.record("run.restored" if to is Lifecycle.ACTIVE else "run.deleted", f"run/{run}")

    def log_metric(self, run: str, metric: LoggedPoint) -> None:
        """The point stands in the metric's history; it is the latest if its (step, time, value) is the highest.

        Raises:
            RunNotFoundError, RunDeletedError, LoggedModelNotFoundError, InvalidError: nothing was logged.
        """
        _check_metric(metric, "")
        self._write(run, entries(self._ledger.keys, metrics=(metric,)))

    def log_param(self, run: str, key: str, *, value: str) -> None:
        """The param has this value for ever.

        Raises:
            RunNotFoundError, RunDeletedError, ParamValueChangedError, InvalidError: nothing was logged.
        """
        check_params({key: value}, path="")
        self._write(run, entries(self._ledger.keys, params={key: value}))

    def set_tag(self, run: str, key: str, *, value: str) -> None:
        """The tag has this value; ``mlflow.runName`` renames the run.

        Raises:
            RunNotFoundError, RunDeletedError, InvalidError: nothing was set.
        """
        check_tags({key: value}, path="")
        _check_name({key: value})
        self._write(run, entries(self._ledger.keys, tags={key: value}))

    def delete_tag(self, run: str, key: str) -> None:
        """The run has no such tag.

        Raises:
            RunNotFoundError, RunDeletedError, RunTagNotFoundError: nothing was taken away.
        """
        number = self._ledger.keys.find("tag", key)
        with self._ledger.database.write() as connection:
            row = _active(connection, run)
            gone = delete(run_tags).where(run_tags.c.run == row.number, run_tags.c.key == number)
            if number is None or connection.execute(gone).rowcount != 1:
                raise RunTagNotFoundError(run, key)

    def log_batch(
        self,
        run: str,
        *,
        metrics: Sequence[LoggedPoint] = (),
        params: Mapping[str, str] = _NOTHING,
        tags: Mapping[str, str] = _NOTHING,
    ) -> None:
        """All of it is logged, or nothing.

        Raises:
            RunNotFoundError, RunDeletedError, ParamValueChangedError, LoggedModelNotFoundError, InvalidError: nothing was logged.
        """
        check_batch(metrics=len(metrics), params=len(params), tags=len(tags))
        for index, metric in enumerate(metrics):
            if (
                not is_key(metric.key) or metric.time_ms < 0
            ):  # a call less for each that is right; the longs are checked when they are packed
                _check_metric(metric, f"metrics[{index}].")
        check_params(params)
        check_tags(tags)
        _check_name(tags)
        self._write(run, entries(self._ledger.keys, metrics=metrics, params=params, tags=tags))

    def _write(self, run: str, logged: Entries) -> None:
        self._ledger.hot.run(Write(run, logged))

    def log_inputs(self, run: str, *, datasets: Sequence[DatasetInput] = (), models: Sequence[ModelInput] = ()) -> None:
        """The run has read these.

        Raises:
            RunNotFoundError, RunDeletedError, LoggedModelNotFoundError, InvalidError: nothing was logged.
        """
        for dataset in datasets:
            check_dataset(dataset)
        with self._ledger.database.write() as connection:
            row = _active(connection, run)
            link_models(connection, row.number, read=models)
            link_datasets(connection, row.number, experiment=row.experiment, read=datasets)

    def log_outputs(self, run: str, models: Sequence[ModelOutput] = ()) -> None:
        """The run has made these.

        Raises:
            RunNotFoundError, RunDeletedError, LoggedModelNotFoundError, InvalidError: nothing was logged.
        """
        check_outputs(models)
        with self._ledger.database.write() as connection:
            link_models(connection, _active(connection, run).number, made=models)

    def search(
        self,
        experiments: Sequence[str],
        *,
        filter: str = "",  # noqa: A002  it is the word of the grammar
        order_by: Sequence[str] = (),
        view: ViewType = ViewType.ACTIVE_ONLY,
        max_results: int = 1000,
        token: str | None = None,
    ) -> Page[TrackedRun]:
        """The runs of these experiments that match, in the asked order; the latest start first where none is asked.

        Raises:
            InvalidError: the filter, the order or the token cannot be read.
            SearchStoppedError: nobody waits any more (`until`).
        """
        query = RunQuery(
            experiments=tuple(experiment_number(experiment) for experiment in experiments),
            clauses=parse_filter(filter, of=Kind.RUN),
            order=parse_order(order_by, of=Kind.RUN),
            view=view,
            limit=max_results,
            token=token,
        )
        with self._ledger.database.read() as connection:
            with asking(connection, self._stop) as own:
                numbers, following = search_runs(own, query)
            return Page(items=tuple(runs_numbered(connection, self._ledger.keys, numbers=numbers)), token=following)


def add_run(connection: Connection, **facts: Any) -> int:
    """The number of a new active run with these columns; it is running where no status is given."""
    values = {"status": str(RunStatus.RUNNING), "end_ms": None, "lifecycle": str(Lifecycle.ACTIVE), "points": 0, "details": None, **facts}
    return int(connection.execute(insert(tracked_runs).values(**values).returning(tracked_runs.c.number)).scalar_one())


def _put_tags(connection: Connection, run: int, *, experiment: int, tags: Mapping[int, str]) -> None:
    held = set(connection.execute(select(run_tags.c.key).where(run_tags.c.run == run, run_tags.c.key.in_(list(tags)))).scalars())
    fresh = [
        {"run": run, "key": key, "experiment": experiment, "value": value, "head": value[:HEAD]}
        for key, value in tags.items()
        if key not in held
    ]
    if fresh:
        connection.execute(insert(run_tags), fresh)
    for key in held:
        changed = update(run_tags).where(run_tags.c.run == run, run_tags.c.key == key)
        connection.execute(changed.values(value=tags[key], head=tags[key][:HEAD]))


def _active(connection: Connection, run: str) -> Row[Any]:
    row = run_row(connection, run)
    if row.lifecycle != Lifecycle.ACTIVE:
        raise RunDeletedError(run)
    return row


def _check_metric(metric: LoggedPoint, path: str) -> None:
    check_key("Metric name", metric.key, path=f"{path}name")
    check_long(f"{path}timestamp", metric.time_ms, least=0)
    check_long(f"{path}step", metric.step)


def _check_name(tags: Mapping[str, str]) -> None:
    if RUN_NAME in tags:
        check_length("run_name", tags[RUN_NAME], limit=RUN_NAME_LENGTH)
