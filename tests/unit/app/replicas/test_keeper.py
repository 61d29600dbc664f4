"""Keeping replicas on a cluster that lives in memory: their number, who else keeps them, what is told, and the end."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from flyball.app.replicas.errors import (
    ModelsNotSharedError,
    NoReplicasError,
    NoRoomError,
    ReplicaFailedError,
    ReplicasCountError,
    ReplicasHeldError,
)
from flyball.app.replicas.keeper import END_SECONDS, Keeper, Table, Told
from flyball.app.replicas.order import Bounds, Order, Seen, State
from flyball.app.replicas.running import Around, Wanted, addresses, keep, order_of
from flyball.app.replicas.standing import Standing, list_groups
from flyball.core.clock import ManualTimer

ORDER = Order(group="g", control_url="http://c", token="t", cpus=2)  # noqa: S106  of a test


class Memory:
    """A `Cluster` of `room`; each look brings each replica one step further. `sticks`: those that drain never end."""

    def __init__(self, room: int = 9, *, trouble: str = "", sticks: bool = False) -> None:
        self.slots: dict[int, Seen] = {}
        self.removed: list[int] = []
        self.held, self.closed = "", False
        self._room, self._trouble, self._sticks = room, trouble, sticks

    def start(self, slot: int, order: Order) -> None:
        self.slots[slot] = Seen(state=State.WAITING, digest=order.digest)

    def look(self, seconds: float) -> Mapping[int, Seen]:
        del seconds
        self.slots = {slot: self._further(slot, one) for slot, one in self.slots.items()}
        return dict(self.slots)

    def _further(self, slot: int, one: Seen) -> Seen:
        if one.state is State.DRAINING:
            return one if self._sticks else replace(one, state=State.ENDED, left=3)
        if one.state.goes or slot >= self._room:
            return one
        if self._trouble:
            return replace(one, state=State.FAILING, trouble=self._trouble)
        return replace(one, state=State.UP, address=f"127.0.0.1:{slot + 1}", keeper=self.held)

    def end(self, slot: int) -> None:
        self.slots[slot] = replace(self.slots[slot], state=State.DRAINING)

    def remove(self, slot: int) -> None:
        self.slots.pop(slot, None)
        self.removed.append(slot)

    def room(self) -> str:
        return "none at all"

    def close(self) -> None:
        self.closed = True


class Ear:
    """Hears what is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.tables: list[Table] = []
        self.told = Told(table=self.tables.append, say=self.lines.append)


def test_a_number_that_changes_is_followed() -> None:
    cluster, ear, wanted = Memory(), Ear(), [2]
    keeper = Keeper(cluster, ORDER, wanted=lambda: wanted[0], told=ear.told)
    keeper.step()
    assert {one.state for one in keeper.step().values()} == {State.UP}
    wanted[0] = 3
    keeper.step()
    assert len(keeper.step()) == 3
    wanted[0] = 1
    for _ in range(3):
        keeper.step()
    assert list(keeper.step()) == [0]
    assert "replica 0 is up at 127.0.0.1:1" in ear.lines
    assert any("3 answers wait" in line for line in ear.lines)
    assert len(ear.lines) == len(set(ear.lines))  # a line for what changed, not for each look


def test_who_is_lost_is_replaced() -> None:
    cluster, ear = Memory(), Ear()
    keeper = Keeper(cluster, ORDER, wanted=lambda: 2, told=ear.told)
    keeper.step()
    cluster.slots[0] = replace(cluster.slots[0], state=State.LOST, trouble="the node is gone")
    for _ in range(3):
        keeper.step()
    assert [one.state for one in keeper.step().values()] == [State.UP, State.UP]
    assert cluster.removed == [0]
    assert any("the node is gone" in line for line in ear.lines)


def test_replicas_that_another_keeps_are_left_alone() -> None:
    cluster = Memory()
    cluster.held = "elsewhere pid 7"
    cluster.slots = {0: Seen(state=State.UP, digest="theirs")}
    with pytest.raises(ReplicasHeldError, match="elsewhere pid 7"):
        Keeper(cluster, ORDER, wanted=lambda: 5, told=Ear().told).step()
    assert cluster.slots[0].state is State.UP
    assert len(cluster.slots) == 1


