"""Commands as plain values, so that a durable job can carry one, and the lane that each is done in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import msgspec

from flyball.core.errors import IntegrityError
from flyball.loop.commands import Command, Train

_KINDS: Mapping[str, type[Command]] = {kind.__name__: kind for kind in get_args(Command)}


class UnknownCommandError(IntegrityError):
    """A job of this home carries a command that this version of Flyball does not know."""

    code = "unknown-command"

    def __init__(self, name: str) -> None:
        super().__init__(f"The home has a job for the command {name!r}, which this version does not know. Open it with a newer Flyball.")


def encode(model: str, command: Command) -> dict[str, Any]:
    """The command for `model` as JSON values.

    >>> encode("late", Train("drift"))
    {'model': 'late', 'command': 'Train', 'fields': {'reason': 'drift'}}
    """
    return {"model": model, "command": type(command).__name__, "fields": msgspec.to_builtins(command)}


def decode(payload: Mapping[str, Any]) -> tuple[str, Command]:
    """The model and the command that `encode` wrote.

    >>> decode(encode("late", Train("drift")))
    ('late', Train(reason='drift'))

    Raises:
        UnknownCommandError: no command is called so.
    """
    kind = _KINDS.get(payload["command"])
    if kind is None:
        raise UnknownCommandError(payload["command"])
    return payload["model"], msgspec.convert(payload["fields"], kind)


def lane_of(model: str, command: Command, *, lockstep: bool) -> str:
    """Deeds of one lane are done one after the other, in order.

    A training may take an hour in which windows must be watched and rollouts judged, so it has a lane of its own; in lockstep business
    time stands still meanwhile, and everything keeps the order that it has in a backtest.
    """
    return f"model/{model}/training" if isinstance(command, Train) and not lockstep else f"model/{model}"
