"""Rollouts: a version takes more and more of the traffic, or goes back; judged by a pure function on mature rows.

A rollout only says where it stands and what may follow. Who answers which row is the deployment's; who moves it is the loop.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from itertools import pairwise
from typing import Any, Literal

from flyball.core.clock import utc
from flyball.core.duration import format_duration, parse_duration
from flyball.registry.evidence import Difference
from flyball.releases.errors import CanarySpecError, IllegalRolloutMoveError, RolloutOverError
from flyball.releases.guardrails import DEFAULT, GuardrailSpec

MIN_MATURE_ROWS = 200
PATIENCE = 3  # holds after which a stage is judged on what there is
MARGIN = 0.005


@dataclass(frozen=True, slots=True)
class CanarySpec:
    """The shares of traffic a new version takes, stage by stage, and the time each stage lasts at least.

    The last share is 1: reaching it ends the rollout, so that stages are those before it. Whatever its metric, a version that breaks
    a guardrail goes back at once.
    """

    shares: tuple[float, ...]
    hold: timedelta
    margin: float = MARGIN
    guardrails: GuardrailSpec = DEFAULT

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON; the hold as a duration."""
        found = {"shares": list(self.shares), "hold": format_duration(self.hold), "margin": self.margin}
        return found if self.guardrails == DEFAULT else {**found, "guardrails": self.guardrails.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CanarySpec:
        """The spec that `to_json` wrote."""
        guardrails = GuardrailSpec.from_json(data["guardrails"]) if "guardrails" in data else DEFAULT
        return cls(tuple(map(float, data["shares"])), parse_duration(data["hold"]), float(data["margin"]), guardrails)


def canary(shares: Sequence[float], hold: str = "1d", *, margin: float = MARGIN, guardrails: GuardrailSpec = DEFAULT) -> CanarySpec:
    """Release by growing shares, each for at least `hold` and 200 mature rows, or three holds.

    A stage goes back when its metric is surely worse than the champion's by more than `margin`, and at once when the version
    breaks one of the `guardrails`.

    >>> canary([0.05, 1.0], hold="1d").shares
    (0.05, 1.0)

    Raises:
        CanarySpecError: the shares do not rise from above 0 to 1, `hold` is zero, or `margin` is negative or not finite.
        DurationError: `hold` is not a duration.
    """
    found = tuple(float(share) for share in shares)
    length = parse_duration(hold)
    if not found or found[-1] != 1.0:
        raise CanarySpecError(f"the last share must be 1.0, not {found[-1] if found else 'missing'}")
    if found[0] <= 0 or any(not early < late for early, late in pairwise(found)):
        raise CanarySpecError(f"shares must rise from above 0 to 1, not {list(found)}")
    if not length:
        raise CanarySpecError("the hold must be longer than zero")
    if not (math.isfinite(margin) and margin >= 0):
        raise CanarySpecError(f"the margin must be a number of at least 0, not {margin}")
    return CanarySpec(found, length, float(margin), guardrails)


class RolloutState(Enum):
    """Where a rollout stands."""

    CANARY = "canary"
    FULL = "full"
    ROLLED_BACK = "rolled-back"


LEGAL_MOVES: Mapping[RolloutState, tuple[RolloutState, ...]] = {
    RolloutState.CANARY: (RolloutState.CANARY, RolloutState.FULL, RolloutState.ROLLED_BACK),
    RolloutState.FULL: (RolloutState.ROLLED_BACK,),
    RolloutState.ROLLED_BACK: (),
}
"""Every legal move of a rollout; canary → canary is to the next stage only."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """The release of one version over the champion it found; `stage` counts the canary shares from 0.

    `entered` is when the present stage or state began, business time in UTC.
    """

    model: str
    version: int
    champion: int | None
    spec: CanarySpec
    state: RolloutState
    stage: int
    entered: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "entered", utc(self.entered))

    @property
    def share(self) -> float:
        """The share of traffic the version takes: 1 when full, 0 when rolled back."""
        match self.state:
            case RolloutState.CANARY:
                return self.spec.shares[self.stage]
            case RolloutState.FULL:
                return 1.0
            case RolloutState.ROLLED_BACK:
                return 0.0

    @property
    def over(self) -> bool:
        """Nothing is left to judge."""
        return self.state is not RolloutState.CANARY

    @property
    def last_stage(self) -> bool:
        """The next share is all of it."""
        return self.spec.shares[self.stage + 1 :] in ((), (1.0,))

    @property
    def judge_at(self) -> datetime:
        """When the present stage may first be judged."""
        return self.entered + self.spec.hold

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON."""
        return {
            "model": self.model, "version": self.version, "champion": self.champion, "spec": self.spec.to_json(),
            "state": self.state.value, "stage": self.stage, "entered": self.entered.isoformat(),
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Rollout:
        """The rollout that `to_json` wrote."""
        return cls(
            model=str(data["model"]),
            version=int(data["version"]),
            champion=data["champion"],
            spec=CanarySpec.from_json(data["spec"]),
            state=RolloutState(data["state"]),
            stage=int(data["stage"]),
            entered=datetime.fromisoformat(data["entered"]),
        )


def begin(model: str, version: int, *, champion: int | None, spec: CanarySpec | None, now: datetime) -> Rollout:
    """A rollout in its first stage; straight to full where there is no champion to protect, or no stages were declared."""
    direct = CanarySpec((1.0,), timedelta(0)) if spec is None else spec
    state = RolloutState.FULL if champion is None or direct.shares == (1.0,) else RolloutState.CANARY
    return Rollout(model, version, champion, direct, state, 0 if state is RolloutState.CANARY else len(direct.shares) - 1, now)


def _moved(rollout: Rollout, state: RolloutState, *, stage: int, now: datetime) -> Rollout:
    legal = LEGAL_MOVES[rollout.state]
    beyond = state is RolloutState.CANARY and rollout.last_stage
    if state not in legal or beyond:
        names = [move.value for move in legal if not (rollout.last_stage and move is RolloutState.CANARY)]
        raise IllegalRolloutMoveError(rollout.model, rollout.version, state=rollout.state.value, asked=state.value, legal=names)
    return replace(rollout, state=state, stage=stage, entered=now)


def advance(rollout: Rollout, now: datetime) -> Rollout:
    """The rollout in its next canary stage.

    Raises:
        IllegalRolloutMoveError: it is over, or its next share is all of it (`finish`).
    """
    return _moved(rollout, RolloutState.CANARY, stage=rollout.stage + 1, now=now)


def finish(rollout: Rollout, now: datetime) -> Rollout:
    """The rollout at full: its version is the champion.

    Raises:
        IllegalRolloutMoveError: it is over.
    """
    return _moved(rollout, RolloutState.FULL, stage=len(rollout.spec.shares) - 1, now=now)


def roll_back(rollout: Rollout, now: datetime) -> Rollout:
    """The rollout undone, from any stage and from full.

    Raises:
        IllegalRolloutMoveError: it was rolled back before.
    """
    return _moved(rollout, RolloutState.ROLLED_BACK, stage=rollout.stage, now=now)


@dataclass(frozen=True, slots=True)
class StageEvidence:
    """What the present stage has shown: mature canary rows, how much better the canary was, and breached guardrails.

    `difference` is unpaired, canary minus champion over the same time, turned so that more is better; None where it could not
    be taken (`note` says why). Each of `breaches` is one sentence.
    """

    rows: int
    difference: Difference | None = None
    note: str = ""
    breaches: tuple[str, ...] = ()


VerdictKind = Literal["advance", "finish", "hold", "roll-back"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done with a rollout, and one sentence why; `until` is set on "hold" only."""

    kind: VerdictKind
    why: str
    until: datetime | None = None


def judge(rollout: Rollout, evidence: StageEvidence, *, now: datetime) -> Verdict:
    """What the rules say of a stage at business time `now`.

    A breached guardrail rolls back at once. A stage needs its hold and 200 mature rows, or three holds; then it goes on unless the
    interval of the difference lies wholly below minus the margin. Pure; a worse difference never turns a roll-back into an advance.

    Raises:
        RolloutOverError: the rollout has ended.
    """
    if rollout.over:
        raise RolloutOverError(rollout.model, rollout.version, state=rollout.state.value)
    if evidence.breaches:
        return Verdict("roll-back", f"A guardrail was breached: {' '.join(evidence.breaches)}")
    hold = rollout.spec.hold
    holds = (now - rollout.entered) // hold
    if holds < 1:
        return Verdict("hold", f"The stage lasts at least {format_duration(hold)}.", rollout.judge_at)
    if evidence.rows < MIN_MATURE_ROWS and holds < PATIENCE:
        why = f"{evidence.rows:,} mature rows of {MIN_MATURE_ROWS}; waiting for more, {PATIENCE} holds at most."
        return Verdict("hold", why, rollout.entered + (holds + 1) * hold)
    return _compared(rollout, evidence)


def _compared(rollout: Rollout, evidence: StageEvidence) -> Verdict:
    onward: VerdictKind = "finish" if rollout.last_stage else "advance"
    found, margin = evidence.difference, rollout.spec.margin
    if found is None:
        note = f" ({evidence.note})" if evidence.note else ""
        return Verdict(onward, f"Nothing to compare on {evidence.rows:,} mature rows{note}; nothing speaks against it.")
    interval = f"{found.value:+.4f} [{found.low:+.4f}, {found.high:+.4f}]"
    figures = f"{found.metric} against the champion: {interval} on {evidence.rows:,} mature rows"
    if found.high < -margin:
        return Verdict("roll-back", f"{figures}; surely worse by more than {margin:g}.")
    return Verdict(onward, f"{figures}; not surely worse by more than {margin:g}.")
