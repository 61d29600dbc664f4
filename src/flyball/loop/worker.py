"""The worker of one model: each command to the one who carries it out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from flyball.core.events import Event
from flyball.loop.commands import (
    Alert,
    Command,
    Hold,
    JudgeRollout,
    MatureWindow,
    MeasureWindow,
    MoveRollout,
    Register,
    StartRollout,
    Train,
)
from flyball.loop.context import Context
from flyball.loop.releaser import Releaser
from flyball.loop.trainer import Commit, Trainer
from flyball.loop.watcher import Watcher
from flyball.pipelines import StepFailedError


class ModelWorker:
    """A `Worker` made of a trainer, a releaser and a watcher over the same services.

    A deed has two parts: `prepare` does what takes long, may be done again after a crash, and gives back the short rest, which
    changes state and records events and belongs into one transaction.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        trainer, releaser, watcher = Trainer(context), Releaser(context), Watcher(context)
        self._deeds: Mapping[type[Command], Callable[[Any, Event], Commit]] = {
            Train: trainer.train,
            Register: releaser.register,
            StartRollout: releaser.start,
            JudgeRollout: releaser.judge,
            MoveRollout: releaser.move,
            MeasureWindow: watcher.measure,
            MatureWindow: watcher.mature,
            Alert: lambda command, cause: lambda: self._record("alert.raised", command, cause=cause),
            Hold: lambda command, cause: lambda: self._record("retrain.held", command, cause=cause),
        }

    def prepare(self, command: Command, cause: Event) -> Commit:
        """Do the long part, and give back the rest, which reports by events that name `cause`.

        Raises:
            KeyError: the command is the controller's own (`WakeAt`, `ForgetTimer`).
        """
        return self._deeds[type(command)](command, cause)

    def carry_out(self, command: Command, cause: Event) -> None:
        """Do both parts; a model of the user's that fails in it is an event, not an end."""
        try:
            self.prepare(command, cause)()
        except StepFailedError as error:
            self.fail(command, error, cause=cause)

    def fail(self, command: Command, error: Exception, *, cause: Event) -> None:
        """Report that the command cannot be carried out: `command.failed`."""
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        start = getattr(command, "start", None)
        facts = {
            "command": type(command).__name__,
            "why": why,
            "version": getattr(command, "version", None),
            "start": start.isoformat() if isinstance(start, datetime) else None,
        }
        self._context.services.recorder.record("command.failed", self._context.subject, data=facts, cause=cause.id)

    def _record(self, kind: str, command: Alert | Hold, *, cause: Event) -> None:
        facts = {"kind": command.kind, "text": command.text}
        self._context.services.recorder.record(kind, self._context.subject, data=facts, cause=cause.id)
