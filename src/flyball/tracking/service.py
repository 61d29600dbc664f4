"""The use cases of tracking: create, log, finish, look up. It knows no training and no door."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from flyball.core.canonical import canonical
from flyball.core.clock import Clock
from flyball.core.ids import RunId
from flyball.storage.transactions import Transactions
from flyball.tracking.errors import MetricValueError, ParameterChangedError, RunEndedError, RunExistsError
from flyball.tracking.model import Logged, MetricPoint, Run, RunStatus
from flyball.tracking.store import RunStore


class TrackingService:
    """A run changes while it is running and never after. As thread-safe as its store."""

    def __init__(self, store: RunStore, *, transactions: Transactions, clock: Clock) -> None:
        self._store, self._transactions, self._clock = store, transactions, clock

    def create(self, run: Run) -> Run:
        """Start the run. Idempotent: a run of the same id, experiment and parameters is the one that is there already.

        Raises:
            RunExistsError: the id is taken by another run.
        """
        with self._transactions.write():
            found = self._store.find(run.id)
            if found is not None:
                if (found.experiment, canonical(found.parameters)) != (run.experiment, canonical(run.parameters)):
                    raise RunExistsError(run.id)
                return found
            self._store.create(replace(run, metrics={}))
        return self._store.get(run.id)

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

    def finish(self, run: RunId) -> Run:
        """End the run well; idempotent.

        Raises:
            RunNotFoundError, RunEndedError: it ended otherwise.
        """
        return self._end(run, RunStatus.FINISHED, None)

    def fail(self, run: RunId, reason: str, *, killed: bool = False) -> Run:
        """End the run as failed, or as killed from outside, and keep the reason; idempotent."""
        return self._end(run, RunStatus.KILLED if killed else RunStatus.FAILED, reason)

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

    def _end(self, run: RunId, status: RunStatus, reason: str | None) -> Run:
        with self._transactions.write():
            found = self._store.get(run)
            if found.status is status:
                return found
            if found.status is not RunStatus.RUNNING:
                raise RunEndedError(run, found.status)
            self._store.set(replace(found, status=status, ended=self._clock.now(), reason=reason))
        return self._store.get(run)


def _points(logged: Logged, clock: Clock) -> list[MetricPoint]:
    for name, value in logged.metrics.items():
        if not math.isfinite(value):
            raise MetricValueError(name, value)
    return [MetricPoint(name, float(value), logged.step, clock.now()) for name, value in sorted(logged.metrics.items())]
