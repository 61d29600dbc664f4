"""Runs on the home's database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flyball.core.ids import RunId
from flyball.core.optional import extra
from flyball.storage.database import Database
from flyball.tracking._sql import run_metrics, runs
from flyball.tracking.errors import RunExistsError, RunNotFoundError
from flyball.tracking.model import MetricPoint, Run, RunStatus

with extra("store"):
    from sqlalchemy import Connection, Row, insert, select, update

_FIELDS = ("id", "experiment", "name", "status", "parameters", "artifacts", "tags", "started", "ended", "summary", "reason", "cause")


class SqliteRunStore:
    """A `RunStore` in the tables `runs` and `run_metrics`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, run: Run) -> None:
        with self._database.write() as connection:
            if _exists(connection, run.id):
                raise RunExistsError(run.id)
            connection.execute(insert(runs).values(_values(run)))

    def set(self, run: Run) -> None:
        with self._database.write() as connection:
            if connection.execute(update(runs).where(runs.c.id == run.id).values(_values(run))).rowcount != 1:
                raise RunNotFoundError(run.id)

    def get(self, run: RunId) -> Run:
        found = self.find(run)
        if found is None:
            raise RunNotFoundError(run)
        return found

    def find(self, run: RunId) -> Run | None:
        with self._database.read() as connection:
            row = connection.execute(select(runs).where(runs.c.id == run)).one_or_none()
            return None if row is None else _run(row, _last(_points(connection, run)))

    def list(self, experiment: str | None = None, tags: Mapping[str, str] | None = None) -> list[Run]:
        asked = select(runs).order_by(runs.c.started, runs.c.id)
        if experiment is not None:
            asked = asked.where(runs.c.experiment == experiment)
        with self._database.read() as connection:
            rows = connection.execute(asked).all()
            found = [row for row in rows if (tags or {}).items() <= row.tags.items()]
            return [_run(row, _last(_points(connection, row.id))) for row in found]

    def add_metrics(self, run: RunId, points: Sequence[MetricPoint]) -> None:
        values = [{"run": run, "name": point.name, "value": point.value, "step": point.step, "time": point.time} for point in points]
        with self._database.write() as connection:
            if not _exists(connection, run):
                raise RunNotFoundError(run)
            if values:
                connection.execute(insert(run_metrics), values)

    def list_metrics(self, run: RunId) -> Sequence[MetricPoint]:
        with self._database.read() as connection:
            return _points(connection, run)


def _exists(connection: Connection, run: RunId) -> bool:
    return connection.execute(select(runs.c.id).where(runs.c.id == run)).first() is not None


def _points(connection: Connection, run: str) -> list[MetricPoint]:
    c = run_metrics.c
    rows = connection.execute(select(run_metrics).where(c.run == run).order_by(c.name, c.step, c.position))
    return [MetricPoint(row.name, row.value, row.step, row.time) for row in rows]


def _last(points: Sequence[MetricPoint]) -> dict[str, float]:
    return {point.name: point.value for point in points}


def _values(run: Run) -> dict[str, Any]:
    return {name: str(run.status) if name == "status" else getattr(run, name) for name in _FIELDS}


def _run(row: Row[Any], metrics: Mapping[str, float]) -> Run:
    fields = {name: getattr(row, name) for name in _FIELDS}
    return Run(**{**fields, "status": RunStatus(row.status), "metrics": metrics})
