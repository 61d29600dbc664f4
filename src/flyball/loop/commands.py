"""Commands: what `decide` wants done. They are values; the controller carries them out and reports back as events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from flyball.core.ids import EventId

Reason = Literal["first", "drift", "performance", "schedule"]
Move = Literal["advance", "finish", "roll-back"]


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Wait: a `timer.fired` event named `name` comes at `at`, exactly once; setting a name again moves it."""

    name: str
    at: datetime
    cause: EventId | None = None  # defaults to the event being decided on


@dataclass(frozen=True, slots=True)
class ForgetTimer:
    """The timer `name`, if any, no longer fires."""

    name: str


@dataclass(frozen=True, slots=True)
class Train:
    """Train on what is known now: `training.started`, then `training.finished` or `training.failed`."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Register:
    """Make a version of the run's model and put it to the gates: `version.validated` or `version.rejected`."""

    run: str


@dataclass(frozen=True, slots=True)
class StartRollout:
    """Release a validated version: `rollout.stage-entered`, or `rollout.finished` at once where there is no champion."""

    version: int


@dataclass(frozen=True, slots=True)
class JudgeRollout:
    """Compare canary and champion on the mature rows of the stage: `rollout.judged`."""

    version: int
    stage: int


@dataclass(frozen=True, slots=True)
class MoveRollout:
    """Do as judged: `rollout.stage-entered`, `rollout.finished` or `rollout.rolled-back`."""

    version: int
    move: Move
    why: str


@dataclass(frozen=True, slots=True)
class MeasureWindow:
    """Count, compare with the reference and store the window's rows: `window.closed`."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class MatureWindow:
    """Score the window once enough of its rows are resolved: `window.matured`, else `window.waiting`."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Alert:
    """Tell people: `alert.raised`."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Hold:
    """A trigger came when none may be answered: `retrain.held`, with the reason."""

    kind: str
    text: str


Command = WakeAt | ForgetTimer | Train | Register | StartRollout | JudgeRollout | MoveRollout | MeasureWindow | MatureWindow | Alert | Hold
