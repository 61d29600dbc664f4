"""Laws of the loop with a worker that answers every command honestly: nothing illegal is asked of a store, and nothing waits for ever."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from flyball.core.canonical import canonical
from flyball.core.duration import floor_time
from flyball.core.events import Event
from flyball.core.ids import EventId
from flyball.loop.commands import (
    Alert,
    Command,
    ForgetTimer,
    Hold,
    JudgeRollout,
    MatureWindow,
    MeasureWindow,
    MoveRollout,
    Register,
    StartRollout,
    Train,
    WakeAt,
)
from flyball.loop.decide import decide
from flyball.loop.state import LoopSpec, LoopState
from flyball.loop.triggers import Trigger, every, on_drift, on_performance_drop
from flyball.registry.evidence import Difference
from flyball.registry.model import LEGAL_MOVES, VersionState
from flyball.releases import rollout as rollouts
from flyball.releases.rollout import CanarySpec, Rollout, RolloutState, StageEvidence

START = datetime(2013, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
WINDOW = timedelta(days=7)
STAGES = CanarySpec((0.05, 0.25, 0.5, 1.0), DAY)
DONE = {
    RolloutState.CANARY: "rollout.stage-entered",
    RolloutState.FULL: "rollout.finished",
    RolloutState.ROLLED_BACK: "rollout.rolled-back",
}


@dataclass(frozen=True)
class Fate:
    """What comes of one training: whether it fails, whether the gates refuse it, the gain on each stage, and its mature rows."""

    fails: bool
    rejected: bool
    gain: float
    rows: int


@dataclass
class World:
    """A log, timers, a registry and rollouts in memory. Events are read again as JSON, as from the event log."""

    spec: LoopSpec
    fates: Iterator[Fate]
    alarms: frozenset[int]
    resolved_after: timedelta
    now: datetime = START
    events: list[Event] = field(default_factory=list)
    commands: list[tuple[datetime, Command]] = field(default_factory=list)
    timers: dict[str, tuple[datetime, EventId]] = field(default_factory=dict)
    versions: dict[int, VersionState] = field(default_factory=dict)
    fate: Fate | None = None
    release: Rollout | None = None
    champion: int | None = None
    windows: dict[datetime, bool] = field(default_factory=dict)
    read: int = 0

    def __post_init__(self) -> None:
        self.state = LoopState(self.spec)

    def tell(self, told: str, cause: EventId | None = None, **data: Any) -> Event:
        event = Event(EventId(f"evt-{len(self.events)}"), told, self.spec.subject, self.now, json.loads(canonical(data)), "system", cause)
        self.events.append(event)
        return event

    def run_until(self, end: datetime) -> None:
        self.settle()
        while self.timers and (first := min((at, name) for name, (at, _) in self.timers.items()))[0] < end:
            self.now = max(first[0], self.now)
            _, cause = self.timers.pop(first[1])
            self.tell("timer.fired", cause, timer=first[1], at=first[0])
            self.settle()

    def settle(self) -> None:
        while self.read < len(self.events):
            event = self.events[self.read]
            self.state, commands = decide(self.state, event, now=event.time)
            for command in commands:
                self.commands.append((self.now, command))
                self.carry_out(command, event)
            self.read += 1

    def carry_out(self, command: Command, cause: Event) -> None:
        match command:
            case WakeAt():
                assert command.at > self.now or command.name == "first-training"
                self.timers[command.name] = (command.at, command.cause or cause.id)
            case ForgetTimer():
                self.timers.pop(command.name, None)
            case Train():
                self._train(command, cause)
            case Register():
                self._register(cause)
            case StartRollout() | JudgeRollout() | MoveRollout():
                self._release(command, cause)
            case MeasureWindow():
                assert command.start not in self.windows
                assert command.end == self.now == command.start + WINDOW
                self.windows[command.start] = False
                alarmed = self.champion is not None and len(self.windows) in self.alarms
                self.tell("window.closed", cause.id, start=command.start, alarmed=alarmed, why="drift")
            case MatureWindow():
                assert self.windows[command.start] is False
                self.windows[command.start] = self.now >= command.end + self.resolved_after
                kind = "window.matured" if self.windows[command.start] else "window.waiting"
                self.tell(kind, cause.id, start=command.start, alarmed=False)
            case Alert() | Hold():
                self.tell("alert.raised" if isinstance(command, Alert) else "retrain.held", cause.id, kind=command.kind, text=command.text)

    def _train(self, command: Train, cause: Event) -> None:
        assert self.release is None or self.release.over
        self.fate = next(self.fates)
        begun = self.tell("training.started", cause.id, reason=command.reason)
        if self.fate.fails:
            self.tell("training.failed", begun.id, why="one class")
        else:
            self.tell("training.finished", begun.id, run=f"run-{len(self.events)}")

    def _register(self, cause: Event) -> None:
        assert self.fate is not None
        number = len(self.versions) + 1
        self.versions[number] = VersionState.CANDIDATE
        self._move(number, VersionState.REJECTED if self.fate.rejected else VersionState.VALIDATED, cause=cause)

    def _move(self, number: int, state: VersionState, *, cause: Event) -> None:
        assert state in LEGAL_MOVES[self.versions[number]]
        self.versions[number] = state
        self.tell(f"version.{state.value}", cause.id, version=number, why="gate")

    def _release(self, command: StartRollout | JudgeRollout | MoveRollout, cause: Event) -> None:
        """By the releases room's own functions, which refuse an illegal move."""
        if isinstance(command, StartRollout):
            assert self.versions[command.version] is VersionState.VALIDATED
            assert self.release is None or self.release.over
            moved = rollouts.begin("late", command.version, champion=self.champion, spec=STAGES, now=self.now)
            return self._entered(moved, cause)
        found = self.release
        assert found is not None
        assert found.version == command.version
        if isinstance(command, JudgeRollout):
            assert found.stage == command.stage
            return self._judge(found, cause)
        moves = {"advance": rollouts.advance, "finish": rollouts.finish, "roll-back": rollouts.roll_back}
        return self._entered(moves[command.move](found, self.now), cause)

    def _judge(self, found: Rollout, cause: Event) -> None:
        assert self.fate is not None
        gain = Difference("roc_auc", self.fate.gain, self.fate.gain - 0.001, self.fate.gain + 0.001, self.fate.rows)
        verdict = rollouts.judge(found, StageEvidence(self.fate.rows, gain), now=self.now)
        facts = {"version": found.version, "stage": found.stage, "verdict": verdict.kind, "why": verdict.why, "until": verdict.until}
        self.tell("rollout.judged", cause.id, **facts)

    def _entered(self, moved: Rollout, cause: Event) -> None:
        self.release = moved
        done = self.tell(DONE[moved.state], cause.id, version=moved.version, stage=moved.stage, judge_at=moved.judge_at)
        if moved.state is RolloutState.FULL:
            before, self.champion = self.champion, moved.version
            if before is not None:
                self._move(before, VersionState.RETIRED, cause=done)

    def trainings(self) -> list[datetime]:
        return [time for time, command in self.commands if isinstance(command, Train)]


