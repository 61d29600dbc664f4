"""Promote and roll back by hand: what will happen is said first, a reason is asked for, and the outcome or the refusal is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from flyball.console.answers import ModelFigures
from flyball.console.confirming import Confirmation, Question
from flyball.console.words import share

Deed = Literal["promote", "rollback"]


class Act(Protocol):
    """Does the deed, or raises a `FlyballError` that says why not."""

    async def __call__(self, deed: Deed, model: ModelFigures, *, why: str) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Decision:
    """One deed for one model as it stands now, in words."""

    deed: Deed
    title: str
    effect: str
    confirm: str
    done: str


def promotion(model: ModelFigures) -> Decision | None:
    """Making the canary champion; None where there is no canary."""
    canary, champion = model.canary, model.champion
    if canary is None:
        return None
    retired = f" Version {champion.version} is retired and can be restored." if champion else ""
    return Decision(
        "promote",
        f"Promote version {canary.version}",
        f"Version {canary.version}, which takes {share(canary.share)} of the traffic now, answers every request at {model.endpoint} from "
        f"the next one on. Its rollout ends without waiting for further judgement.{retired}",
        f"Promote version {canary.version}",
        f"Version {canary.version} is champion.",
    )


def return_to_former(model: ModelFigures) -> Decision | None:
    """Ending the canary, or returning to the champion before; None without a champion."""
    canary, champion = model.canary, model.champion
    if canary is not None and champion is not None:
        return Decision(
            "rollback",
            f"Roll back version {canary.version}",
            f"Version {canary.version} stops answering, and its rollout ends. Version {champion.version} answers every request at "
            f"{model.endpoint} from the next one on.",
            f"Roll back version {canary.version}",
            f"Version {canary.version} is rolled back; version {champion.version} answers everything.",
        )
    if champion is None:
        return None
    return Decision(
        "rollback",
        f"Roll back version {champion.version}",
        f"The champion before version {champion.version} answers every request at {model.endpoint} again, from the next one on. "
        "If there was none, this is refused and nothing changes.",
        f"Roll back version {champion.version}",
        f"Version {champion.version} is rolled back.",
    )


class DecisionDialog:
    """Asks before a deed. Belongs to one page; open at most once at a time."""

    def __init__(self, act: Act) -> None:
        self._act, self._confirmation = act, Confirmation()

    def ask(self, decision: Decision, model: ModelFigures) -> None:
        """Open it for this decision."""

        async def deed(why: str) -> str:
            await self._act(decision.deed, model, why=why)
            return f"{decision.done} The decision and its reason are in the timeline."

        danger = decision.deed == "rollback"
        self._confirmation.ask(Question(decision.title, decision.effect, decision.confirm, deed, danger=danger))
