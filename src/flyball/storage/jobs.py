"""The jobs' port: work that is done once, by one worker at a time, whichever process dies, hangs or wakes up late."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from flyball.core.ids import EventId

JobState = Literal["queued", "leased", "running", "succeeded", "failed", "cancelled"]

# The only moves there are; what stands nowhere on the right of an ended state never begins again.
MOVES: Mapping[JobState, frozenset[JobState]] = {
    "queued": frozenset(("leased", "cancelled")),
    "leased": frozenset(("running", "queued", "succeeded", "failed", "cancelled")),
    "running": frozenset(("running", "queued", "succeeded", "failed", "cancelled")),
    "succeeded": frozenset(),
    "failed": frozenset(),
    "cancelled": frozenset(),
}
BUSY: tuple[JobState, ...] = ("leased", "running")
PENDING: tuple[JobState, ...] = ("queued", *BUSY)


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work as it stood when it was read.

    `attempt` counts how often it was claimed and is its fencing token: what a worker commits counts only while the job is at the attempt
    that this worker claimed. `worker` is who has it now, or had it last; `error` says why it failed, `result` what it gave.
    """

    id: str
    kind: str
    lane: str
    payload: Mapping[str, Any]
    key: str
    state: JobState
    attempt: int = 0
    worker: str | None = None
    cause: EventId | None = None
    error: str | None = None
    result: Mapping[str, Any] | None = None


class JobQueue(Protocol):
    """A key is one job for ever, and a job ends once: succeeded, failed or cancelled.

    The jobs of a lane run one after the other, in the order in which they were created; lanes do not wait for each other. A worker that has
    claimed a job shows that it lives by `renew`; its job is free again when this observer's own Timer saw no new heartbeat
    for `lease_seconds` and `recover` was called. Clocks of hosts are never compared. Thread-safe; every method joins
    the transaction that is open in its thread.
    """

    @property
    def lease_seconds(self) -> float:
        """How long a worker may be silent; `renew` is to be called at least three times in it."""
        ...

    def create(self, kind: str, *, lane: str, payload: Mapping[str, Any], key: str, cause: EventId | None = None) -> Job:
        """The job of `key`: a new one, queued last in its lane, or the one that there is, as it is and whatever its state."""
        ...

    def claim(self, lanes: Sequence[str], worker: str) -> Job | None:
        """The first job that may run, oldest of all `lanes` first, leased to `worker` with an attempt more; None when there is none.

        A lane with a leased or running job gives none.
        """
        ...

    def renew(self, job: Job) -> None:
        """A heartbeat; with its first, a leased job is running.

        Raises:
            JobLostError: another has it at a later attempt, or it has ended.
        """
        ...

    def check(self, job: Job) -> None:
        """The fence: to be called in the transaction that commits what the job made.

        Raises:
            JobLostError: another has it at a later attempt, or it has ended; nothing may be committed for it.
        """
        ...

    def finish(self, job: Job, result: Mapping[str, Any] | None = None) -> Job:
        """It has succeeded.

        Raises:
            JobLostError: as in `check`.
        """
        ...

    def fail(self, job: Job, error: str) -> Job:
        """It has failed for good; `error` is a short sentence.

        Raises:
            JobLostError: as in `check`.
        """
        ...

    def release(self, job: Job) -> Job:
        """It is queued again, at its old place in the lane.

        Raises:
            JobLostError: as in `check`.
        """
        ...

    def cancel(self, job_id: str) -> Job:
        """It ends cancelled, also while it runs: what its worker made is refused by `check`. One that has ended stays as it is.

        Raises:
            JobNotFoundError: there is no such job.
        """
        ...

    def recover(self) -> list[Job]:
        """The jobs whose heartbeat did not change for `lease_seconds` of this observer's time are queued again; these are returned."""
        ...

    def recover_of(self, worker: str) -> list[Job]:
        """All that `worker` has is queued again at once: for a process that knows that its predecessor of that name is dead."""
        ...

    def get(self, job_id: str) -> Job:
        """The job.

        Raises:
            JobNotFoundError: there is no such job.
        """
        ...

    def find(self, key: str) -> Job | None:
        """The job of `key`."""
        ...

    def list(self, state: JobState | None = None) -> list[Job]:
        """All jobs, or those in `state`, in the order in which they were created."""
        ...

    def pending(self, lane: str | None = None) -> int:
        """How many have not ended, in all lanes or in one."""
        ...
