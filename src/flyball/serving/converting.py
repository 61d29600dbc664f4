"""Conversion as a job: after a version is registered, its code-carrying model is written anew where that answers the same.

The model's code runs in a confined process. What came of it is an event of the version, and evidence for whoever decides about it: the
rows compared, how far they differ, or why nothing was converted and what would allow it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import msgspec

from flyball.core.errors import FlyballError
from flyball.core.ids import Digest, EventId
from flyball.pipelines import Executor, StepFailedError, Work
from flyball.registry import version_subject
from flyball.runtimes import ModelFileError
from flyball.runtimes.packing import Packed
from flyball.runtimes.signatures import signature_of
from flyball.serving.byhand import ContentStore, FoundVersion, read_files
from flyball.serving.packing import PackRefusedError, pack_apart
from flyball.serving.plan import Cost
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
    as it is; "refused", since it may not or cannot be loaded at all. `attempts` are the forms tried, each with its likeness or its reason.
    Of a model that a project trained and that carries no code, the one attempt is the model itself, read again: it is like what it was.
    `cost` is what asking the form costs that answers from now on, `original_cost` what the original did where another stands in.
    `signature` says in MLflow's words what it takes and gives.
    """

    verdict: Verdict
    form: str | None = None
    digest: Digest | None = None
    reason: str = ""
    attempts: Sequence[Mapping[str, Any]] = ()
    warnings: Sequence[str] = ()
    cost: Cost | None = None
    original_cost: Cost | None = None
    signature: Mapping[str, Any] = field(default_factory=dict)

    @property
    def likeness(self) -> Mapping[str, Any] | None:
        """Rows compared, greatest difference, tolerance and verdict of the form that answers; None where nothing was compared."""
        found: Mapping[str, Any] | None = self.attempts[-1]["likeness"] if self.attempts else None
        return found if self.verdict in {"converted", "native"} else None

    @property
    def kept(self) -> str:
        """Why the version is asked in its own form, where that carries code."""
        return self.reason if self.verdict == "kept" else ""

    def to_json(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict, "form": self.form, "digest": self.digest, "reason": self.reason,
            "attempts": [dict(attempt) for attempt in self.attempts], "warnings": list(self.warnings),
            "cost": _told(self.cost), "original_cost": _told(self.original_cost), "signature": dict(self.signature),
        }  # fmt: skip

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Conversion:
        """The value that `to_json` gave."""
        names = ("verdict", "form", "digest", "reason", "attempts", "warnings", "signature")
        facts: dict[str, Any] = {name: data[name] for name in names if name in data}
        return Conversion(**facts, cost=_cost(data.get("cost")), original_cost=_cost(data.get("original_cost")))


def _cost(data: Any) -> Cost | None:
    return None if data is None else msgspec.convert(data, Cost)


def _told(cost: Cost | None) -> dict[str, Any] | None:
    return None if cost is None else msgspec.structs.asdict(cost)


def convert_version(version: FoundVersion, content: ContentStore, *, executor: Executor) -> Conversion:
    """What comes of converting the version, whose files are in `content`, as the converted model is afterwards.

    `executor` runs the step that loads the model: a `ConfinedExecutor`. Of a version that a project trained, see `convert_packed`.
    """
    try:
        packed = pack_apart(read_files(version, content.get), may_run_code=version.may_run_code, executor=executor)
    except ModelFileError as error:
        return Conversion(verdict="refused", reason=str(error))
    except PackRefusedError as error:
        return Conversion(verdict="refused" if error.for_good else "kept", reason=str(error))
    except FlyballError as error:
        return Conversion(verdict="kept", reason=str(error))
    return convert_packed(packed, content, executor=executor)


def convert_packed(packed: Packed, content: ContentStore, *, executor: Executor, rows: bytes = b"") -> Conversion:
    """What comes of converting a model of ours; one without code is measured, and compared with what it was, where `rows` tell that.

    `rows` are real rows of its columns as Arrow IPC, to compare on, if there are any.
    """
    return replace(_converted(packed, content, executor=executor, rows=rows), signature=signature_of(packed))


def _converted(packed: Packed, content: ContentStore, *, executor: Executor, rows: bytes) -> Conversion:
    with tempfile.TemporaryDirectory(prefix="flyball-convert-") as place:
        outputs = Path(place) / "outputs"
        outputs.mkdir()
        model = Path(place) / "model.bin"
        model.write_bytes(packed.archived())
        inputs = {"model": str(model)}
        if rows:
            (Path(place) / "rows.arrow").write_bytes(rows)
            inputs["rows"] = str(Path(place) / "rows.arrow")
        try:
            told = executor.execute(_work(inputs, outputs), TIMEOUT_SECONDS)
        except StepFailedError as error:
            if packed.manifest.apart:
                return Conversion(verdict="kept", form=packed.manifest.format, reason=error.reason)
            if error.kind == "crash":  # a server that loads it would end as well
                return Conversion(verdict="refused", form=packed.manifest.format, reason=f"It cannot be asked: {error.reason}")
            return Conversion(verdict="native", form=packed.manifest.format)
        return _judged(told, packed, stands_in=lambda: content.put((outputs / "model.bin").read_bytes()))


def _work(inputs: Mapping[str, str], outputs: Path) -> Work:
    return Work(
        step="convert", function=STEP, parameters={}, context={}, inputs=dict(inputs), outputs=str(outputs),
        log=str(outputs.with_name("log")),
    )  # fmt: skip


def _judged(told: Mapping[str, Any], packed: Packed, *, stands_in: Callable[[], Digest]) -> Conversion:
    tried: dict[str, Any] = {"attempts": told["attempts"], "warnings": told["warnings"]}
    cost, original_cost = _cost(told["cost"]), _cost(told["original_cost"])
    if told["form"] is not None:
        return Conversion(verdict="converted", form=told["form"], digest=stands_in(), cost=cost, original_cost=original_cost, **tried)
    if not packed.manifest.apart:
        return Conversion(verdict="native", form=packed.manifest.format, cost=original_cost, **tried)
    reasons = "; ".join(f"{attempt['form']}: {attempt['reason']}" for attempt in told["attempts"])
    reason = told["reason"] or f"No form without code answers as it does. {reasons}"
    return Conversion(verdict="kept", form=packed.manifest.format, reason=reason, cost=original_cost, **tried)


def record_conversion(recorder: Recorder, version: FoundVersion, *, found: Conversion, cause: EventId | None = None) -> EventId:
    """What came of it stands with the version: `version.converted`."""
    facts = {"version": version.number, **found.to_json()}
    return recorder.record(CONVERTED, version_subject(version.name, version.number), data=facts, cause=cause).id


def get_conversion(log: EventLog, name: str, *, number: int) -> Conversion | None:
    """What came of the version's last conversion; None where there was none."""
    events = log.list(EventQuery(type=CONVERTED, subject=version_subject(name, number)))
    return Conversion.from_json(events[-1].data) if events else None
