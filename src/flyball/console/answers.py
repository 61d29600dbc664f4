"""What the control plane answers, as frozen values: decoded and checked here, trusted afterwards.

Fields that the console does not show are passed over, so that an older console understands a newer control plane.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, TypeVar

import msgspec

from flyball.console.errors import AnswerError

T = TypeVar("T")
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class ClockFace(msgspec.Struct, frozen=True, kw_only=True):
    """Business time as the control plane has it; `speed` is None on a wall clock."""

    now: Moment
    speed: float | None = None
    paused: bool = False


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """One of Flyball's processes; `cpu_percent` is of one core."""

    name: str
    pid: int | None = None
    state: str = "unknown"
    restarts: int = 0
    cpu_percent: float | None = None
    memory_bytes: float | None = None
    uptime_seconds: float | None = None

    @property
    def healthy(self) -> bool:
        """Whether it runs, as far as the control plane knows."""
        return self.state in {"up", "running"}


class Disk(msgspec.Struct, frozen=True, kw_only=True):
    """What the home takes, and what is left beside it."""

    home_bytes: float | None = None
    free_bytes: float | None = None


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The installation as a whole."""

    project: str
    clock: ClockFace
    models: tuple[str, ...] = ()
    processes: tuple[Process, ...] = ()
    disk: Disk | None = None
    phase: str = ""


class Loop(msgspec.Struct, frozen=True, kw_only=True):
    """What a model's loop is about."""

    busy: bool = False
    training: bool = False
    release: int | None = None
    trainings: int = 0
    last_training: Moment | None = None
    cool_until: Moment | None = None


class Champion(msgspec.Struct, frozen=True, kw_only=True):
    """The version in charge; `metric_value` is that of its gates."""

    version: int
    since: Moment | None = None
    metric_value: float | None = None


class Canary(msgspec.Struct, frozen=True, kw_only=True):
    """The version on trial; `stage` counts from 0, `stages` are its shares or their number."""

    version: int
    share: float = 0.0
    stage: int = 0
    stages: int | tuple[float, ...] = 1
    judge_at: Moment | None = None
    since: Moment | None = None
    metric_value: float | None = None


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds."""

    p50: float | None = None
    p99: float | None = None


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """What one version answered in the last business window."""

    version: int | None = None
    route: str = ""
    rows: int = 0
    share: float | None = None
    errors: int = 0
    latency_ms: Latency | None = None


class OpenWindow(msgspec.Struct, frozen=True, kw_only=True):
    """The window that is being filled."""

    start: Moment
    end: Moment
    rows: int = 0
    resolved: int = 0


class ModelFigures(msgspec.Struct, frozen=True, kw_only=True):
    """A model as it stands now."""

    name: str
    endpoint: str
    metric: str | None = None
    loop: Loop = Loop()
    champion: Champion | None = None
    canary: Canary | None = None
    traffic: tuple[Traffic, ...] = ()
    open_window: OpenWindow | None = None

    def traffic_of(self, version: int) -> Traffic | None:
        """What that version answered, or None where it is not known."""
        return next((found for found in self.traffic if found.version == version), None)


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """A metric's value and what is sure about it."""

    value: float | None = None
    low: float | None = None
    high: float | None = None


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """A window's distance from the reference, and what it may reach."""

    score: float | None = None
    threshold: float | None = None
    alarmed: bool = False
    worst: Any = None


class WindowFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One closed window; without `matured` its labels are still coming."""

    start: Moment
    end: Moment
    rows: int = 0
    resolved: int = 0
    drift: Drift | None = None
    metrics: dict[str, Interval | None] = {}
    expected: Any = None
    threshold: float | None = None
    matured: bool = False


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """One event with its sentence."""

    position: int = 0
    id: str
    type: str
    subject: str = ""
    time: Moment
    actor: str = "system"
    cause: str | None = None
    data: dict[str, Any] = {}
    text: str = ""


def decoded(answer: object, kind: type[T]) -> T:
    """The answer as a value of `kind`; times carry their zone.

    Raises:
        AnswerError: it has another form.
    """
    try:
        return msgspec.convert(answer, kind)
    except (msgspec.ValidationError, ValueError) as error:
        raise AnswerError(str(error)) from error


def decoded_list(answers: object, kind: type[T]) -> tuple[T, ...]:
    """Each answer of a list as a value of `kind`.

    Raises:
        AnswerError: it is no list, or one of them has another form.
    """
    if not isinstance(answers, Sequence) or isinstance(answers, str):
        raise AnswerError(f"a list was expected, not {type(answers).__name__}")
    return tuple(decoded(answer, kind) for answer in answers)


def item(answer: object, name: str) -> object:
    """One member of an answer.

    Raises:
        AnswerError: the answer has none of that name.
    """
    if not isinstance(answer, Mapping) or name not in answer:
        raise AnswerError(f"{name!r} is missing")
    return answer[name]


def expected_of(window: WindowFigures) -> float | None:
    """The metric that the release promised; an interval gives its middle."""
    found = window.expected.get("value") if isinstance(window.expected, Mapping) else window.expected
    return float(found) if isinstance(found, int | float) else None
