"""The port of what runs a step's function, and the part that every executor shares: calling it."""

from __future__ import annotations

import importlib
import json
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from flyball.core.canonical import canonical
from flyball.core.errors import FlyballError
from flyball.pipelines.errors import StepFailedError, StepFunctionError
from flyball.pipelines.model import StepTask
from flyball.storage.errors import DiskFullError, is_disk_full

TRACEBACK_CHARACTERS = 4000


@dataclass(frozen=True, kw_only=True)
class Work:
    """One call of a step's function.

    `parameters` and `context` are JSON values; `outputs` is an empty directory,
    `inputs` are files; what the function prints goes to the end of the file `log`.
    """

    step: str
    function: str
    parameters: Mapping[str, Any]
    context: Mapping[str, Any]
    inputs: Mapping[str, str]
    outputs: str
    log: str


class Executor(Protocol):
    """Runs one function at a time, to its end or to its time limit; whatever the function does, the caller gets an answer.

    Nothing the function prints reaches the caller's stdout. Thread-safe: a second caller waits.
    """

    def execute(self, work: Work, timeout_seconds: float | None = None) -> dict[str, Any]:
        """The function's summary.

        Raises:
            StepFailedError: it raised, died, or returned no JSON object.
            StepTimeoutError: it did not end in time and was ended.
        """
        ...

    def close(self) -> None:
        """Let go of what the executor holds; idempotent, and it may be used again afterwards."""
        ...


def find_function(name: str) -> Any:
    """The function that "module:function" names.

    Raises:
        StepFunctionError: there is none.
    """
    module, colon, attribute = name.partition(":")
    if not colon or not module or not attribute:
        raise StepFunctionError(name, "it names no module and function")
    try:
        found = getattr(importlib.import_module(module), attribute, None)
    except ModuleNotFoundError as error:
        raise StepFunctionError(name, str(error)) from error
    if not callable(found):
        raise StepFunctionError(name, f"{module} has no function {attribute!r}")
    return found


def call(work: Work) -> dict[str, Any]:
    """Call the function in this process and turn every end of it into a summary or a `StepFailedError`.

    A KeyboardInterrupt passes through: it is the person's, not the function's.
    """
    try:
        task = StepTask(
            work.parameters,
            work.context,
            inputs={name: Path(path) for name, path in work.inputs.items()},
            outputs=Path(work.outputs),
        )
        summary = find_function(work.function)(task)
        if not isinstance(summary, Mapping):
            raise StepFailedError(work.step, f"{work.function} must return a JSON object, not {type(summary).__name__}")  # noqa: TRY301 - one rim for all ends
        plain: dict[str, Any] = json.loads(canonical(summary))
    except (KeyboardInterrupt, StepFailedError):
        raise
    except BaseException as error:
        raise failure(work.step, error) from error
    return plain


def failure(step: str, error: BaseException) -> StepFailedError:
    """What `error` says of the step, with the end of its traceback."""
    text = "".join(traceback.format_exception(error))
    if is_disk_full(error):
        return StepFailedError(step, str(error), kind=DiskFullError.code, detail=text[-TRACEBACK_CHARACTERS:])
    if isinstance(error, FlyballError):
        return StepFailedError(step, str(error), kind=error.code, detail=text[-TRACEBACK_CHARACTERS:])
    name = type(error).__name__
    return StepFailedError(step, f"{name}: {error}", kind=name, detail=text[-TRACEBACK_CHARACTERS:])
