"""The use cases of tracking: create, log, finish, look up. It knows no training and no door."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from flyball.core.canonical import canonical
from flyball.core.clock import Clock
from flyball.core.ids import Digest, EventId, Ids, RunId
from flyball.storage.recorder import Recorder
from flyball.storage.transactions import Transactions
from flyball.tracking.errors import MetricValueError, ParameterChangedError, RunEndedError
from flyball.tracking.model import Logged, MetricPoint, Run, RunStatus
from flyball.tracking.store import RunStore


class TrackingService:
    """A run changes while it is running and never after; each start and end is one transaction with its event.

    As thread-safe as the recorder it was given.
    """

    def __init__(self, store: RunStore, *, transactions: Transactions, recorder: Recorder, clock: Clock, ids: Ids) -> None:
        self._store, self._transactions, self._recorder = store, transactions, recorder
        self._clock, self._ids = clock, ids

    def create(
        self,
        experiment: str,
        *,
        name: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
        cause: EventId | None = None,
    ) -> Run:
        """Start a run; `run.started`.

        Where ids derive from their cause, the same experiment, parameters and cause give the run that is there already.
        """
        plain = json.loads(canonical(parameters or {}))
        with self._transactions.write():
            run_id = RunId(self._ids.create("run", experiment, cause or "", canonical(plain)))
            found = self._store.find(run_id)
            if found is not None:
                return found
            run = Run(
                id=run_id,
                experiment=experiment,
                name=name or run_id,
                parameters=plain,
                tags=tags or {},
                started=self._clock.now(),
                cause=cause,
            )  # fmt: skip
            self._store.create(run)
            self._recorder.record("run.started", run_subject(run_id), data={"experiment": experiment}, cause=cause)
        return run

    def log(self, run: RunId, logged: Logged) -> Run:
        """Add to a running run; metrics are points at its step, tags and artifacts of the same name are replaced.

        Raises:
            RunNotFoundError, RunEndedError, ParameterChangedError, MetricValueError: nothing was logged.
        """
        points = _points(logged, self._clock)
        with self._transactions.write():
            found = self._running(run)
            for name, value in logged.parameters.items():
                if name in found.parameters and canonical(found.parameters[name]) != canonical(value):
                    raise ParameterChangedError(run, name)
            changed = replace(
                found,
                parameters={**found.parameters, **logged.parameters},
                artifacts={**found.artifacts, **logged.artifacts},
                tags={**found.tags, **logged.tags},
            )
            self._store.set(changed)
            self._store.add_metrics(run, points)
        return self._store.get(run)

    def finish(
        self,
        run: RunId,
        *,
        metrics: Mapping[str, float] | None = None,
        artifacts: Mapping[str, Digest] | None = None,
        summary: Mapping[str, Any] | None = None,
    ) -> Run:
        """Log the last of the run and end it well; `run.finished`. Idempotent.

        Raises:
            RunNotFoundError, MetricValueError, RunEndedError: it does not exist, a figure is none, or it ended otherwise.
        """
        points = _points(Logged(metrics=metrics or {}), self._clock)
        with self._transactions.write():
            found = self._store.get(run)
            if found.status is RunStatus.FINISHED:
                return found
            self._store.add_metrics(run, points)
            kept = {**found.artifacts, **(artifacts or {})}
            return self._end(replace(found, artifacts=kept, summary={**found.summary, **(summary or {})}), RunStatus.FINISHED)

    def fail(self, run: RunId, reason: str, *, killed: bool = False) -> Run:
        """End the run as failed, or as killed from outside, and keep the reason; `run.failed` or `run.killed`. Idempotent."""
        status = RunStatus.KILLED if killed else RunStatus.FAILED
        with self._transactions.write():
            found = self._store.get(run)
            return found if found.status is status else self._end(replace(found, reason=reason), status)

    def get(self, run: RunId) -> Run:
        """The run.

        Raises:
            RunNotFoundError: no run has this id.
        """
        return self._store.get(run)

    def find(self, run: RunId) -> Run | None:
        """The run, or None."""
        return self._store.find(run)

    def list(self, experiment: str | None = None, tags: Mapping[str, str] | None = None) -> list[Run]:
        """The runs of the experiment (None: of all) that have all of these tags, by start time."""
        return self._store.list(experiment, tags)

    def list_metrics(self, run: RunId) -> Sequence[MetricPoint]:
        """Every point of the run, by name and step."""
        return self._store.list_metrics(run)

    def _running(self, run: RunId) -> Run:
        found = self._store.get(run)
        if found.status is not RunStatus.RUNNING:
            raise RunEndedError(run, found.status)
        return found

    def _end(self, run: Run, status: RunStatus) -> Run:
        if run.status is not RunStatus.RUNNING:
            raise RunEndedError(run.id, run.status)
        self._store.set(replace(run, status=status, ended=self._clock.now()))
        why = {"reason": run.reason} if run.reason else {}
        self._recorder.record(f"run.{status}", run_subject(run.id), data=why, cause=run.cause)
        return self._store.get(run.id)


def run_subject(run: RunId) -> str:
    """The subject of a run's events."""
    return f"run/{run}"


def _points(logged: Logged, clock: Clock) -> list[MetricPoint]:
    for name, value in logged.metrics.items():
        if not math.isfinite(value):
            raise MetricValueError(name, value)
    return [MetricPoint(name, float(value), logged.step, clock.now()) for name, value in sorted(logged.metrics.items())]