@pytest.mark.parametrize(
    ("cluster", "error"), [(Memory(0), NoRoomError), (Memory(trouble="no disk"), ReplicaFailedError)], ids=["room", "disk"]
)
def test_where_none_comes_up_it_is_said_why_and_none_is_left(cluster: Memory, error: type[Exception]) -> None:
    timer = ManualTimer()
    keeper = Keeper(cluster, ORDER, wanted=lambda: 2, told=Told(table=lambda _: timer.sleep(1), say=lambda _: None), timer=timer)
    with pytest.raises(error, match=r"none at all|no disk"):
        keeper.run(threading.Event(), start_seconds=2)
    assert cluster.slots == {}


def test_who_does_not_end_in_time_is_removed() -> None:
    timer = ManualTimer()
    cluster = Memory(sticks=True)
    keeper = Keeper(
        cluster, ORDER, wanted=lambda: 1, told=Told(table=lambda _: timer.sleep(END_SECONDS / 4), say=lambda _: None), timer=timer
    )
    keeper.step()
    keeper.end()
    assert cluster.slots == {}


def wanted(home: Path, **changes: object) -> Wanted:
    found = Wanted(group="g", bounds=Bounds.parse("2-4"), cluster="here", control_url="http://c", token="t", home=home, port=0)  # noqa: S106  of a test
    return replace(found, **changes)  # type: ignore[arg-type]  # of a test


def test_a_group_is_kept_once_from_a_home_changed_within_its_bounds_and_ended(tmp_path: Path) -> None:
    cluster, stop, standing = Memory(), threading.Event(), Standing(tmp_path, "g")
    environment = {"FLYBALL_BLOBS_URL": "s3://bucket/models"}
    around = Around(stop=stop, say=lambda _: None, environment=environment, open=lambda *_, **__: cluster)
    with pytest.raises(NoReplicasError):
        standing.set_count(3)
    thread = threading.Thread(target=keep, args=(wanted(tmp_path), around))
    thread.start()
    pause = threading.Event()
    try:
        while not list_groups(tmp_path):
            assert thread.is_alive()
            pause.wait(0.01)
        with pytest.raises(ReplicasHeldError):
            keep(wanted(tmp_path), around)
        with pytest.raises(ReplicasCountError, match="from 2 to 4"):
            standing.set_count(5)
        assert standing.set_count(3) == 2
        while len([one for one in standing.get()["replicas"] if one["state"] == "up"]) < 3:
            assert thread.is_alive()
            pause.wait(0.01)
        (found,) = list_groups(tmp_path)
        assert (found["name"], found["wanted"], found["least"], found["most"]) == ("g", 3, 2, 4)
    finally:
        stop.set()
        thread.join()
    assert cluster.slots == {}
    assert cluster.closed
    assert list_groups(tmp_path) == []


def test_those_that_stay_are_taken_over(tmp_path: Path) -> None:
    cluster, stop = Memory(), threading.Event()
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        if " is up " in line:
            stop.set()

    environment = {"FLYBALL_BLOBS_URL": "s3://bucket/models"}
    around = Around(stop=stop, say=say, environment=environment, open=lambda *_, **__: cluster)
    keep(wanted(tmp_path, bounds=Bounds.parse("1"), stay=True), around)
    assert [one.state for one in cluster.slots.values()] == [State.UP]
    stop.clear()
    keep(wanted(tmp_path, bounds=Bounds.parse("1")), around)
    assert cluster.slots == {}


def test_replicas_that_would_find_no_models_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelsNotSharedError, match="FLYBALL_BLOBS_URL"):
        order_of(wanted(tmp_path), port=1, environment={})
    (tmp_path / "flyball.db").touch()
    assert order_of(wanted(tmp_path), port=1, environment={}).shared == str(tmp_path)


def test_replicas_know_by_which_names_callers_call_the_front(tmp_path: Path) -> None:
    order = order_of(wanted(tmp_path, names=["models.example", "other:99"]), port=8501, environment={"FLYBALL_BLOBS_URL": "s3://b/p"})
    assert {"127.0.0.1:8501", "localhost:8501", "[::1]:8501", "models.example:8501", "models.example", "other:99"} <= set(order.names)


def test_addresses_that_are_none_are_left_out() -> None:
    assert addresses(["10.0.0.1:80", "", "[::1]:81", "host", ":5"]) == [("10.0.0.1", 80), ("::1", 81)]