fates = st.builds(
    Fate, fails=st.booleans(), rejected=st.booleans(), gain=st.sampled_from([-0.1, 0.0, 0.1]), rows=st.sampled_from([0, 199, 200, 5000])
)
GOOD = Fate(fails=False, rejected=False, gain=0.1, rows=5000)


def _spec(triggers: tuple[Trigger, ...], *, cool_days: int, hours: int = 0) -> LoopSpec:
    first = START + timedelta(days=59, hours=hours)
    return LoopSpec("late", first_training=first, window=WINDOW, cool_down=timedelta(days=cool_days), triggers=triggers)


def _world(
    spec: LoopSpec, come: list[Fate], *, alarms: frozenset[int] = frozenset(), resolved_after: timedelta = DAY, days: int = 330
) -> World:
    def forever() -> Iterator[Fate]:
        yield from come
        while True:
            yield GOOD

    world = World(spec, forever(), alarms, resolved_after)
    world.tell("loop.started")
    world.run_until(START + timedelta(days=days))
    return world


specs = st.builds(
    _spec,
    st.lists(st.sampled_from([on_drift(), on_performance_drop(0.02), every("3d"), every("30d")]), max_size=3).map(tuple),
    cool_days=st.sampled_from([0, 1, 14, 40]),
    hours=st.integers(0, 200),
)


