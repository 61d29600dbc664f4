"""The loop's runs, in the tables of all runs: a client of MLflow sees them under the experiment that is the model's name.

What only the loop knows of a run (JSON parameters, artifacts, its summary, times to the microsecond) stands in the run's `details`; texts
of parameters and tags stand beside, where searches look.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any

from flyball.core.canonical import canonical
from flyball.core.duration import EPOCH, MICROSECOND, microseconds
from flyball.core.ids import RunId
from flyball.core.optional import extra
from flyball.storage.database import Database
from flyball.tracking._sql import experiments, latest_metrics, metric_chunks, metric_points, run_params, run_tags, tracked_runs
from flyball.tracking.errors import RunExistsError, RunNotFoundError
from flyball.tracking.experiments import loop_experiment
from flyball.tracking.hotengines import hot_writes
from flyball.tracking.keys import KeyKind, Keys
from flyball.tracking.ledger import ARTIFACTS
from flyball.tracking.logged import HEAD, RUN_NAME, entries, write_points
from flyball.tracking.model import MetricPoint, Run, RunStatus
from flyball.tracking.points import Columns, by_key, by_step, joined, unpack
from flyball.tracking.runs import add_run
from flyball.tracking.trackedrun import Metric

with extra("store"):
    from sqlalchemy import Connection, Row, Table, bindparam, delete, insert, select, update

CAUSE = "flyball.cause"
_OURS = ("mlflow.", "flyball.")
_MILLISECOND = 1000 * MICROSECOND

_BY_ID = select(tracked_runs).where(tracked_runs.c.id == bindparam("of"))
_OF_LOOP = select(tracked_runs).where(tracked_runs.c.details.is_not(None)).order_by(tracked_runs.c.start_ms, tracked_runs.c.id)
_EXPERIMENT = select(experiments.c.name).where(experiments.c.id == bindparam("of"))
_TEXTS = {table: select(table.c.key, table.c.value).where(table.c.run == bindparam("of")) for table in (run_params, run_tags)}
_METRICS = select(latest_metrics).where(latest_metrics.c.run == bindparam("of"))
_POINTS = select(metric_points.c.records).where(metric_points.c.run == bindparam("of")).order_by(metric_points.c.position)
_CHUNKS = (
    select(metric_chunks.c.key, metric_chunks.c.packed).where(metric_chunks.c.run == bindparam("of")).order_by(metric_chunks.c.position)
)


class SqlRunStore:
    """A `RunStore` in the tables of tracking; `list` gives the loop's own runs, `get` and `find` any."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._keys = Keys(database)
        self._hot = hot_writes(database)

    def create(self, run: Run) -> None:
        with self._database.write() as connection:
            if connection.execute(_BY_ID, {"of": run.id}).first() is not None:
                raise RunExistsError(run.id)
            experiment = loop_experiment(connection, run.experiment, now_ms=_ms(run.started))
            uri = f"{ARTIFACTS}{experiment}/{run.id}/artifacts"
            number = add_run(connection, id=run.id, experiment=experiment, user="", artifact_uri=uri, **_columns(run))
            self._put_texts(connection, run, number=number, experiment=experiment)

    def set(self, run: Run) -> None:
        with self._database.write() as connection:
            found = connection.execute(_BY_ID, {"of": run.id}).one_or_none()
            if found is None:
                raise RunNotFoundError(run.id)
            connection.execute(update(tracked_runs).where(tracked_runs.c.number == found.number).values(**_columns(run)))
            self._put_texts(connection, run, number=found.number, experiment=found.experiment)

    def _put_texts(self, connection: Connection, run: Run, *, number: int, experiment: int) -> None:
        params = {name: value if isinstance(value, str) else canonical(value) for name, value in run.parameters.items()}
        cause = {} if run.cause is None else {CAUSE: run.cause}
        self._replace(connection, run_params, of=(number, experiment), texts=params, taken=set(params))
        held = self._texts(connection, run_tags, number=number)
        ours = {name for name in held if not name.startswith(_OURS)}
        tags = {**run.tags, RUN_NAME: run.name, **cause}
        self._replace(connection, run_tags, of=(number, experiment), texts=tags, taken=ours | set(tags))

    def _replace(
        self, connection: Connection, table: Table, *, of: tuple[int, int], texts: Mapping[str, str], taken: AbstractSet[str]
    ) -> None:
        keys = self._keys.create(_KINDS[table], taken)
        connection.execute(delete(table).where(table.c.run == of[0], table.c.key.in_([keys[name] for name in taken])))
        rows = [{"run": of[0], "key": keys[name], "experiment": of[1], "value": text, "head": text[:HEAD]} for name, text in texts.items()]
        if rows:
            connection.execute(insert(table), rows)

    def get(self, run: RunId) -> Run:
        found = self.find(run)
        if found is None:
            raise RunNotFoundError(run)
        return found

    def find(self, run: RunId) -> Run | None:
        with self._database.read() as connection:
            row = connection.execute(_BY_ID, {"of": run}).one_or_none()
            return None if row is None else self._run(connection, row)

    def list(self, experiment: str | None = None, tags: Mapping[str, str] | None = None) -> list[Run]:
        with self._database.read() as connection:
            rows = [row for row in connection.execute(_OF_LOOP) if experiment in (None, row.details["experiment"])]
            found = [self._run(connection, row) for row in rows]
        return sorted((run for run in found if (tags or {}).items() <= run.tags.items()), key=lambda run: (run.started, run.id))

    def add_metrics(self, run: RunId, points: Sequence[MetricPoint]) -> None:
        metrics = [Metric(key=point.name, value=point.value, step=point.step, time_ms=_ms(point.time)) for point in points]
        logged = entries(self._keys, metrics=metrics)
        self._hot.run(lambda cursor: write_points(cursor, run, logged=logged))

    def list_metrics(self, run: RunId) -> Sequence[MetricPoint]:
        with self._database.read() as connection:
            row = connection.execute(_BY_ID, {"of": run}).one_or_none()
            columns = {} if row is None else _points(connection, row.number)
        names = self._keys.names(columns)
        found = []
        for key in sorted(columns, key=lambda key: names[key]):
            part = by_step(columns[key])
            for value, step, time_ms in zip(part.values.tolist(), part.steps.tolist(), part.times.tolist(), strict=True):
                found.append(MetricPoint(names[key], value, step, EPOCH + time_ms * _MILLISECOND))
        return found

    def _texts(self, connection: Connection, table: Table, *, number: int) -> dict[str, str]:
        rows = connection.execute(_TEXTS[table], {"of": number}).all()
        names = self._keys.names(row.key for row in rows)
        return {names[row.key]: row.value for row in rows}

    def _run(self, connection: Connection, row: Row[Any]) -> Run:
        tags = self._texts(connection, run_tags, number=row.number)
        latest = connection.execute(_METRICS, {"of": row.number}).all()
        names = self._keys.names(metric.key for metric in latest)
        details = row.details or self._made_up(connection, row)
        return Run(
            id=row.id,
            experiment=details["experiment"],
            name=row.name,
            status=RunStatus(row.status),
            parameters=details["parameters"],
            metrics={names[metric.key]: float("nan") if metric.is_nan else metric.value for metric in latest},
            artifacts=details["artifacts"],
            tags={name: text for name, text in tags.items() if not name.startswith(_OURS)},
            started=EPOCH + details["started"] * MICROSECOND,
            ended=None if details["ended"] is None else EPOCH + details["ended"] * MICROSECOND,
            summary=details["summary"],
            reason=details["reason"],
            cause=details["cause"],
        )

    def _made_up(self, connection: Connection, row: Row[Any]) -> dict[str, Any]:
        """The details of a run that a client logged."""
        return {
            "experiment": connection.execute(_EXPERIMENT, {"of": row.experiment}).scalar_one(),
            "parameters": self._texts(connection, run_params, number=row.number),
            "artifacts": {},
            "summary": {},
            "reason": None,
            "cause": None,
            "started": row.start_ms * 1000,
            "ended": None if row.end_ms is None else row.end_ms * 1000,
        }


_KINDS: dict[Table, KeyKind] = {run_params: "param", run_tags: "tag"}


def _ms(moment: datetime) -> int:
    return microseconds(moment) // 1000


def _columns(run: Run) -> dict[str, Any]:
    details = {
        "experiment": run.experiment,
        "parameters": run.parameters,
        "artifacts": run.artifacts,
        "summary": run.summary,
        "reason": run.reason,
        "cause": run.cause,
        "started": microseconds(run.started),
        "ended": None if run.ended is None else microseconds(run.ended),
    }
    end_ms = None if run.ended is None else _ms(run.ended)
    return {"name": run.name, "status": str(run.status), "start_ms": _ms(run.started), "end_ms": end_ms, "details": details}


def _points(connection: Connection, run: int) -> dict[int, Columns]:
    found = {key: [columns] for key, columns in by_key(bytes(row[0]) for row in connection.execute(_POINTS, {"of": run})).items()}
    for key, packed in connection.execute(_CHUNKS, {"of": run}):
        found.setdefault(key, []).append(unpack(bytes(packed)))
    return {key: joined(parts) for key, parts in found.items()}
