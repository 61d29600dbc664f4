"""What may cause a retraining: the words of a model's `retrain` list, and the policies of a backtest that replace it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from flyball.core.duration import parse_duration
from flyball.core.errors import DurationError, InvalidError
from flyball.loop.errors import DeclarationError, PolicyError


@dataclass(frozen=True, slots=True)
class OnDrift:
    """Retrain when a window's inputs drift beyond the calibrated threshold."""


@dataclass(frozen=True, slots=True)
class OnPerformanceDrop:
    """Retrain when a mature window's metric lies significantly more than `drop` below what was expected at release."""

    drop: float


@dataclass(frozen=True, slots=True)
class Every:
    """Retrain when `period` has passed since the last training, whatever caused that."""

    period: timedelta


Trigger = OnDrift | OnPerformanceDrop | Every


def on_drift() -> OnDrift:
    """Retrain on a drift alarm; `flyball.drift` states its false-alarm rate."""
    return OnDrift()


def on_performance_drop(drop: float) -> OnPerformanceDrop:
    """Retrain when performance falls by more than `drop` (in the metric's own units, > 0).

    Raises:
        DeclarationError: `drop` is not positive.
    """
    if not drop > 0:
        raise DeclarationError("on_performance_drop", f"the drop must be positive, not {drop}")
    return OnPerformanceDrop(float(drop))


def every(period: str) -> Every:
    """Retrain when `period` ("30d") has passed since the last training.

    Raises:
        DurationError: `period` is not a duration.
        DeclarationError: it is zero.
    """
    length = parse_duration(period)
    if not length:
        raise DeclarationError("every", "the period must be longer than zero")
    return Every(length)


def policy_triggers(policy: str, declared: Sequence[Trigger]) -> tuple[Trigger, ...]:
    """The triggers that the policy `policy` of a backtest puts in the place of the `declared` ones.

    Raises:
        PolicyError: the text names no policy.
    """
    match policy.partition(":"):
        case ("never", "", ""):
            return ()
        case ("declared", "", ""):
            return tuple(declared)
        case ("every", ":", period):
            try:
                return (every(period),)
            except (DurationError, InvalidError) as error:
                raise PolicyError(policy) from error
    raise PolicyError(policy)
