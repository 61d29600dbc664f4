"""Endpoints of metric histories. A whole history is encoded page by page and sent as it is made, whatever its length."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from flyball.api.mlflow import answers, forms
from flyball.api.mlflow.answers import Json, encode, number
from flyball.api.mlflow.call import Call, run_of, text, within
from flyball.api.mlflow.errors import MissingValueError, WrongValueError
from flyball.tracking.metrics import Metrics
from flyball.tracking.points import Columns

PAGE = 25_000
MOST_PAGE = 2**31 - 1
BULK_RUNS, INTERVAL_RUNS, INTERVAL_RESULTS = 100, 100, 2500


def history(call: Call, asked: forms.History) -> bytes | Iterator[bytes]:
    """A page of a metric's values by (time, step, value), or all of them."""
    run, key, metrics = run_of(asked), text(asked.metric_key), call.services.tracking.metrics
    most = None if asked.max_results is None else within("max_results", asked.max_results, default=PAGE, most=MOST_PAGE)
    if most is None or most > PAGE:
        return _whole(metrics, run, key=key, left=most, token=asked.page_token or None)
    found, token = metrics.history_columns(run, key, max_results=most, token=asked.page_token or None)
    return encode(answers.page("metrics", _points(key, found), token=token))


def _whole(metrics: Metrics, run: str, *, key: str, left: int | None, token: str | None) -> Iterator[bytes]:
    yield b'{"metrics":['
    comma = b""
    while True:
        found, token = metrics.history_columns(run, key, max_results=PAGE if left is None else min(PAGE, left), token=token)
        if len(found):
            yield comma + encode(_points(key, found))[1:-1]
            comma = b","
        left = None if left is None else left - len(found)
        if token is None or left == 0:
            break
    yield b"]}" if token is None else b'],"next_page_token":' + encode(token) + b"}"


def _points(key: str, found: Columns) -> list[Json]:
    columns = (_values(found), found.times.tolist(), found.steps.tolist())
    return [{"key": key, "value": value, "timestamp": time_ms, "step": step} for value, time_ms, step in zip(*columns, strict=True)]


def _points_of(run: str, key: str, *, found: Columns) -> list[Json]:
    return [{**point, "run_id": run} for point in _points(key, found)]


def _values(found: Columns) -> list[float | str]:
    values: list[float | str] = found.values.tolist()
    # Looking at each would cost as much as all the rest, and nearly none is one that JSON has no word for.
    return values if np.isfinite(found.values).all() else [number(float(value)) for value in values]


def interval(call: Call, asked: forms.BulkInterval) -> Json:
    """About so many values of each run, spread evenly over the steps, with the first and the last."""
    runs = asked.run_ids or []
    if len(runs) > INTERVAL_RUNS:
        raise WrongValueError(
            "run_ids", len(runs), hint=f"GetMetricHistoryBulkInterval request must specify at most {INTERVAL_RUNS} run_ids."
        )
    if asked.max_results is not None and not 1 <= asked.max_results <= INTERVAL_RESULTS:
        raise WrongValueError("max_results", asked.max_results, hint=f"max_results must be between 1 and {INTERVAL_RESULTS}.")
    start, end = asked.start_step, asked.end_step
    if (start is None) != (end is None):
        raise MissingValueError("end_step" if end is None else "start_step")
    if start is not None and end is not None and start > end:
        raise WrongValueError("end_step", end, hint=f"end_step must be greater than start_step, which is {start}.")
    key = text(asked.metric_key)
    found = call.services.tracking.metrics.interval_columns(
        runs, key, start=start, end=end, max_results=asked.max_results or INTERVAL_RESULTS
    )
    return {"metrics": [point for run, columns in found for point in _points_of(run, key, found=columns)]}


def bulk(call: Call, asked: forms.BulkHistory) -> Json:
    """The first values of each run, as MLflow's page asks for them."""
    runs = asked.run_id or []
    if not runs:
        raise MissingValueError("run_id")
    if len(runs) > BULK_RUNS:
        raise WrongValueError("run_id", len(runs), hint=f"GetMetricHistoryBulk request cannot specify more than {BULK_RUNS} run_ids.")
    if asked.metric_key is None:
        raise MissingValueError("metric_key")
    left = min(within("max_results", asked.max_results, default=PAGE, most=MOST_PAGE), PAGE)
    found: list[Json] = []
    for run in sorted(runs):
        if left <= 0:
            break
        columns, _ = call.services.tracking.metrics.history_columns(run, asked.metric_key, max_results=left)
        found += _points_of(run, asked.metric_key, found=columns)
        left -= len(columns)
    return {"metrics": found}
