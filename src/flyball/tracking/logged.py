"""What is logged to runs, statement by statement, in a transaction that others may share: all checks stand before the first write."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from flyball.tracking.errors import FieldError, LoggedModelNotFoundError, ParamValueChangedError, RunDeletedError, RunNotFoundError
from flyball.tracking.experiment import Lifecycle
from flyball.tracking.hot import Cursor
from flyball.tracking.keys import Keys
from flyball.tracking.packing import pack_when_due
from flyball.tracking.points import Point, records

RUN_NAME = "mlflow.runName"
HEAD = 64

_COUNT = "UPDATE tracked_runs SET points = points + ? WHERE id = ? AND lifecycle = 'active' RETURNING number, experiment, points"
_COUNT_ANY = "UPDATE tracked_runs SET points = points + ? WHERE id = ? RETURNING number, experiment, points"
_FIND = "SELECT number, experiment, lifecycle FROM tracked_runs WHERE id = ?"
_HOLD = "UPDATE tracked_runs SET points = points WHERE number = ?"  # so that who shares no turn with us waits for us
_POINTS = "INSERT INTO metric_points (run, position, records) VALUES (?, ?, ?)"
_LATEST = (
    "INSERT INTO latest_metrics (run, key, experiment, is_nan, value, step, time_ms) VALUES (?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (run, key) DO UPDATE SET is_nan = excluded.is_nan, value = excluded.value, step = excluded.step,"
    " time_ms = excluded.time_ms WHERE (excluded.step, excluded.time_ms, excluded.value)"
    " > (latest_metrics.step, latest_metrics.time_ms, latest_metrics.value)"
)
_OLD_PARAM = "SELECT value FROM run_params WHERE run = ? AND key = ?"
_PARAM = "INSERT INTO run_params (run, key, experiment, value, head) VALUES (?, ?, ?, ?, ?) ON CONFLICT (run, key) DO NOTHING"
_TAG = (
    "INSERT INTO run_tags (run, key, experiment, value, head) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (run, key) DO UPDATE SET value = excluded.value, head = excluded.head"
)
_NAME = "UPDATE tracked_runs SET name = ? WHERE number = ?"
_MODEL = "SELECT number FROM logged_models WHERE id = ? AND lifecycle = 'active'"
_MODEL_METRIC = (
    "INSERT INTO logged_model_metrics (model, name, time_ms, step, run, dataset_name, dataset_digest, is_nan, value)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (model, name, time_ms, step, run) DO NOTHING"
)


class LoggedPoint(Protocol):
    """A `Metric`, or whatever else a door has decoded with the same attributes."""

    @property
    def key(self) -> str: ...
    @property
    def value(self) -> float: ...
    @property
    def time_ms(self) -> int: ...
    @property
    def step(self) -> int: ...
    @property
    def model(self) -> str | None: ...
    @property
    def dataset_name(self) -> str | None: ...
    @property
    def dataset_digest(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Entries:
    """What one caller logs to one run, with numbers for keys; made outside of any transaction."""

    count: int = 0
    points: bytes = b""
    latest: tuple[tuple[int, int, float, int, int], ...] = ()  # key, is_nan, value, step, time_ms
    of_models: tuple[LoggedPoint, ...] = ()
    params: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    tags: Mapping[int, str] = field(default_factory=dict)
    name: str | None = None


def entries(
    keys: Keys, *, metrics: Sequence[LoggedPoint] = (), params: Mapping[str, str] | None = None, tags: Mapping[str, str] | None = None
) -> Entries:
    """The entries, checked already, with a number for each key.

    Raises:
        FieldError: a time or a step does not fit in 64 bits.
    """
    try:
        points = _points(keys, metrics)
        packed = records(points) if points else b""
    except (struct.error, OverflowError):
        rule = "Timestamp and step must be valid longs (64-bit integers), values valid doubles."
        raise FieldError("metrics", len(metrics), why=rule) from None
    param_keys = keys.create("param", params.keys()) if params else {}
    tag_keys = keys.create("tag", tags.keys()) if tags else {}
    return Entries(
        len(points),
        packed,
        _latest(points),
        tuple(metric for metric in metrics if metric.model is not None),
        {key: (param_keys[key], value) for key, value in (params or {}).items()},
        {tag_keys[key]: value for key, value in (tags or {}).items()},
        (tags or {}).get(RUN_NAME),
    )


def _points(keys: Keys, metrics: Sequence[LoggedPoint]) -> list[Point]:
    if not metrics:
        return []
    numbers = keys.create("metric", {metric.key for metric in metrics})
    return [(numbers[metric.key], metric.step, metric.time_ms, float(metric.value)) for metric in metrics]


def _latest(points: Sequence[Point]) -> tuple[tuple[int, int, float, int, int], ...]:
    marks: dict[int, tuple[int, int, float, int]] = {}
    for key, step, time_ms, value in points:
        mark = (step, time_ms, 0.0, 1) if value != value else (step, time_ms, value, 0)  # noqa: PLR0124  NaN, and a call for each counts here
        held = marks.setdefault(key, mark)
        if held is not mark and mark[:3] > held[:3]:
            marks[key] = mark
    return tuple((key, is_nan, value, step, time_ms) for key, (step, time_ms, value, is_nan) in marks.items())


@dataclass(frozen=True, slots=True)
class Write:
    """The act of logging the entries to a run; an engine that has a shorter way to the same end knows it by its type."""

    run: str
    logged: Entries

    def __call__(self, cursor: Cursor) -> None:
        write(cursor, self.run, logged=self.logged)


def write(cursor: Cursor, run: str, *, logged: Entries) -> None:
    """All of the entries, or none.

    Raises:
        RunNotFoundError, RunDeletedError, ParamValueChangedError, LoggedModelNotFoundError: nothing was written.
    """
    if logged.params or logged.of_models:
        _write_checked(cursor, run, logged=logged)
    cursor.execute(_COUNT, (logged.count, run))
    found = cursor.fetchone()
    if found is None:
        active(cursor, run)  # says why
        raise RunNotFoundError(run)
    if logged.count:
        _write_points(cursor, found, logged=logged)
    if logged.tags:
        _write_tags(cursor, found, logged=logged)


def write_points(cursor: Cursor, run: str, *, logged: Entries) -> None:
    """The points of the entries, whatever the run's lifecycle: the loop goes on where a client has deleted its run.

    Raises:
        RunNotFoundError: nothing was written.
    """
    cursor.execute(_COUNT_ANY, (logged.count, run))
    found = cursor.fetchone()
    if found is None:
        raise RunNotFoundError(run)
    if logged.count:
        _write_points(cursor, found, logged=logged)


def _write_points(cursor: Cursor, run: tuple[int, int, int], *, logged: Entries) -> None:
    number, experiment, position = run
    cursor.execute(_POINTS, (number, position, logged.points))
    cursor.executemany(
        _LATEST,
        [(number, key, experiment, is_nan, value, step, time_ms) for key, is_nan, value, step, time_ms in logged.latest],
    )
    pack_when_due(cursor, number, added=logged.count, position=position)


def active(cursor: Cursor, run: str) -> tuple[int, int]:
    """The run's number and experiment.

    Raises:
        RunNotFoundError, RunDeletedError: there is none that may be written to.
    """
    cursor.execute(_FIND, (run,))
    found = cursor.fetchone()
    if found is None:
        raise RunNotFoundError(run)
    number, experiment, lifecycle = found
    if lifecycle != Lifecycle.ACTIVE:
        raise RunDeletedError(run)
    return number, experiment


def _write_checked(cursor: Cursor, run: str, *, logged: Entries) -> None:
    number, experiment = active(cursor, run)
    cursor.execute(_HOLD, (number,))  # changes nothing
    fresh, changed = _fresh_params(cursor, number, params=logged.params)
    if changed:
        raise ParamValueChangedError(run, changed=changed)
    models = _models(cursor, logged.of_models)
    if fresh:
        cursor.executemany(_PARAM, [(number, key, experiment, value, value[:HEAD]) for key, value in fresh])
    rows = []
    for metric in logged.of_models:
        is_nan = math.isnan(metric.value)
        value, told = 0.0 if is_nan else metric.value, (metric.dataset_name, metric.dataset_digest, int(is_nan))
        rows.append((models[metric.model], metric.key, metric.time_ms, metric.step, run, *told, value))
    if rows:
        cursor.executemany(_MODEL_METRIC, rows)


def _fresh_params(
    cursor: Cursor, number: int, *, params: Mapping[str, tuple[int, str]]
) -> tuple[list[tuple[int, str]], list[tuple[str, str, str]]]:
    fresh, changed = [], []
    for name, (key, value) in params.items():
        cursor.execute(_OLD_PARAM, (number, key))
        found = cursor.fetchone()
        if found is None:
            fresh.append((key, value))
        elif found[0] != value:
            changed.append((name, found[0], value))
    return fresh, changed


def _models(cursor: Cursor, metrics: Sequence[LoggedPoint]) -> dict[str | None, Any]:
    numbers: dict[str | None, Any] = {}
    for model in {metric.model: None for metric in metrics}:
        cursor.execute(_MODEL, (model,))
        found = cursor.fetchone()
        if found is None:
            raise LoggedModelNotFoundError(str(model))
        numbers[model] = found[0]
    return numbers


def _write_tags(cursor: Cursor, run: tuple[int, int, int], *, logged: Entries) -> None:
    number, experiment, _ = run
    cursor.executemany(_TAG, [(number, key, experiment, value, value[:HEAD]) for key, value in logged.tags.items()])
    if logged.name:
        cursor.execute(_NAME, (logged.name, number))
