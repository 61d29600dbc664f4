"""The loop as a pure function: `decide(state, event, now) -> (state, commands)`.

No I/O, no clock of its own, no randomness: the live controller and the backtest run exactly this. An event that does not
fit the state (twice, late, out of order, of another model) changes nothing and commands nothing, so that no sequence of events can
make a storm: at most one training or rollout is under way, and a training starts at most once per cool-down.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from flyball.core.duration import MICROSECOND, floor_time
from flyball.core.events import Event
from flyball.loop.commands import (
    Alert,
    Command,
    ForgetTimer,
    Hold,
    JudgeRollout,
    MatureWindow,
    MeasureWindow,
    Move,
    MoveRollout,
    Reason,
    Register,
    StartRollout,
    Train,
    WakeAt,
)
from flyball.loop.state import LoopState, Release, Training

Decision = tuple[LoopState, tuple[Command, ...]]
FIRST, SCHEDULE, WINDOW, MATURE, STAGE = "first-training", "schedule", "window", "mature", "stage"
_MOVES: dict[str, Move] = {"advance": "advance", "finish": "finish", "roll-back": "roll-back"}


def decide(state: LoopState, event: Event, *, now: datetime) -> Decision:
    """What the loop does about `event` at business time `now`, and what it has become.

    Commands come in the order in which they are to be carried out. Pure: equal arguments give equal results, and the state is the
    fold of the events, whoever replays them.
    """
    subject = state.spec.subject
    if event.subject != subject and not event.subject.startswith(subject + "/"):
        return state, ()
    handler = _HANDLERS.get(event.type.partition(".")[0])
    return (state, ()) if handler is None else handler(state, event, now)


def _started(state: LoopState, event: Event) -> Decision:
    if state.started is not None or event.type != "loop.started":
        return state, ()
    spec = state.spec
    # A window that began before anything could answer has fewer rows than its reference expects: the first whole one is the first.
    first_window = floor_time(spec.first_training - MICROSECOND, spec.window) + spec.window
    wakes = (WakeAt(FIRST, spec.first_training), _window_wake(first_window, state))
    return replace(state, started=event.id), wakes


def _window_wake(start: datetime, state: LoopState) -> WakeAt:
    return WakeAt(f"{WINDOW}/{start.isoformat()}", start + state.spec.window, state.started)


def _woken(state: LoopState, event: Event, *, now: datetime) -> Decision:
    name, _, rest = str(event.data.get("timer", "")).partition("/")
    if name == FIRST:
        return _train(state, "first", now=now) if state.trainings == 0 else (state, ())
    if name == SCHEDULE:
        return _scheduled(state, now)
    if name in {WINDOW, MATURE}:
        start = datetime.fromisoformat(rest)
        end = start + state.spec.window
        if name == MATURE:
            return state, (MatureWindow(start, end),)
        return state, (_window_wake(end, state), MeasureWindow(start, end))
    if name == STAGE and state.release is not None:
        release = state.release
        if rest == f"{release.version}/{release.stage}":
            return state, (JudgeRollout(release.version, release.stage),)
    return state, ()


def _scheduled(state: LoopState, now: datetime) -> Decision:
    spec, last = state.spec, state.last_training
    if spec.period is None or last is None:
        return state, ()
    due = last + max(spec.period, spec.cool_down)
    if state.busy:
        due = max(due, now + spec.patience)
    if now < due:
        return state, (WakeAt(SCHEDULE, due),)
    return _train(state, "schedule", now=now)


def _watched(state: LoopState, event: Event, *, now: datetime) -> Decision:
    start, text = str(event.data.get("start", "")), str(event.data.get("why", ""))
    again = WakeAt(f"{MATURE}/{start}", now + state.spec.patience)
    match event.type:
        case "window.closed":
            return state, (again, Alert("drift", text)) if event.data.get("alarmed") else (again,)
        case "window.waiting":
            return state, (again,)
        case "window.matured" if event.data.get("alarmed"):
            return state, (Alert("performance", text),)
    return state, ()


def _alerted(state: LoopState, event: Event, *, now: datetime) -> Decision:
    kind = str(event.data.get("kind", ""))
    if not state.spec.answers(kind) or state.started is None:
        return state, ()
    cool = state.cool_until()
    if state.busy:
        return state, (Hold(kind, "a training or rollout is under way"),)
    if cool is None or now < cool:
        return state, (Hold(kind, f"cooling down until {cool.isoformat()}" if cool else "nothing has been trained yet"),)
    return _train(state, "drift" if kind == "drift" else "performance", now=now)


def _train(state: LoopState, reason: Reason, *, now: datetime) -> Decision:
    if state.busy or state.started is None:
        return state, ()
    period = state.spec.period
    schedule: Command = ForgetTimer(SCHEDULE) if period is None else WakeAt(SCHEDULE, now + period)
    # `training` is set here and not on `training.started`: two triggers in one instant must not both start one.
    state = replace(state, training=Training(), last_training=now, trainings=state.trainings + 1)
    return state, (schedule, Train(reason))


def _trained(state: LoopState, event: Event) -> Decision:
    training = state.training
    if training is None:
        return state, ()
    match event.type:
        case "training.started" if training.started is None:
            return replace(state, training=replace(training, started=event.id)), ()
        case "training.finished" if training.run is None:
            run = str(event.data["run"])
            return replace(state, training=replace(training, run=run)), (Register(run),)
        case "training.failed":
            return replace(state, training=None), (Alert("training", str(event.data.get("why", ""))),)
    return state, ()


def _judged(state: LoopState, event: Event) -> Decision:
    training = state.training
    if training is None or event.data.get("run", training.run) != training.run:
        return state, ()  # a version that somebody registered by hand: its verdict is not that of this training
    match event.type:
        case "version.validated":
            version = int(event.data["version"])
            return replace(state, training=None, release=Release(version)), (StartRollout(version),)
        case "version.rejected":
            return replace(state, training=None), (Alert("gates", str(event.data.get("why", ""))),)
    return state, ()


def _released(state: LoopState, event: Event) -> Decision:
    release = state.release
    if release is None or event.data.get("version") != release.version:
        return _by_hand(state, event), ()
    match event.type:
        case "rollout.stage-entered":
            stage = int(event.data["stage"])
            if stage != release.stage + 1:
                return state, ()
            wake = WakeAt(f"{STAGE}/{release.version}/{stage}", datetime.fromisoformat(str(event.data["judge_at"])))
            return replace(state, release=Release(release.version, stage)), (wake,)
        case "rollout.judged" if event.data.get("stage") == release.stage and not release.moving:
            command = _after_verdict(release, event)
            return replace(state, release=replace(release, moving=isinstance(command, MoveRollout))), (command,)
        case "rollout.finished":
            return replace(state, release=None, champion=release.version), ()
        case "rollout.rolled-back":
            return replace(state, release=None), (Alert("rollout", str(event.data.get("why", ""))),)
    return state, ()


def _by_hand(state: LoopState, event: Event) -> LoopState:
    """A person promoted or rolled back a version that no rollout of the loop's was about."""
    match event.type:
        case "rollout.finished":
            return replace(state, champion=int(event.data["version"]))
        case "rollout.rolled-back" if event.data.get("version") == state.champion:
            return replace(state, champion=event.data.get("champion"))
    return state


