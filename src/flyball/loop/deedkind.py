"""Deeds of the loop as durable jobs: prepared by the model's worker, committed with the job, and told when they fail."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flyball.core.events import Event
from flyball.core.ids import EventId
from flyball.loop.deeds import decode
from flyball.loop.worker import ModelWorker
from flyball.storage.events import EventLog
from flyball.storage.jobs import Job


class DeedKind:
    """The job kind of the loop's commands. `workers` has one per model, used by this lane's thread alone."""

    def __init__(self, workers: Mapping[str, ModelWorker], log: EventLog) -> None:
        self._workers, self._log = dict(workers), log

    def prepare(self, job: Job) -> Callable[[], Mapping[str, object] | None]:
        """The long part of the deed; the rest changes state and records events in the job's own transaction."""
        model, command = decode(job.payload)
        commit = self._workers[model].prepare(command, self._cause(job))

        def finish() -> None:
            commit()

        return finish

    def failed(self, job: Job, error: Exception) -> None:
        """Tell the loop that the command was not carried out, so that it does not wait for ever."""
        model, command = decode(job.payload)
        self._workers[model].fail(command, error, cause=self._cause(job))

    def _cause(self, job: Job) -> Event:
        assert job.cause is not None  # the conductor gives every command with the event that it follows from
        return self._log.get(EventId(job.cause))
