"""What goes wrong with steps and jobs: user code may do anything, and each of its ends has a sentence here.

::

    ConflictError ── StepFailedError ─┬─ StepTimeoutError
                                      └─ StepAbortedError
    ConflictError ── JobAbandonedError
    InvalidError ── StepFunctionError
    UnavailableError ── ClusterNotFoundError
"""

from __future__ import annotations

from flyball.core.errors import ConflictError, InvalidError, UnavailableError


class StepFunctionError(InvalidError):
    """A step names a function that cannot be found."""

    code = "step-function"

    def __init__(self, function: str, reason: str) -> None:
        super().__init__(f"The step function {function!r} cannot be used: {reason}. Write it as 'module:function'.")
        self.function = function


class StepFailedError(ConflictError):
    """A step's code raised, died or returned what it must not. `kind` is the error's class, `detail` the end of its traceback."""

    code = "step-failed"

    def __init__(self, step: str, reason: str, *, kind: str = "", detail: str = "") -> None:
        super().__init__(f"The step {step!r} failed: {reason}")
        self.step, self.reason, self.kind, self.detail = step, reason, kind, detail


class StepTimeoutError(StepFailedError):
    """A step ran longer than it may."""

    code = "step-timeout"

    def __init__(self, step: str, seconds: float) -> None:
        super().__init__(step, f"it ran longer than {seconds:g} s and was ended. Allow more time, or give it less to do.", kind="timeout")
        self.seconds = seconds


class StepAbortedError(StepFailedError):
    """A step was asked of an executor that was told to end."""

    code = "step-aborted"

    def __init__(self, step: str) -> None:
        super().__init__(step, "everything was told to end. Run the command again; finished steps are kept.", kind="abort")


class JobAbandonedError(ConflictError):
    """A job was begun so often without an end that it is what ends its workers."""

    code = "job-abandoned"

    def __init__(self, job: str, attempts: int) -> None:
        super().__init__(
            f"The job {job} was begun {attempts - 1} times and never came to an end: its worker died or was stopped each time."
        )
        self.job, self.attempts = job, attempts


class ClusterNotFoundError(UnavailableError):
    """No cluster at the address."""

    code = "cluster-not-found"

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(
            f"There is no Ray cluster at {address[:200]!r}: {reason.rstrip('.')}. Start one with `ray start --head`, or name the address "
            "that it printed."
        )