@settings(max_examples=40)
@given(specs, st.lists(fates, max_size=12), st.frozensets(st.integers(1, 45)), st.integers(0, 20).map(timedelta))
def test_whatever_comes_of_its_commands_the_loop_asks_for_legal_moves_only_and_ends_what_it_began(
    spec: LoopSpec, come: list[Fate], alarms: frozenset[int], resolved_after: timedelta
) -> None:
    world = _world(spec, come, alarms=alarms, resolved_after=resolved_after)
    assert world.state.champion == world.champion
    assert world.state.trainings == len(world.trainings())
    tick = timedelta(microseconds=1)
    first_window = floor_time(spec.first_training - tick, WINDOW) + WINDOW  # the first that is answered from its start
    assert len(world.windows) == (START + timedelta(days=330) - first_window - tick) // WINDOW
    folded = LoopState(spec)
    for event in world.events:
        folded, _ = decide(folded, event, now=event.time)
    assert folded == world.state
    # What is under way has a timer that will bring it to its end: three holds for each stage at most.
    if world.state.busy:
        assert world.state.release is not None
        assert any(name.startswith("stage/") for name in world.timers)
        began = next(e.time for e in reversed(world.events) if e.type == "version.validated")
        assert world.now - began <= 3 * len(STAGES.shares) * STAGES.hold


@settings(max_examples=40)
@given(st.sampled_from([3, 10, 30, 90]), st.sampled_from([0, 1, 14, 40]), st.lists(fates, max_size=12), st.integers(0, 200))
def test_a_schedule_trains_every_period_and_not_before(period: int, cool_days: int, come: list[Fate], hours: int) -> None:
    spec = _spec((every(f"{period}d"),), cool_days=cool_days, hours=hours)
    world = _world(spec, come)
    length = timedelta(days=max(period, cool_days))
    longest = 3 * len(STAGES.shares) * STAGES.hold  # a rollout under way is waited for
    times = [*world.trainings(), START + timedelta(days=330)]
    assert times[0] == spec.first_training
    for earlier, later in pairwise(times[:-1]):
        assert length <= later - earlier <= max(length, longest) + spec.patience
    assert times[-1] - times[-2] <= max(length, longest) + spec.patience


@settings(max_examples=40)
@given(st.sampled_from([0, 1, 14, 40]), st.integers(0, 200))
def test_an_alarm_that_persists_is_answered_within_the_cool_down_and_two_windows(cool_days: int, hours: int) -> None:
    spec = _spec((on_drift(),), cool_days=cool_days, hours=hours)
    world = _world(spec, [], alarms=frozenset(range(1, 46)))
    limit = max(spec.cool_down, 3 * len(STAGES.shares) * STAGES.hold) + 2 * WINDOW
    times = [*world.trainings(), START + timedelta(days=330)]
    assert all(later - earlier <= limit for earlier, later in pairwise(times))
    assert all(later - earlier >= spec.cool_down for earlier, later in pairwise(times[:-1]))


def test_an_alarm_during_a_rollout_is_held_with_the_reason() -> None:
    slow = Fate(fails=False, rejected=False, gain=0.0, rows=0)
    world = _world(_spec((on_drift(),), cool_days=0), [GOOD, slow, slow, slow], alarms=frozenset(range(1, 46)))
    held = [command for _, command in world.commands if isinstance(command, Hold)]
    assert Hold("drift", "a training or rollout is under way") in held


def test_a_schedule_in_the_cool_down_fires_once_at_its_end() -> None:
    world = _world(_spec((every("3d"),), cool_days=14), [])
    fired = [event.time for event in world.events if event.type == "timer.fired" and event.data["timer"] == "schedule"]
    times = world.trainings()
    assert times[1:] == [time for time in fired if time in times]
    assert [later - earlier for earlier, later in pairwise(times)] == [14 * DAY] * (len(times) - 1)
    assert len(fired) == 2 * (len(times) - 1) + 1  # once at the period's end, once at that of the cool-down
