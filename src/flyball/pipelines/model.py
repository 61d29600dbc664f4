"""Steps and what they leave behind, as frozen values that read and run nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from flyball.core.ids import Digest


@dataclass(frozen=True, kw_only=True)
class Step:
    """A computation whose outputs depend on nothing but its code, its parameters and its inputs.

    `function` is "module:function"; it takes a `StepTask` and returns a JSON object, the summary. `parameters` (canonical values)
    count for the identity; `context` (JSON) does not: it says where things are, never what they mean. `inputs` are blobs by name.
    """

    name: str
    function: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, Digest] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)
    timeout: timedelta | None = None


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a step left behind: its outputs' digests by name, and its summary. Equal runs leave equal manifests."""

    step: str
    outputs: Mapping[str, Digest]
    summary: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class StepResult:
    """A finished step.

    `cached` says that nothing ran; `diverged` that a run of the same key had left other outputs first,
    which are the ones given here.
    """

    key: Digest
    outputs: Mapping[str, Digest]
    summary: Mapping[str, Any]
    cached: bool
    diverged: bool = False


class StepTask:
    """What a step's function is given: values, files to read, and places for the files that it writes.

    `parameters` and `context` are JSON values, whichever executor runs the step: a time is ISO 8601 text, a duration whole
    microseconds. `inputs` are files to read and never to change.
    """

    def __init__(self, parameters: Mapping[str, Any], context: Mapping[str, Any], *, inputs: Mapping[str, Path], outputs: Path) -> None:
        self.parameters, self.context, self.inputs = dict(parameters), dict(context), dict(inputs)
        self._outputs = outputs

    def output(self, name: str) -> Path:
        """The place for the output `name` (a plain file name); what stands there when the function returns is kept."""
        if not name or Path(name).name != name or name.startswith("."):
            raise ValueError(f"{name!r} is not a plain file name")
        return self._outputs / name
