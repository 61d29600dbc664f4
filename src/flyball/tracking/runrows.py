"""Runs as they lie in their tables, read many at a time: a page of runs costs as many statements as a single one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from flyball.core.optional import extra
from flyball.tracking._sql import (
    datasets,
    run_datasets,
    tracked_runs,
)
from flyball.tracking.errors import RunNotFoundError
from flyball.tracking.experiment import Lifecycle
from flyball.tracking.keys import Keys
from flyball.tracking.model import RunStatus
from flyball.tracking.search.asking import Asking
from flyball.tracking.search.sql import Sql
from flyball.tracking.trackedrun import DatasetInput, Metric, ModelInput, ModelOutput, RunHead, TrackedRun

with extra("store"):
    from sqlalchemy import Connection, Row, bindparam, select

_NAN = float("nan")
_BY_ID = select(tracked_runs).where(tracked_runs.c.id == bindparam("of"))
_BY_NUMBERS = select(tracked_runs).where(tracked_runs.c.number.in_(bindparam("of", expanding=True)))
_AT_ONCE = 1000


_METRICS = Sql("SELECT run, key, is_nan, value, step, time_ms FROM latest_metrics WHERE ")
_PARAMS = Sql("SELECT run, key, value FROM run_params WHERE ")
_TAGS = Sql("SELECT run, key, value FROM run_tags WHERE ")
_INPUTS = Sql("SELECT run, model FROM run_model_inputs WHERE ")
_OUTPUTS = Sql("SELECT run, model, step FROM run_model_outputs WHERE ")
_DATASETS = (
    select(run_datasets.c.run, run_datasets.c.tags, datasets)
    .join(datasets, datasets.c.number == run_datasets.c.dataset)
    .where(run_datasets.c.run.in_(bindparam("of", expanding=True)))
    .order_by(datasets.c.number)
)


def run_row(connection: Connection, run: str) -> Row[Any]:
    """The row of the run.

    Raises:
        RunNotFoundError: no run has this id.
    """
    row = connection.execute(_BY_ID, {"of": run}).one_or_none()
    if row is None:
        raise RunNotFoundError(run)
    return row


def head(row: Row[Any]) -> RunHead:
    """The run's head, of its row."""
    return RunHead(
        id=row.id, experiment=str(row.experiment), name=row.name, user=row.user, status=RunStatus(row.status), start_ms=row.start_ms,
        end_ms=row.end_ms, lifecycle=Lifecycle(row.lifecycle), artifact_uri=row.artifact_uri,
    )  # fmt: skip


def runs_numbered(connection: Connection, keys: Keys, *, numbers: Sequence[int]) -> list[TrackedRun]:
    """The runs of these numbers, in their order; those that are there no more are left out."""
    rows: dict[int, Row[Any]] = {}
    for start in range(0, len(numbers), _AT_ONCE):
        rows |= {row.number: row for row in connection.execute(_BY_NUMBERS, {"of": list(numbers[start : start + _AT_ONCE])})}
    return tracked(connection, keys, rows=[rows[number] for number in numbers if number in rows])


def tracked(connection: Connection, keys: Keys, *, rows: Sequence[Row[Any]]) -> list[TrackedRun]:
    """The runs of these rows, in their order, with all that was logged to them."""
    found: list[TrackedRun] = []
    for start in range(0, len(rows), _AT_ONCE):
        found += _tracked(connection, keys, rows=rows[start : start + _AT_ONCE])
    return found


def _tracked(connection: Connection, keys: Keys, *, rows: Sequence[Row[Any]]) -> list[TrackedRun]:
    if not rows:
        return []
    numbers = [row.number for row in rows]
    own = Asking(connection)  # the driver itself: a list of numbers costs SQLAlchemy more than the engine
    these = own.dialect.among("run", numbers)
    metrics = _metrics(keys, own.rows(_METRICS + these))
    params = _texts(keys, own.rows(_PARAMS + these))
    tags = _texts(keys, own.rows(_TAGS + these))
    read = _datasets(connection.execute(_DATASETS, {"of": numbers}))
    inputs, outputs = defaultdict(list), defaultdict(list)
    for run, model in sorted(own.rows(_INPUTS + these)):
        inputs[run].append(ModelInput(model=model))
    for run, step, model in sorted((run, step, model) for run, model, step in own.rows(_OUTPUTS + these)):
        outputs[run].append(ModelOutput(model=model, step=step))
    return [
        TrackedRun(
            head=head(row), metrics=tuple(metrics[row.number]), params=params[row.number], tags=tags[row.number],
            dataset_inputs=tuple(read[row.number]), model_inputs=tuple(inputs[row.number]), model_outputs=tuple(outputs[row.number]),
        )
        for row in rows
    ]  # fmt: skip


def _metrics(keys: Keys, rows: Sequence[Sequence[Any]]) -> dict[int, list[Metric]]:
    names = keys.names(row[1] for row in rows)
    found: dict[int, list[Metric]] = defaultdict(list)
    for run, key, is_nan, value, step, time_ms in rows:
        found[run].append(Metric(key=names[key], value=_NAN if is_nan else value, time_ms=time_ms, step=step))
    for metrics in found.values():
        metrics.sort(key=lambda metric: metric.key)
    return found


def _texts(keys: Keys, rows: Sequence[Sequence[Any]]) -> dict[int, dict[str, str]]:
    names = keys.names(row[1] for row in rows)
    found: dict[int, dict[str, str]] = defaultdict(dict)
    for run, name, value in sorted((run, names[key], value) for run, key, value in rows):
        found[run][name] = value
    return found


def _datasets(rows: Iterable[Row[Any]]) -> dict[int, list[DatasetInput]]:
    found: dict[int, list[DatasetInput]] = defaultdict(list)
    for row in rows:
        found[row.run].append(
            DatasetInput(
                name=row.name, digest=row.digest, source_type=row.source_type, source=row.source, schema=row.schema, profile=row.profile,
                tags=row.tags,
            )
        )  # fmt: skip
    return found
