"""Conversion as a job: after a version is registered, its code-carrying model is written anew where that answers the same.

The model's code runs in a confined process. What came of it is an event of the version, and evidence for whoever decides about it: the
rows compared, how far they differ, or why nothing was converted and what would allow it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from flyball.core.errors import FlyballError
from flyball.core.ids import Digest, EventId
from flyball.pipelines import Executor, StepFailedError, Work
from flyball.registry import version_subject
from flyball.runtimes import CodeNotAllowedError, MlmodelError
from flyball.runtimes.packing import pack
from flyball.serving.byhand import ContentStore, FoundVersion, read_files
from flyball.storage.events import EventLog, EventQuery
from flyball.storage.recorder import Recorder

CONVERTED = "version.converted"
STEP = "flyball.runtimes.conversion:step"
TIMEOUT_SECONDS = 600.0
Verdict = Literal["converted", "kept", "native", "refused"]


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """What came of a conversion.

    `verdict`: "converted" into `form`, whose model is `digest`; "kept", since no form answered the same; "native", since it carries no code
    as it is; "refused", since it may not be loaded at all. `attempts` are the forms tried, each with its likeness or its reason.
    """

    verdict: Verdict
    form: str | None = None
    digest: Digest | None = None
    reason: str = ""
    attempts: Sequence[Mapping[str, Any]] = ()
    warnings: Sequence[str] = ()

    @property
    def likeness(self) -> Mapping[str, Any] | None:
        """Rows compared, greatest difference, tolerance and verdict of the form that stands in; None where none does."""
        found = next((attempt["likeness"] for attempt in self.attempts if (attempt["likeness"] or {}).get("same")), None)
        return found if self.verdict == "converted" else None

    def to_json(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict, "form": self.form, "digest": self.digest, "reason": self.reason,
            "attempts": [dict(attempt) for attempt in self.attempts], "warnings": list(self.warnings),
        }  # fmt: skip

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Conversion:
        """The value that `to_json` gave."""
        names = ("verdict", "form", "digest", "reason", "attempts", "warnings")
        return Conversion(**{name: data[name] for name in names if name in data})


def convert_version(version: FoundVersion, content: ContentStore, *, executor: Executor) -> Conversion:
    """What comes of converting the version, whose files are in `content`, as the converted model is afterwards.

    `executor` runs the step that loads the model: a `ConfinedExecutor`.
    """
    try:
        packed = pack(read_files(version, content.get), may_run_code=version.may_run_code)
    except (CodeNotAllowedError, MlmodelError) as error:
        return Conversion(verdict="refused", reason=str(error))
    except FlyballError as error:
        return Conversion(verdict="kept", reason=str(error))
    if not packed.manifest.apart:
        return Conversion(verdict="native", form=packed.manifest.format)
    with tempfile.TemporaryDirectory(prefix="flyball-convert-") as place:
        return _converted(packed.archived(), Path(place), content=content, executor=executor)


def _converted(model: bytes, place: Path, *, content: ContentStore, executor: Executor) -> Conversion:
    outputs = place / "outputs"
    outputs.mkdir()
    (place / "model.bin").write_bytes(model)
    work = Work(
        step="convert", function=STEP, parameters={}, context={}, inputs={"model": str(place / "model.bin")}, outputs=str(outputs),
        log=str(place / "log"),
    )  # fmt: skip
    try:
        told = executor.execute(work, TIMEOUT_SECONDS)
    except StepFailedError as error:
        return Conversion(verdict="kept", reason=error.reason)
    attempts, warnings = told["attempts"], told["warnings"]
    if told["form"] is None:
        reasons = "; ".join(f"{attempt['form']}: {attempt['reason']}" for attempt in attempts)
        return Conversion(
            verdict="kept", reason=f"No form without code answers as it does. {reasons}", attempts=attempts, warnings=warnings
        )
    digest = content.put((outputs / "model.bin").read_bytes())
    return Conversion(verdict="converted", form=told["form"], digest=digest, attempts=attempts, warnings=warnings)


def record_conversion(recorder: Recorder, version: FoundVersion, *, found: Conversion, cause: EventId | None = None) -> EventId:
    """What came of it stands with the version: `version.converted`."""
    facts = {"version": version.number, **found.to_json()}
    return recorder.record(CONVERTED, version_subject(version.name, version.number), data=facts, cause=cause).id


def get_conversion(log: EventLog, name: str, *, number: int) -> Conversion | None:
    """What came of the version's last conversion; None where there was none."""
    events = log.list(EventQuery(type=CONVERTED, subject=version_subject(name, number)))
    return Conversion.from_json(events[-1].data) if events else None


def find_conversion(log: EventLog, name: str, *, number: int) -> Digest | None:
    """The model that stands in for the version's own, or None."""
    found = get_conversion(log, name, number=number)
    return None if found is None or found.verdict != "converted" else found.digest
