"""A dialog that says what will happen, asks for a reason, and tells the outcome or the refusal in the same place."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from nicegui import ui

from flyball.console.errors import ReasonMissingError
from flyball.console.markup import element, joined, text
from flyball.core.errors import FlyballError

LONGEST_REASON = 500
Deed = Callable[[str], Awaitable[str]]
"""Does it for a reason, and says what came of it; or raises a `FlyballError` that says why not."""


@dataclass(frozen=True)
class Question:
    """What is to be confirmed; `danger` is what cannot be taken back."""

    title: str
    effect: str
    confirm: str
    deed: Deed
    danger: bool = False


class Confirmation:
    """Asks before a deed. Belongs to one page; open at most once at a time."""

    def __init__(self) -> None:
        self._question: Question | None = None
        self._dialog = ui.dialog().props('aria-label="Decision"')
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

    def ask(self, question: Question) -> None:
        """Open it for this question."""
        self._question = question
        self._words.content = joined(element("h2", text(question.title)), element("p", text(question.effect)))
        self._reason.value = ""
        self._reason.set_visibility(True)
        self._confirm.content = text(question.confirm)
        self._confirm.set_visibility(True)
        self._confirm.classes(replace=f"button main {'danger' if question.danger else ''}")
        self._cancel.content = "Cancel"
        self._tell("")
        self._dialog.value = True

    async def _do(self) -> None:
        question = self._question
        if question is None:
            return
        reason = str(self._reason.value or "").strip()
        if not reason:
            self._tell(str(ReasonMissingError()), "bad")
            return
        self._question = None  # a second click does not do it twice
        self._confirm.props("disabled")
        self._tell("Asking the control plane…")
        try:
            said = await question.deed(reason)
        except FlyballError as error:
            self._question = question
            self._tell(str(error), "bad")
        else:
            self._tell(said, "good")
            self._reason.set_visibility(False)
            self._confirm.set_visibility(False)
            self._cancel.content = "Close"
        finally:
            self._confirm.props(remove="disabled")

    def _tell(self, said: str, tone: str = "") -> None:
        self._told.content = element("p", text(said), class_=tone) if said else ""
