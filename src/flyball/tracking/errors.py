"""What goes wrong with runs.

::

    NotFoundError
    ├── RunNotFoundError, ExperimentNotFoundError, ExperimentNameNotFoundError, LoggedModelNotFoundError
    └── RunTagNotFoundError, ExperimentTagNotFoundError, LoggedModelTagNotFoundError
    ConflictError
    ├── RunExistsError, RunEndedError, ParameterChangedError, ParamValueChangedError
    ├── AlreadyExistsError ── ExperimentExistsError
    └── DeletedError ── RunDeletedError, ExperimentDeletedError, RenameDeletedError
    InvalidError
    ├── MetricValueError, FieldError, TooLongError, BatchTooLargeError
    └── ExperimentNameError, ExperimentIdError, LoggedModelNameError, RunNameError, IntervalError

What clients of MLflow's protocol see says it in the words that its users know.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from flyball.core.errors import ConflictError, InvalidError, NotFoundError

_SHOWN = 200


def shown(text: str) -> str:
    """At most 200 characters of what was given: an answer never becomes as long as a hostile request."""
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


class RunNotFoundError(NotFoundError):
    """No run has this id."""

    code = "run-not-found"

    def __init__(self, run: str) -> None:
        super().__init__(f"Run with id={shown(run)} not found. List runs with `flyball ls runs`.")


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


class ExperimentNotFoundError(NotFoundError):
    """No experiment has this id, or none in the lifecycle that was asked for."""

    code = "experiment-not-found"

    def __init__(self, experiment: str) -> None:
        super().__init__(f"No Experiment with id={shown(experiment)} exists")


class ExperimentNameNotFoundError(NotFoundError):
    """No experiment has this name."""

    code = "experiment-name-not-found"

    def __init__(self, name: str) -> None:
        super().__init__(f"Could not find experiment with name '{shown(name)}'")


class LoggedModelNotFoundError(NotFoundError):
    """No logged model has this id, or it was deleted."""

    code = "logged-model-not-found"

    def __init__(self, model: str) -> None:
        super().__init__(f"Logged model with ID '{shown(model)}' not found.")


class RunTagNotFoundError(NotFoundError):
    """The run has no such tag."""

    code = "run-tag-not-found"

    def __init__(self, run: str, key: str) -> None:
        super().__init__(f"No tag with name: {shown(key)} in run with id {run}")


class ExperimentTagNotFoundError(NotFoundError):
    """The experiment has no such tag."""

    code = "experiment-tag-not-found"

    def __init__(self, experiment: str, key: str) -> None:
        super().__init__(f"No tag with name: {shown(key)} in experiment with id {experiment}")


class LoggedModelTagNotFoundError(NotFoundError):
    """The logged model has no such tag."""

    code = "logged-model-tag-not-found"

    def __init__(self, model: str, key: str) -> None:
        super().__init__(f"No tag with key {shown(key)!r} found for model with ID {model!r}.")


class AlreadyExistsError(ConflictError):
    """The name is taken."""

    code = "already-exists"


class ExperimentExistsError(AlreadyExistsError):
    """An experiment has the name, perhaps one that is deleted."""

    code = "experiment-exists"

    def __init__(self, name: str, *, deleted: bool) -> None:
        more = " It is in the deleted state: restore it, or choose another name." if deleted else ""
        super().__init__(f"Experiment(name={shown(name)}) already exists.{more}")


class DeletedError(ConflictError):
    """What is deleted does not change until it is restored."""

    code = "deleted"


class RunDeletedError(DeletedError):
    """The run is deleted."""

    code = "run-deleted"

    def __init__(self, run: str) -> None:
        super().__init__(f"The run {run} must be in the 'active' state. Current state is deleted.")


class ExperimentDeletedError(DeletedError):
    """The experiment is deleted."""

    code = "experiment-deleted"

    def __init__(self, experiment: str) -> None:
        super().__init__(f"The experiment {experiment} must be in the 'active' state. Current state is deleted.")


class RenameDeletedError(DeletedError):
    """A deleted experiment keeps its name."""

    code = "rename-deleted"

    def __init__(self) -> None:
        super().__init__("Cannot rename a non-active experiment.")


class ParamValueChangedError(ConflictError):
    """Params were logged before, with other values."""

    code = "param-value-changed"

    def __init__(self, run: str, *, changed: Sequence[tuple[str, str, str]]) -> None:
        if len(changed) == 1:
            key, old, new = (shown(text) for text in changed[0])
            super().__init__(
                f"Changing param values is not allowed. Param with key='{key}' was already logged with value='{old}'"
                f" for run ID='{run}'. Attempted logging new value '{new}'."
            )
            return
        listed = [{"key": key, "old_value": shown(old), "new_value": shown(new)} for key, old, new in changed[:10]]
        super().__init__(f"Changing param values is not allowed. Params were already logged='{listed}' for run ID='{run}'.")


class FieldError(InvalidError):
    """A field has a value that it cannot have; `path` names the field."""

    code = "field"

    def __init__(self, path: str, value: str | float, *, why: str) -> None:
        given = json.dumps(shown(value) if isinstance(value, str) else value)
        super().__init__(f"Invalid value {given} for parameter '{path}' supplied: {why}")
        self.path = path


class TooLongError(InvalidError):
    """A text is longer than it may be."""

    code = "too-long"

    def __init__(self, what: str, limit: int) -> None:
        super().__init__(f"'{what}' exceeds the maximum length of {limit} characters")


class BatchTooLargeError(InvalidError):
    """A batch has more entries than one may have."""

    code = "batch-too-large"

    def __init__(self, what: str, limit: int, *, length: int) -> None:
        super().__init__(
            f"A batch logging request can contain at most {limit} {what}. Got {length} {what}."
            f" Please split up {what} across multiple requests and try again."
        )


class ExperimentNameError(InvalidError):
    """An experiment without a name."""

    code = "experiment-name"

    def __init__(self, name: str) -> None:
        super().__init__(f"Invalid experiment name: '{shown(name)}'")


class ExperimentIdError(InvalidError):
    """An experiment's id that is no whole number."""

    code = "experiment-id"

    def __init__(self, experiment: str) -> None:
        super().__init__(f"Invalid experiment ID '{shown(experiment)}'. Experiment ID must be a valid integer.")


class LoggedModelNameError(InvalidError):
    """A logged model's name that its URI could not carry."""

    code = "logged-model-name"

    def __init__(self, name: str, bars: Sequence[str]) -> None:
        super().__init__(
            f"Invalid model name ({shown(name)!r}) provided. Model name must be a non-empty string"
            f" and cannot contain the following characters: {tuple(bars)}"
        )


class RunNameError(InvalidError):
    """A run was given two names."""

    code = "run-name"

    def __init__(self, name: str, tag: str) -> None:
        super().__init__(
            "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values"
            f" (run_name='{shown(name)}', mlflow.runName='{shown(tag)}')."
        )


class IntervalError(InvalidError):
    """Half an interval of steps."""

    code = "interval"

    def __init__(self) -> None:
        super().__init__("Both start_step and end_step must be specified together, or neither may be specified.")