def _breached(state: LoopState, event: Event) -> Decision:
    release = state.release
    if release is None or release.moving or event.data.get("version") != release.version:
        return state, ()
    back = MoveRollout(release.version, "roll-back", str(event.data.get("why", "")))
    return replace(state, release=replace(release, moving=True)), (back,)


def _failed(state: LoopState, event: Event, *, now: datetime) -> Decision:
    """Whatever could not be carried out, the loop goes on: what was under way is given up or asked for again, and people are told."""
    command, alert = str(event.data.get("command", "")), Alert("loop", f"{event.data.get('command')}: {event.data.get('why', '')}")
    release = state.release
    if command in {"Train", "Register"} and state.training is not None:
        return replace(state, training=None), (alert,)
    if release is not None and event.data.get("version") == release.version:
        if command == "StartRollout":
            return replace(state, release=None), (alert,)
        again = WakeAt(f"{STAGE}/{release.version}/{release.stage}", now + state.spec.patience)
        return replace(state, release=replace(release, moving=False)), (again, alert)
    start = event.data.get("start")
    asked = {"MeasureWindow": WINDOW, "MatureWindow": MATURE}.get(command)
    if asked is not None and start is not None:
        return state, (WakeAt(f"{asked}/{start}", now + state.spec.patience), alert)
    return state, (alert,)


def _after_verdict(release: Release, event: Event) -> Command:
    verdict, why = str(event.data["verdict"]), str(event.data.get("why", ""))
    if verdict in _MOVES:
        return MoveRollout(release.version, _MOVES[verdict], why)
    return WakeAt(f"{STAGE}/{release.version}/{release.stage}", datetime.fromisoformat(str(event.data["until"])))


_HANDLERS: Mapping[str, Callable[[LoopState, Event, datetime], Decision]] = {
    "loop": lambda state, event, _: _started(state, event),
    "timer": lambda state, event, now: _woken(state, event, now=now),
    "window": lambda state, event, now: _watched(state, event, now=now),
    "alert": lambda state, event, now: _alerted(state, event, now=now),
    "training": lambda state, event, _: _trained(state, event),
    "version": lambda state, event, _: _judged(state, event),
    "rollout": lambda state, event, _: _released(state, event),
    "guardrail": lambda state, event, _: _breached(state, event),
    "command": lambda state, event, now: _failed(state, event, now=now),
}
