"""The controller turns the event log into deeds: it reads what happened, asks `decide`, and has the commands carried out.

It knows neither what a training is nor where time comes from. Commands are carried out by services that append their own events to the
same log, each in one transaction with the state that it tells of; the controller reads them like any other. Nothing is kept here
that the log does not hold, so a controller that is made anew over the same log stands where the old one stood.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from flyball.core.clock import Clock
from flyball.core.events import Event
from flyball.loop.commands import Command, ForgetTimer, WakeAt
from flyball.loop.decide import decide
from flyball.loop.state import LoopSpec, LoopState
from flyball.storage.events import EventLog
from flyball.storage.recorder import Recorder
from flyball.storage.timers import DueTimer, TimerStore
from flyball.storage.transactions import Transactions


class Worker(Protocol):
    """Carries out the commands of one model; reports by events that name `cause`, and raises only what is a defect or an outage."""

    def carry_out(self, command: Command, cause: Event) -> None: ...


@dataclass(frozen=True)
class Journal:
    """A home's record of what happened and what is waited for: one database, so that both change together."""

    log: EventLog
    timers: TimerStore
    recorder: Recorder
    transactions: Transactions


class Movable(Clock, Protocol):
    """A clock that can be put forward."""

    def advance_to(self, moment: datetime) -> None: ...


class States:
    """Where the loop of each model stands: the fold of the events by `decide`, made anew over the same log whenever it is lost."""

    def __init__(self, specs: Mapping[str, LoopSpec]) -> None:
        self._states = {name: LoopState(spec) for name, spec in specs.items()}

    def get(self, model: str) -> LoopState:
        """The state of the model's loop."""
        return self._states[model]

    def fold(self, event: Event) -> list[tuple[str, Command]]:
        """Take the event in; what is commanded because of it, by model and in order."""
        commands: list[tuple[str, Command]] = []
        for model, state in self._states.items():
            self._states[model], wanted = decide(state, event, now=event.time)
            commands.extend((model, command) for command in wanted)
        return commands

    def copy(self) -> States:
        """The same states, apart from these."""
        found = States({})
        found._states = dict(self._states)
        return found


def set_timer(timers: TimerStore, model: str, *, command: WakeAt | ForgetTimer, cause: Event) -> None:
    """Waiting is a command too: the model's timer is set, or forgotten."""
    match command:
        case WakeAt():
            timers.set(f"{model}/{command.name}", command.at, cause=command.cause or cause.id)
        case ForgetTimer():
            timers.delete(f"{model}/{command.name}")


def fire(journal: Journal, timer: DueTimer) -> bool:
    """Turn a due timer into its event, exactly once; False where another had fired it."""
    model, _, name = timer.name.partition("/")
    with journal.transactions.write():
        if not journal.timers.fire(timer.name, timer.at):
            return False
        journal.recorder.record("timer.fired", f"model/{model}", data={"timer": name, "at": timer.at}, cause=timer.cause)
    return True


class Controller:
    """One owner per home: not thread-safe, and two controllers on one log are excluded by the home's lock."""

    def __init__(self, workers: Mapping[str, Worker], specs: Mapping[str, LoopSpec], *, journal: Journal) -> None:
        self._workers, self._states, self._journal = dict(workers), States(specs), journal
        self._position = 0

    def state(self, model: str) -> LoopState:
        """Where the model's loop stands now."""
        return self._states.get(model)

    def replay(self) -> None:
        """Fold what the log already holds, without carrying out anything."""
        while batch := self._journal.log.read_after(self._position):
            for position, event in batch:
                self._states.fold(event)
                self._position = position

    def settle(self) -> None:
        """Carry out all that the log asks for, until nothing more follows; waiting is left to the timers."""
        while batch := self._journal.log.read_after(self._position, 1):
            for position, event in batch:
                for model, command in self._states.fold(event):
                    self._carry_out(model, command, cause=event)
                self._position = position

    def fire(self, timer: DueTimer) -> bool:
        """Turn a due timer into its event, exactly once; False where another had fired it."""
        return fire(self._journal, timer)

    def run_until(self, end: datetime, clock: Movable) -> None:
        """Settle, then jump from timer to timer until none is left that is due before `end`."""
        self.settle()
        while (timer := self._journal.timers.next()) is not None and timer.at < end:
            clock.advance_to(max(timer.at, clock.now()))
            self.fire(timer)
            self.settle()

    def _carry_out(self, model: str, command: Command, *, cause: Event) -> None:
        match command:
            case WakeAt() | ForgetTimer():
                set_timer(self._journal.timers, model, command=command, cause=cause)
            case _:
                self._workers[model].carry_out(command, cause)
