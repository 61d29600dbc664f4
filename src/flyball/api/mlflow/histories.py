"""Endpoints of metric histories. A whole history is encoded page by page and sent as it is made, whatever its length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flyball.api.mlflow import answers, forms
from flyball.api.mlflow.answers import Json, encode, number
from flyball.api.mlflow.call import Call, run_of, within
from flyball.api.mlflow.errors import MissingValueError, WrongValueError
from flyball.tracking.trackedrun import Metric

PAGE = 25_000
MOST_PAGE = 2**31 - 1
BULK_RUNS, INTERVAL_RUNS, INTERVAL_RESULTS = 100, 100, 2500


def history(call: Call, asked: forms.History) -> bytes | Iterator[bytes]:
    """A page of a metric's values by (step, time, value), or all of them."""
    run, key, metrics = run_of(asked), asked.metric_key or "", call.services.tracking.metrics
    most = None if asked.max_results is None else within("max_results", asked.max_results, default=PAGE, most=MOST_PAGE)
    if most is None or most > PAGE:
        return _whole(metrics, run, key, left=most, token=asked.page_token or None)
    found = metrics.history(run, key, max_results=most, token=asked.page_token or None)
    return encode(answers.page("metrics", map(answers.metric, found.items), found.token))


def _whole(metrics, run: str, key: str, *, left: int | None, token: str | None) -> Iterator[bytes]:
    yield b'{"metrics":['
    comma = b""
    while True:
        found = metrics.history(run, key, max_results=PAGE if left is None else min(PAGE, left), token=token)
        if found.items:
            yield comma + encode([answers.metric(each) for each in found.items])[1:-1]
            comma = b","
        token, left = found.token, None if left is None else left - len(found.items)
        if token is None or left == 0:
            break
    yield b"]}" if token is None else b'],"next_page_token":' + encode(token) + b"}"


def interval(call: Call, asked: forms.BulkInterval) -> Json:
    """About so many values of each run, spread evenly over the steps, with the first and the last."""
    runs = asked.run_ids or []
    if len(runs) > INTERVAL_RUNS:
        raise WrongValueError("run_ids", len(runs), f"GetMetricHistoryBulkInterval request must specify at most {INTERVAL_RUNS} run_ids.")
    if asked.max_results is not None and not 1 <= asked.max_results <= INTERVAL_RESULTS:
        raise WrongValueError("max_results", asked.max_results, f"max_results must be between 1 and {INTERVAL_RESULTS}.")
    start, end = asked.start_step, asked.end_step
    if (start is None) != (end is None):
        raise MissingValueError("end_step" if end is None else "start_step")
    if start is not None and end is not None and start > end:
        raise WrongValueError("end_step", end, f"end_step must be greater than start_step, which is {start}.")
    found = call.services.tracking.metrics.interval(
        runs, asked.metric_key or "", start=start, end=end, max_results=asked.max_results or INTERVAL_RESULTS
    )
    return {"metrics": _of_runs(found)}


def bulk(call: Call, asked: forms.BulkHistory) -> Json:
    """The first values of each run, as MLflow's page asks for them."""
    runs = asked.run_id or []
    if not runs:
        raise MissingValueError("run_id")
    if len(runs) > BULK_RUNS:
        raise WrongValueError("run_id", len(runs), f"GetMetricHistoryBulk request cannot specify more than {BULK_RUNS} run_ids.")
    if asked.metric_key is None:
        raise MissingValueError("metric_key")
    left = min(within("max_results", asked.max_results, default=PAGE, most=MOST_PAGE), PAGE)
    found: list[Json] = []
    for run in sorted(runs):
        if left <= 0:
            break
        items = call.services.tracking.metrics.history(run, asked.metric_key, max_results=left).items
        found += _of_runs((run, each) for each in sorted(items, key=lambda each: (each.time_ms, each.step)))
        left -= len(items)
    return {"metrics": found}


def _of_runs(found: Iterable[tuple[str, Metric]]) -> list[Json]:
    return [
        {"key": each.key, "value": number(each.value), "timestamp": each.time_ms, "step": each.step, "run_id": run} for run, each in found
    ]
