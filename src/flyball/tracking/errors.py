"""What goes wrong with runs.

::

    NotFoundError ── RunNotFoundError
    ConflictError ── RunExistsError, RunEndedError, ParameterChangedError
    InvalidError ── MetricValueError
"""

from __future__ import annotations

from flyball.core.errors import ConflictError, InvalidError, NotFoundError


class RunNotFoundError(NotFoundError):
    """No run has this id."""

    code = "run-not-found"

    def __init__(self, run: str) -> None:
        super().__init__(f"There is no run {run!r} in this home. List runs with `flyball ls runs`.")


class RunExistsError(ConflictError):
    """The id is taken by another run."""

    code = "run-exists"

    def __init__(self, run: str) -> None:
        super().__init__(f"The run {run!r} exists already and is another one. Create the run under a new id.")


class RunEndedError(ConflictError):
    """A run that has ended does not change."""

    code = "run-ended"

    def __init__(self, run: str, status: str) -> None:
        super().__init__(f"The run {run!r} is {status} and changes no more. Log to a new run.")


class ParameterChangedError(ConflictError):
    """A parameter was set to another value."""

    code = "parameter-changed"

    def __init__(self, run: str, name: str) -> None:
        super().__init__(f"The parameter {name!r} of the run {run!r} is set already, to another value. Log it to a new run.")


class MetricValueError(InvalidError):
    """A metric that is no finite number."""

    code = "metric-value"

    def __init__(self, name: str, value: float) -> None:
        super().__init__(f"The metric {name!r} is {value}, which is no finite number. Leave it out where it does not exist.")
