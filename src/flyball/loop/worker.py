"""The worker of one model: each command to the one who carries it out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
from flyball.loop.trainer import Trainer
from flyball.loop.watcher import Watcher


class ModelWorker:
    """A `Worker` made of a trainer, a releaser and a watcher over the same services."""

    def __init__(self, context: Context) -> None:
        self._context = context
        trainer, releaser, watcher = Trainer(context), Releaser(context), Watcher(context)
        self._deeds: Mapping[type[Command], Callable[[Any, Event], None]] = {
            Train: trainer.train,
            Register: releaser.register,
            StartRollout: releaser.start,
            JudgeRollout: releaser.judge,
            MoveRollout: releaser.move,
            MeasureWindow: watcher.measure,
            MatureWindow: watcher.mature,
            Alert: lambda command, cause: self._record("alert.raised", command, cause=cause),
            Hold: lambda command, cause: self._record("retrain.held", command, cause=cause),
        }

    def carry_out(self, command: Command, cause: Event) -> None:
        """Do it, and report by events that name `cause`.

        Raises:
            KeyError: the command is the controller's own (`WakeAt`, `ForgetTimer`).
        """
        self._deeds[type(command)](command, cause)

    def _record(self, kind: str, command: Alert | Hold, *, cause: Event) -> None:
        facts = {"kind": command.kind, "text": command.text}
        self._context.services.recorder.record(kind, self._context.subject, data=facts, cause=cause.id)
