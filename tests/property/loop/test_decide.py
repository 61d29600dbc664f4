"""Laws of `decide` that must hold whatever happens, in whatever order, however often."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from flyball.core.events import Event
from flyball.core.ids import EventId
from flyball.loop.commands import Alert, Command, Hold, MoveRollout, Register, StartRollout, Train, WakeAt
from flyball.loop.decide import decide
from flyball.loop.state import LoopSpec, LoopState
from flyball.loop.triggers import every, on_drift, on_performance_drop

START = datetime(2013, 1, 1, tzinfo=UTC)
COOL_DOWN = timedelta(days=14)
SPEC = LoopSpec(
    "late",
    first_training=START + timedelta(days=59),
    window=timedelta(days=7),
    cool_down=COOL_DOWN,
    triggers=(on_drift(), on_performance_drop(0.02), every("90d")),
)
WINDOW = (START + timedelta(days=56)).isoformat()


def _event(number: int, kind: str, *, data: dict[str, Any], hours: int, subject: str = "model/late") -> Event:
    return Event(EventId(f"evt-{number}"), kind, subject, START + timedelta(hours=hours), data)


versions = st.integers(1, 3)
stages = st.integers(0, 2)
happenings = st.one_of(
    st.just(("loop.started", {})),
    st.sampled_from(["first-training", "schedule", f"window/{WINDOW}", f"mature/{WINDOW}", "stage/1/0", "stage/2/1", "nonsense"]).map(
        lambda name: ("timer.fired", {"timer": name})
    ),
    st.booleans().map(lambda alarmed: ("window.closed", {"start": WINDOW, "alarmed": alarmed})),
    st.booleans().map(lambda alarmed: ("window.matured", {"start": WINDOW, "alarmed": alarmed})),
    st.just(("window.waiting", {"start": WINDOW})),
    st.sampled_from(["drift", "performance", "training", "gates"]).map(lambda kind: ("alert.raised", {"kind": kind})),
    st.sampled_from([("training.started", {}), ("training.finished", {"run": "run-1"}), ("training.failed", {"why": "one class"})]),
    versions.map(lambda version: ("version.validated", {"version": version})),
    versions.map(lambda version: ("version.rejected", {"version": version, "why": "gate"})),
    st.tuples(versions, stages).map(lambda pair: ("rollout.stage-entered", {"version": pair[0], "stage": pair[1], "judge_at": WINDOW})),
    st.tuples(versions, stages, st.sampled_from(["advance", "finish", "roll-back", "hold"])).map(
        lambda t: ("rollout.judged", {"version": t[0], "stage": t[1], "verdict": t[2], "until": WINDOW})
    ),
    versions.map(lambda version: ("rollout.finished", {"version": version})),
    versions.map(lambda version: ("rollout.rolled-back", {"version": version, "why": "worse", "champion": 1})),
    versions.map(lambda version: ("guardrail.breached", {"version": version, "why": "errors"})),
    st.tuples(versions, st.sampled_from(["Train", "Register", "StartRollout", "JudgeRollout", "MoveRollout", "MeasureWindow"])).map(
        lambda pair: ("command.failed", {"version": pair[0], "command": pair[1], "why": "it broke", "start": WINDOW})
    ),
)
histories = st.lists(st.tuples(happenings, st.integers(0, 48)), max_size=60)


def _events(history: list[tuple[tuple[str, dict[str, Any]], int]]) -> list[Event]:
    hours, events = 59 * 24, []
    for number, ((kind, data), later) in enumerate(history):
        hours += later
        events.append(_event(number, kind, data=data, hours=hours))
    return events


def _run(events: list[Event]) -> tuple[LoopState, list[tuple[datetime, Command]]]:
    state = LoopState(SPEC)
    done: list[tuple[datetime, Command]] = []
    for event in events:
        state, commands = decide(state, event, now=event.time)
        done.extend((event.time, command) for command in commands)
    return state, done


@given(histories)
def test_replayed_state_equals_live_state(history: list[Any]) -> None:
    events = _events(history)
    live, commands = _run(events)
    assert _run(events) == (live, commands)
    middle = len(events) // 2
    state, _ = _run(events[:middle])
    for event in events[middle:]:
        state, _ = decide(state, event, now=event.time)
    assert state == live


@given(histories)
def test_never_two_trainings_or_rollouts_at_once(history: list[Any]) -> None:
    state = LoopState(SPEC)
    for event in _events(history):
        before = state
        state, commands = decide(state, event, now=event.time)
        assert state.training is None or state.release is None
        if any(isinstance(command, Train) for command in commands):
            assert not before.busy
            assert state.training is not None
        if any(isinstance(command, StartRollout) for command in commands):
            assert before.training is not None
            assert before.release is None


@given(histories)
def test_trainings_keep_the_cool_down_whatever_happens(history: list[Any]) -> None:
    _, done = _run(_events(history))
    times = [time for time, command in done if isinstance(command, Train)]
    assert all(later - earlier >= COOL_DOWN for earlier, later in itertools.pairwise(times))


@given(histories)
def test_no_event_makes_a_storm(history: list[Any]) -> None:
    events = _events(history)
    state = LoopState(SPEC)
    for event in events:
        state, commands = decide(state, event, now=event.time)
        assert len(commands) <= 2
        assert sum(not isinstance(command, WakeAt) for command in commands) <= 1 or isinstance(commands[0], WakeAt)
    _, done = _run(events)
    kinds = [type(command) for _, command in done]
    assert kinds.count(Register) <= kinds.count(Train)
    assert kinds.count(StartRollout) <= kinds.count(Train)
    assert kinds.count(MoveRollout) <= sum(event.type in {"rollout.judged", "guardrail.breached"} for event in events)


@given(histories)
def test_events_of_another_model_change_nothing(history: list[Any]) -> None:
    state, _ = _run(_events(history))
    for number, ((kind, data), _) in enumerate(history):
        for subject in ("model/other", "model/late-too", "dataset/flights"):
            assert decide(state, _event(1000 + number, kind, data=data, hours=0, subject=subject), now=START) == (state, ())


@given(histories, st.integers(0, 59))
def test_telling_an_event_twice_starts_nothing_twice(history: list[Any], index: int) -> None:
    events = _events(history)
    doubled = [copy for number, event in enumerate(events) for copy in ([event, event] if number == index else [event])]
    once, twice = _run(events)[1], _run(doubled)[1]
    for kind in (Train, Register, StartRollout, MoveRollout):
        assert sum(isinstance(c, kind) for _, c in twice) == sum(isinstance(c, kind) for _, c in once)


def test_a_trigger_in_the_cool_down_is_held_and_says_until_when() -> None:
    events = [
        _event(1, "loop.started", data={}, hours=0),
        _event(2, "timer.fired", data={"timer": "first-training"}, hours=59 * 24),
        _event(3, "version.rejected", data={"version": 1}, hours=59 * 24),
    ]
    state, _ = _run(events)
    _, commands = decide(state, _event(4, "alert.raised", data={"kind": "drift"}, hours=60 * 24), now=START + timedelta(days=60))
    assert commands == (Hold("drift", f"cooling down until {(START + timedelta(days=73)).isoformat()}"),)
    _, commands = decide(state, _event(5, "alert.raised", data={"kind": "drift"}, hours=73 * 24), now=START + timedelta(days=73))
    assert commands[-1] == Train("drift")


def test_a_drift_alarm_is_told_even_where_nothing_answers_it() -> None:
    spec = LoopSpec("late", first_training=START, window=timedelta(days=7), cool_down=COOL_DOWN)
    state, _ = decide(LoopState(spec), _event(1, "loop.started", data={}, hours=0), now=START)
    _, commands = decide(state, _event(2, "window.closed", data={"start": WINDOW, "alarmed": True, "why": "weather"}, hours=1), now=START)
    assert commands[-1] == Alert("drift", "weather")
    assert decide(state, _event(3, "alert.raised", data={"kind": "drift"}, hours=2), now=START) == (state, ())


def test_a_version_that_somebody_registered_by_hand_is_not_taken_for_that_of_the_training() -> None:
    told = [
        _event(1, "loop.started", data={}, hours=0),
        _event(2, "timer.fired", data={"timer": "first-training"}, hours=59 * 24),
        _event(3, "version.validated", data={"version": 1, "run": "by-hand"}, hours=59 * 24),
        _event(4, "training.finished", data={"run": "run-1"}, hours=59 * 24),
        _event(5, "version.rejected", data={"version": 2, "run": "by-hand"}, hours=59 * 24),
    ]
    state, _ = _run(told)
    assert state.training is not None
    assert state.training.run == "run-1"
    own = _event(6, "version.validated", data={"version": 3, "run": "run-1"}, hours=59 * 24)
    assert decide(state, own, now=own.time)[1] == (StartRollout(3),)


def test_a_verdict_that_is_told_twice_moves_once_and_the_next_stage_may_be_judged_again() -> None:
    def released(number: int, kind: str, **data: Any) -> Event:
        return _event(number, kind, data={"version": 1, **data}, hours=number)

    told = [
        _event(1, "loop.started", data={}, hours=0),
        _event(2, "timer.fired", data={"timer": "first-training"}, hours=59 * 24),
        released(3, "version.validated"),
        released(4, "rollout.stage-entered", stage=0, judge_at=WINDOW),
        released(5, "rollout.judged", stage=0, verdict="advance"),
        released(6, "rollout.judged", stage=0, verdict="advance"),
        released(7, "rollout.stage-entered", stage=2, judge_at=WINDOW),  # no stage is left out
        released(8, "rollout.stage-entered", stage=1, judge_at=WINDOW),
        released(9, "rollout.judged", stage=0, verdict="roll-back"),  # of a stage that is over
        released(10, "rollout.judged", stage=1, verdict="finish"),
    ]
    moves = [command.move for _, command in _run(told)[1] if isinstance(command, MoveRollout)]
    assert moves == ["advance", "finish"]


def _promoted(*more: Event) -> LoopState:
    told = [
        _event(1, "loop.started", data={}, hours=0),
        _event(2, "timer.fired", data={"timer": "first-training"}, hours=59 * 24),
        _event(3, "version.validated", data={"version": 1}, hours=59 * 24),
        _event(4, "rollout.finished", data={"version": 1}, hours=59 * 24),
        *more,
    ]
    return _run(told)[0]


def test_what_a_person_promotes_or_takes_back_is_what_the_loop_knows_as_champion() -> None:
    assert _promoted().champion == 1
    assert _promoted(_event(5, "rollout.finished", data={"version": 7}, hours=1500)).champion == 7
    taken_back = _event(6, "rollout.rolled-back", data={"version": 7, "champion": 1, "why": "by hand"}, hours=1501)
    assert _promoted(_event(5, "rollout.finished", data={"version": 7}, hours=1500), taken_back).champion == 1


def test_a_guardrail_rolls_the_canary_back_at_once_and_once() -> None:
    canary = [
        _event(5, "timer.fired", data={"timer": "schedule"}, hours=200 * 24),
        _event(6, "version.validated", data={"version": 2}, hours=200 * 24),
        _event(7, "rollout.stage-entered", data={"version": 2, "stage": 0, "judge_at": WINDOW}, hours=200 * 24),
    ]
    state = _promoted(*canary)
    breach = _event(8, "guardrail.breached", data={"version": 2, "why": "half of its answers failed"}, hours=4801)
    moved, commands = decide(state, breach, now=breach.time)
    assert commands == (MoveRollout(2, "roll-back", "half of its answers failed"),)
    assert decide(moved, breach, now=breach.time) == (moved, ())
    assert decide(_promoted(), breach, now=breach.time)[1] == ()


def test_a_deed_that_fails_leaves_the_loop_free_to_go_on() -> None:
    training = _promoted(_event(5, "timer.fired", data={"timer": "schedule"}, hours=200 * 24))
    assert training.training is not None
    failed = _event(6, "command.failed", data={"command": "Register", "why": "the model raised", "version": None}, hours=4801)
    state, commands = decide(training, failed, now=failed.time)
    assert not state.busy
    assert commands == (Alert("loop", "Register: the model raised"),)


def test_a_window_that_could_not_be_measured_is_asked_for_again() -> None:
    later = START + timedelta(hours=1600) + SPEC.patience
    for command, name in (("MeasureWindow", "window"), ("MatureWindow", "mature")):
        facts = {"command": command, "why": "the disk was full", "version": None, "start": WINDOW}
        failed = _event(9, "command.failed", data=facts, hours=1600)
        _, commands = decide(_promoted(), failed, now=failed.time)
        assert commands == (WakeAt(f"{name}/{WINDOW}", later), Alert("loop", f"{command}: the disk was full"))
