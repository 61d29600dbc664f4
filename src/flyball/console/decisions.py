"""Promote and roll back by hand: what will happen is said first, a reason is asked for, and the outcome or the refusal is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from nicegui import ui

from flyball.console.answers import ModelFigures
from flyball.console.errors import ReasonMissingError
from flyball.console.markup import element, joined, text
from flyball.console.words import share
from flyball.core.errors import FlyballError

Deed = Literal["promote", "rollback"]


class Act(Protocol):
    """Does the deed, or raises a `FlyballError` that says why not."""

    async def __call__(self, deed: Deed, model: ModelFigures, *, why: str) -> Mapping[str, Any]: ...


LONGEST_REASON = 500


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
        self._act = act
        self._model: ModelFigures | None = None
        self._decision: Decision | None = None
        self._dialog = ui.dialog()
        with self._dialog, ui.element("div").classes("sheet").props("role=document"):
            self._words = ui.html("", sanitize=False)
            self._reason = ui.textarea("Reason").classes("reason")
            self._reason.props(f"outlined autogrow autofocus maxlength={LONGEST_REASON} aria-required=true")
            self._told = ui.html("", sanitize=False).classes("told").props("role=status aria-live=polite")
            with ui.element("div").classes("sheet-buttons"):
                self._cancel = ui.html("Cancel", sanitize=False, tag="button").classes("button plain").props("type=button")
                self._confirm = ui.html("", sanitize=False, tag="button").classes("button main").props("type=button")
        self._cancel.on("click", self._dialog.close)
        self._confirm.on("click", self._do)

    def ask(self, decision: Decision, model: ModelFigures) -> None:
        """Open it for this decision."""
        self._decision, self._model = decision, model
        self._words.content = joined(element("h2", text(decision.title)), element("p", text(decision.effect)))
        self._reason.value = ""
        self._reason.set_visibility(True)
        self._confirm.content = text(decision.confirm)
        self._confirm.set_visibility(True)
        self._confirm.classes(replace=f"button main {'danger' if decision.deed == 'rollback' else ''}")
        self._cancel.content = "Cancel"
        self._tell("")
        self._dialog.value = True

    async def _do(self) -> None:
        decision, model = self._decision, self._model
        if decision is None or model is None:
            return
        reason = str(self._reason.value or "").strip()
        if not reason:
            self._tell(str(ReasonMissingError()), "bad")
            return
        self._confirm.props("disabled")
        self._tell("Asking the control plane…")
        try:
            await self._act(decision.deed, model, why=reason)
        except FlyballError as error:
            self._tell(str(error), "bad")
        else:
            self._tell(f"{decision.done} The decision and its reason are in the timeline.", "good")
            self._reason.set_visibility(False)
            self._confirm.set_visibility(False)
            self._cancel.content = "Close"
            self._decision = None
        finally:
            self._confirm.props(remove="disabled")

    def _tell(self, said: str, tone: str = "") -> None:
        self._told.content = element("p", text(said), class_=tone) if said else ""
