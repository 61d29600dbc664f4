"""The conductor over real stores: commands become jobs once, whatever dies between reading and keeping."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyball.app.stores import Stores
from flyball.core.clock import VirtualClock
from flyball.core.ids import DerivedIds
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
from flyball.loop.conductor import POSITION, Conductor
from flyball.loop.controller import Controller
from flyball.loop.deeds import UnknownCommandError, decode, encode, lane_of
from flyball.loop.state import LoopSpec
from flyball.storage.jobs import Job

START = datetime(2024, 1, 1, tzinfo=UTC)
FIRST = START + timedelta(days=10)
SPEC = LoopSpec("late", first_training=FIRST, window=timedelta(days=7), cool_down=timedelta(days=14))


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    opened = Stores.open(tmp_path, clock=VirtualClock(START), ids=DerivedIds(0, "test"))
    yield opened
    opened.close()


def conductor(stores: Stores) -> Conductor:
    made = Conductor({"late": SPEC}, journal=stores.journal, queue=stores.jobs, positions=stores.positions, lockstep=True)
    made.replay()
    return made


def virtual(stores: Stores) -> VirtualClock:
    clock = stores.clock
    assert isinstance(clock, VirtualClock)
    return clock


def jobs(stores: Stores) -> list[Job]:
    return stores.jobs.list()


def test_an_event_becomes_timers_and_jobs_and_is_read_once(stores: Stores) -> None:
    first = conductor(stores)
    assert not first.settle()
    stores.journal.recorder.record("loop.started", "model/late")
    assert first.settle()
    assert not first.settle()
    assert first.next_timer() == FIRST
    assert not first.fire_due(stores.clock)
    virtual(stores).advance_to(FIRST)
    assert first.fire_due(stores.clock)
    assert first.settle()
    (job,) = jobs(stores)
    assert decode(job.payload) == ("late", Train("first"))
    fired = stores.journal.log.list()[-1]
    assert (job.cause, job.key, job.lane) == (fired.id, f"{fired.id}/1", "model/late")


def test_who_comes_after_stands_where_the_one_before_stood_and_commands_nothing_twice(stores: Stores) -> None:
    before = conductor(stores)
    stores.journal.recorder.record("loop.started", "model/late")
    before.settle()
    virtual(stores).advance_to(FIRST)
    before.fire_due(stores.clock)
    before.settle()
    after = conductor(stores)
    assert after.state("late") == before.state("late")
    assert not after.settle()
    assert len(jobs(stores)) == 1


def test_what_is_not_kept_was_not_read(stores: Stores) -> None:
    """The transaction is taken back after the job was created: the position goes with it, and so does what the conductor believes."""
    stores.journal.recorder.record("loop.started", "model/late")
    stores.journal.recorder.record("timer.fired", "model/late", data={"timer": "first-training"})

    class FullError(Exception):
        pass

    class Breaks:
        def get(self, name: str) -> int:
            return stores.positions.get(name)

        def set(self, name: str, value: int) -> None:
            del name, value
            raise FullError

    broken = Conductor({"late": SPEC}, journal=stores.journal, queue=stores.jobs, positions=Breaks())
    with pytest.raises(FullError):
        broken.settle()
    assert jobs(stores) == []
    assert broken.state("late").started is None
    assert stores.journal.timers.next() is None
    whole = conductor(stores)
    assert whole.settle()
    assert [decode(job.payload)[1] for job in jobs(stores)] == [Train("first")]


def test_a_log_that_grew_while_nobody_read_is_read_from_the_kept_position(stores: Stores) -> None:
    conductor(stores).settle()
    for _ in range(250):  # more than one batch
        stores.journal.recorder.record("dataset.version.accepted", "dataset/flights")
    stores.journal.recorder.record("loop.started", "model/late")
    later = conductor(stores)
    assert later.settle()
    assert later.next_timer() == FIRST
    assert stores.positions.get(POSITION) == 251


def test_the_conductor_and_the_controller_ask_for_the_same_in_the_same_order(stores: Stores, tmp_path: Path) -> None:
    class Notes:
        def __init__(self) -> None:
            self.asked: list[Command] = []

        def carry_out(self, command: Command, cause: object) -> None:
            del cause
            self.asked.append(command)

    other = Stores.open(tmp_path / "other", clock=VirtualClock(START), ids=DerivedIds(0, "test"))
    notes = Notes()
    other.journal.recorder.record("loop.started", "model/late")
    clock = other.clock
    assert isinstance(clock, VirtualClock)
    Controller({"late": notes}, {"late": SPEC}, journal=other.journal).run_until(START + timedelta(days=60), clock)
    other.close()
    live = conductor(stores)
    stores.journal.recorder.record("loop.started", "model/late")
    live.settle()
    while (moment := live.next_timer()) is not None and moment < START + timedelta(days=60):
        virtual(stores).advance_to(moment)
        live.fire_due(stores.clock)
        live.settle()
    assert [decode(job.payload)[1] for job in jobs(stores)] == notes.asked


times = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone
texts, numbers = st.text(max_size=20), st.integers(0, 9)
commands = st.one_of(
    st.sampled_from([Train("first"), Train("drift"), Train("performance"), Train("schedule")]),
    texts.map(Register),
    numbers.map(StartRollout),
    st.builds(JudgeRollout, numbers, numbers),
    st.builds(MoveRollout, numbers, st.sampled_from(["advance", "finish", "roll-back"]), texts),
    st.builds(MeasureWindow, times, times),
    st.builds(MatureWindow, times, times),
    st.builds(Alert, texts, texts),
    st.builds(Hold, texts, texts),
)


@given(commands)
def test_a_command_survives_its_job(command: Command) -> None:
    assert decode(encode("late", command)) == ("late", command)


def test_an_unknown_command_is_said_so() -> None:
    with pytest.raises(UnknownCommandError, match="'Dance'"):
        decode({"model": "late", "command": "Dance", "fields": {}})


def test_only_trainings_have_a_lane_of_their_own_and_only_outside_lockstep() -> None:
    train, judge = Train("drift"), JudgeRollout(2, 0)
    deeds: tuple[Command, ...] = (train, judge)
    lanes = {lane_of("late", command, lockstep=lockstep) for command, lockstep in itertools.product(deeds, (True, False))}
    assert lanes == {"model/late", "model/late/training"}
    assert lane_of("late", train, lockstep=True) == lane_of("late", judge, lockstep=False) == "model/late"
