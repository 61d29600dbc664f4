"""The state of one model's loop: the fold of its events by `decide`, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from flyball.core.ids import EventId
from flyball.loop.triggers import Every, OnDrift, OnPerformanceDrop, Trigger


@dataclass(frozen=True, slots=True)
class LoopSpec:
    """What `decide` needs to know of a model; durations are business time."""

    model: str
    first_training: datetime
    window: timedelta
    cool_down: timedelta
    triggers: tuple[Trigger, ...] = ()
    patience: timedelta = timedelta(days=1)  # how long a window that is not mature waits before it is asked again

    @property
    def subject(self) -> str:
        """The subject of the model's own events; those of its versions, windows and rollouts start with it."""
        return f"model/{self.model}"

    @property
    def period(self) -> timedelta | None:
        """The shortest period of the schedule, if there is one."""
        return min((trigger.period for trigger in self.triggers if isinstance(trigger, Every)), default=None)

    def answers(self, kind: str) -> bool:
        """Whether an alert of that kind may cause a retraining."""
        wanted = {"drift": OnDrift, "performance": OnPerformanceDrop}.get(kind)
        return wanted is not None and any(isinstance(trigger, wanted) for trigger in self.triggers)


@dataclass(frozen=True, slots=True)
class Release:
    """A rollout under way.

    `stage` is the stage it has reached (-1 before the first); `moving` says that a move was commanded and not reported yet.
    """

    version: int
    stage: int = -1
    moving: bool = False


@dataclass(frozen=True, slots=True)
class Training:
    """A training under way: the event that reported its start, and its run once that has finished."""

    started: EventId | None = None
    run: str | None = None


@dataclass(frozen=True, slots=True)
class LoopState:
    """Where one model stands.

    Single flight: `training` and `release` are never both set, and no training starts while either is.
    """

    spec: LoopSpec
    started: EventId | None = None
    training: Training | None = None
    last_training: datetime | None = None
    trainings: int = 0
    release: Release | None = None
    champion: int | None = None

    @property
    def busy(self) -> bool:
        """A training or a rollout is under way."""
        return self.training is not None or self.release is not None

    def cool_until(self) -> datetime | None:
        """Until when no trigger is answered; None before the first training."""
        return None if self.last_training is None else self.last_training + self.spec.cool_down
