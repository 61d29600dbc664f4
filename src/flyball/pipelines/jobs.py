"""The worker: it takes durable jobs one by one and commits each one's outcome once, whatever happens to it or to the job.

This module does not know what jobs do: a `Kind` is bound to each name where the parts are put together.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from flyball.core.clock import Timer
from flyball.core.errors import FlyballError, UnavailableError, UnknownNameError
from flyball.pipelines.errors import JobAbandonedError, StepAbortedError
from flyball.storage.errors import JobLostError
from flyball.storage.jobs import Job, JobQueue
from flyball.storage.transactions import Transactions

IDLE_SECONDS = 0.1
FAULT_SECONDS = 1.0
_BEATS_PER_LEASE = 4
_REASON_CHARACTERS = 500

_LOG = logging.getLogger(__name__)

Commit = Callable[[], Mapping[str, Any] | None]


class Kind(Protocol):
    """What a job's name means. One job of a lane runs at a time; jobs of several lanes may run in several threads at once."""

    def prepare(self, job: Job) -> Commit:
        """The long part, which changes nothing that others see and may be done again; its commit is the short part.

        The commit runs in the transaction that ends the job, on the thread that prepared it; what it returns is the job's result.
        """
        ...

    def failed(self, job: Job, error: Exception) -> None:
        """Tell that the job failed, in the transaction that fails it."""
        ...


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and how soon a job is tried again.

    A job that found a part outside of us unavailable is tried `attempts` times in all, with doubling pauses by the Timer from
    `first_seconds` to `longest_seconds`. A job that was claimed more than `claims` times kills its workers, and fails.
    """

    attempts: int = 6
    first_seconds: float = 0.5
    longest_seconds: float = 30.0
    claims: int = 50

    def pause_seconds(self, failures: int) -> float:
        """How long to wait after so many failures.

        >>> [Retry().pause_seconds(failures) for failures in (1, 2, 3, 20)]
        [0.5, 1.0, 2.0, 30.0]
        """
        return min(self.first_seconds * 2.0 ** (failures - 1), self.longest_seconds)


class JobWorker:
    """Runs the jobs of `lanes` one at a time; a job's outcome and its end are one transaction, behind the queue's fence.

    Who lost a job while preparing it (it hung, was stopped, or the job was cancelled) commits nothing. No job ends the worker. `name` says
    who has a job; two workers of one name at a time must not both call `recover_of`. Set `retry` before the worker runs. One
    thread runs it; `wake` may be called from any.
    """

    retry: Retry = Retry()

    def __init__(
        self,
        queue: JobQueue,
        kinds: Mapping[str, Kind],
        *,
        transactions: Transactions,
        timer: Timer,
        lanes: Sequence[str],
        name: str,
    ) -> None:
        self._queue, self._kinds, self._transactions, self._timer = queue, dict(kinds), transactions, timer
        self._lanes, self._name = tuple(lanes), name
        self._stop, self._awake = threading.Event(), threading.Event()
        self._failures: dict[str, int] = {}  # job → how often it found something unavailable
        self._closed: dict[str, float] = {}  # lane → when its first job may be tried again
        self._looked: float | None = None

    def wake(self) -> None:
        """There may be a job: an idle worker looks at once."""
        self._awake.set()

    def run(self, stop: threading.Event) -> None:
        """Run jobs until `stop` is set; the job that runs then is ended by its own executor, and is queued again."""
        self._stop = stop
        while not stop.is_set():
            self._awake.clear()
            try:
                if not self.run_once() and not stop.is_set():
                    self._awake.wait(IDLE_SECONDS)
            except UnavailableError as error:
                _LOG.warning("%s cannot reach its jobs: %s", self._name, error)
                stop.wait(FAULT_SECONDS)
            except Exception:  # noqa: BLE001  the rim of the loop: a lane without a worker would stand still for ever
                _LOG.exception("%s could not go on with its jobs", self._name)
                stop.wait(FAULT_SECONDS)

    def run_once(self) -> bool:
        """Run the next job to an end, or up to where it is queued again; False when there was none.

        Raises:
            UnavailableError: the queue cannot be reached.
        """
        now = self._timer.seconds()
        if self._looked is None or now - self._looked >= self._queue.lease_seconds / _BEATS_PER_LEASE:
            self._looked = now
            for lost in self._queue.recover():
                _LOG.warning("Job %s (%s) is queued again: %s, which had it, is silent", lost.id, lost.kind, lost.worker)
        job = self._queue.claim([lane for lane in self._lanes if self._closed.get(lane, now) <= now], self._name)
        if job is None:
            return False
        self._closed.pop(job.lane, None)
        try:
            self._do(job)
        except JobLostError as lost:
            self._failures.pop(job.id, None)
            _LOG.info("Work is dropped. %s", lost)
        return True

    def _do(self, job: Job) -> None:
        kind = self._kinds.get(job.kind)
        try:
            if kind is None:
                raise UnknownNameError("job kind", job.kind, known=self._kinds)  # noqa: TRY301  one rim for all ends
            if job.attempt > self.retry.claims:
                raise JobAbandonedError(job.id, job.attempt)  # noqa: TRY301  one rim for all ends
            with self._heartbeat(job):
                commit = kind.prepare(job)
            with self._transactions.write():
                self._queue.check(job)
                self._queue.finish(job, commit())
            self._failures.pop(job.id, None)
        except JobLostError:
            raise
        except UnavailableError as error:
            self._again(job, error, kind=kind)
        except Exception as error:  # noqa: BLE001  the rim of a job: whatever it was, it is told, and the worker goes on
            if self._stop.is_set() or isinstance(error, StepAbortedError):
                self._queue.release(job)  # it did not fail: everything was told to end
            else:
                self._fail(job, error, kind=kind)
        except BaseException:  # the worker itself is being ended
            self._queue.release(job)
            raise

    @contextmanager
    def _heartbeat(self, job: Job) -> Iterator[None]:
        """The job's worker is seen alive while the block runs; a block that hangs for ever is its own executor's to end."""
        ended = threading.Event()

        def beat() -> None:
            while not ended.wait(self._queue.lease_seconds / _BEATS_PER_LEASE):
                try:
                    self._queue.renew(job)
                except JobLostError:
                    return  # the commit will find out
                except UnavailableError as error:
                    _LOG.warning("No heartbeat for job %s: %s", job.id, error)

        self._queue.renew(job)
        thread = threading.Thread(target=beat, name=f"heartbeat {job.id}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _again(self, job: Job, error: UnavailableError, *, kind: Kind | None) -> None:
        failures = self._failures.get(job.id, 0) + 1
        if failures >= self.retry.attempts:
            self._fail(job, error, kind=kind)
            return
        self._failures[job.id] = failures
        pause = self.retry.pause_seconds(failures)
        _LOG.warning("Job %s (%s) is tried again in %.1f s: %s", job.id, job.kind, pause, error)
        self._closed[job.lane] = self._timer.seconds() + pause
        self._queue.release(job)

    def _fail(self, job: Job, error: Exception, *, kind: Kind | None) -> None:
        _LOG.warning("Job %s (%s) failed", job.id, job.kind, exc_info=error)
        self._failures.pop(job.id, None)
        reason = _reason(error)
        try:
            with self._transactions.write():
                self._queue.fail(job, reason)
                if kind is not None:
                    kind.failed(job, error)
        except (JobLostError, UnavailableError):
            raise
        except Exception:  # noqa: BLE001  as above: that it failed stands, even when nobody can be told why
            _LOG.exception("The failure of job %s (%s) could not be told", job.id, job.kind)
            self._queue.fail(job, reason)


def _reason(error: Exception) -> str:
    text = str(error) if isinstance(error, FlyballError) else f"{type(error).__name__}: {error}"
    return text if len(text) <= _REASON_CHARACTERS else text[: _REASON_CHARACTERS - 1] + "…"
