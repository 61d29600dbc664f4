"""The use cases of metric histories: page by page, and evenly sampled for curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flyball.core.optional import extra
from flyball.storage.schema import BINARY
from flyball.tracking._sql import metric_chunks, metric_points
from flyball.tracking.errors import IntervalError
from flyball.tracking.ledger import Ledger
from flyball.tracking.page import Page
from flyball.tracking.points import NOTHING, Columns, Packed, after, by_step, by_time, joined, of_key, ranks, unpack
from flyball.tracking.runrows import run_row
from flyball.tracking.sampling import Part, sample
from flyball.tracking.search.pagetoken import decode_token, encode_token, fingerprint
from flyball.tracking.trackedrun import Metric

with extra("store"):
    from sqlalchemy import Connection, bindparam, select

MOST_IN_INTERVAL = 2500

_BYTES: dict[str, Any] = {BINARY: True}
_TAIL = (
    select(metric_points.c.records)
    .where(metric_points.c.run == bindparam("of"))
    .order_by(metric_points.c.position)
    .execution_options(**_BYTES)
)
_CHUNKS = (
    select(metric_chunks.c.position, metric_chunks.c.first_ms)
    .where(metric_chunks.c.run == bindparam("of"), metric_chunks.c.key == bindparam("by"), metric_chunks.c.last_ms >= bindparam("since"))
    .order_by(metric_chunks.c.first_ms, metric_chunks.c.position)
)
_CHUNK = (
    select(metric_chunks.c.packed)
    .where(metric_chunks.c.run == bindparam("of"), metric_chunks.c.key == bindparam("by"), metric_chunks.c.position == bindparam("at"))
    .execution_options(**_BYTES)
)
_ALL_CHUNKS = (
    select(metric_chunks.c.packed)
    .where(metric_chunks.c.run == bindparam("of"), metric_chunks.c.key == bindparam("by"))
    .execution_options(**_BYTES)
)
_SINCE_EVER = -(2**63)


class Metrics:
    """Every point that was logged, once, in order. Thread-safe."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def history(self, run: str, key: str, *, max_results: int | None = None, token: str | None = None) -> Page[Metric]:
        """The metric's points by (time, step, value); none for a metric that was never logged.

        Raises:
            RunNotFoundError: no run has this id.
            PageTokenError, PageTokenForeignError: the token is none of this history.
        """
        columns, following = self.history_columns(run, key, max_results=max_results, token=token)
        return Page(items=metrics_of(key, columns), token=following)

    def history_columns(
        self, run: str, key: str, *, max_results: int | None = None, token: str | None = None
    ) -> tuple[Columns, str | None]:
        """`history` as arrays, and the token of the next page."""
        of = fingerprint("history", run, key)
        mark = decode_token(token, search=of, parts=3)
        after_mark = None if mark is None else (int(mark[0] or 0), int(mark[1] or 0), int(mark[2] or 0))
        with self._ledger.database.read() as connection:
            number = self._number(connection, run)
            found = self._first(connection, number, key=key, limit=max_results, mark=after_mark)
        if max_results is None or len(found) <= max_results:
            return found, None
        page = found.take(slice(0, max_results))
        last = (int(page.times[-1]), int(page.steps[-1]), int(ranks(page.values[-1:])[0])) if len(page) else (0, 0, 0)
        return page, encode_token(last, search=of)

    def interval(
        self, runs: Sequence[str], key: str, *, start: int | None = None, end: int | None = None, max_results: int = MOST_IN_INTERVAL
    ) -> list[tuple[str, Metric]]:
        """At most `max_results` points of each run by (step, time, value), evenly spread over those from step `start` to `end`.

        Raises:
            RunNotFoundError: a run does not exist.
            IntervalError: only one end of the interval was given.
        """
        found = self.interval_columns(runs, key, start=start, end=end, max_results=max_results)
        return [(run, metric) for run, columns in found for metric in metrics_of(key, columns)]

    def interval_columns(
        self, runs: Sequence[str], key: str, *, start: int | None = None, end: int | None = None, max_results: int = MOST_IN_INTERVAL
    ) -> list[tuple[str, Columns]]:
        """`interval` as arrays, in the order of `runs`."""
        if (start is None) != (end is None):
            raise IntervalError
        with self._ledger.database.read() as connection:
            return [(run, sample(self._parts(connection, run, key=key), start=start, end=end, most=max(1, max_results))) for run in runs]

    def _parts(self, connection: Connection, run: str, *, key: str) -> list[Part]:
        number, by = self._number(connection, run), self._ledger.keys.find("metric", key)
        if by is None:
            return []
        parts: list[Part] = [by_step(of_key((bytes(row[0]) for row in connection.execute(_TAIL, {"of": number})), by))]
        chunks = connection.execute(_ALL_CHUNKS, {"of": number, "by": by})
        return parts + [Packed.of(bytes(row[0])) for row in chunks]

    @staticmethod
    def _number(connection: Connection, run: str) -> int:
        return int(run_row(connection, run).number)

    def _first(
        self, connection: Connection, run: int, *, key: str, limit: int | None = None, mark: tuple[int, int, int] | None = None
    ) -> Columns:
        """The points after `mark` in the order of time; where there is a `limit`, at least one more than it if there are as many."""
        by = self._ledger.keys.find("metric", key)
        if by is None:
            return NOTHING
        of: dict[str, Any] = {"of": run, "by": by}
        tail = of_key((bytes(row[0]) for row in connection.execute(_TAIL, {"of": run})), by)
        parts = [_after(tail, mark)]
        for at, first_ms in connection.execute(_CHUNKS, {**of, "since": _SINCE_EVER if mark is None else mark[0]}).all():
            # What the chunks to come begin with lies behind what is enough already.
            if limit is not None and _before(parts, first_ms) > limit:
                break
            parts.append(_after(unpack(bytes(connection.execute(_CHUNK, {**of, "at": at}).scalar_one())), mark))
        return by_time(joined([part for part in parts if len(part)]))


def _after(columns: Columns, mark: tuple[int, int, int] | None) -> Columns:
    return columns if mark is None else after(columns, mark)


def _before(parts: Sequence[Columns], time_ms: int) -> int:
    earlier = [part.take(part.times < time_ms) for part in parts]
    return len(by_time(joined(earlier)))  # those that stand there twice count once


def metrics_of(key: str, columns: Columns) -> tuple[Metric, ...]:
    """The points as values."""
    rows = zip(columns.times.tolist(), columns.steps.tolist(), columns.values.tolist(), strict=True)
    return tuple(Metric(key=key, value=value, time_ms=time_ms, step=step) for time_ms, step, value in rows)
