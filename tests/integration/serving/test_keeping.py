"""Records on their way into the journal: kept as declared, or lost and counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flyball.core.clock import ManualTimer
from flyball.serving.counters import Counters
from flyball.serving.hiding import Hiding
from flyball.serving.keeping import SAMPLED, SHED, Keeper
from flyball.serving.logspec import PLAIN, LogPlan
from flyball.serving.record import Answered, Lost, decode_entry
from flyball.serving.tally import Tally
from flyball.storage._localjournal import LocalJournal
from flyball.storage.errors import JournalFullError

Make = Callable[..., Answered]


class Keeping:
    """A keeper over a small journal, and what is found there."""

    def __init__(self, place: Path, *, limit_bytes: int | None = None) -> None:
        self.journal = LocalJournal.write(place, limit_bytes=limit_bytes)
        self.counters, self.timer = Counters(), ManualTimer()
        self.keeper = Keeper(self.journal, counters=self.counters, timer=self.timer, secret=lambda: b"k" * 32)

    def entries(self) -> list[Answered | Lost | None]:
        return [decode_entry(entry.payload) for entry in LocalJournal.read(self.journal.path).read_after(0)]

    def records(self) -> list[Answered]:
        return [found for found in self.entries() if isinstance(found, Answered)]

    def losses(self) -> list[Lost]:
        return [found for found in self.entries() if isinstance(found, Lost)]


@pytest.fixture
def keeping(tmp_path: Path) -> Iterator[Keeping]:
    found = Keeping(tmp_path)
    yield found
    found.journal.close()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Keeping]:
    found = Keeping(tmp_path, limit_bytes=20_000)
    yield found
    found.journal.close()


def test_what_nothing_is_declared_of_is_kept_as_it_is(keeping: Keeping, answered: Make) -> None:
    record = answered(range(3))
    keeping.keeper.keep(PLAIN, [record, record])
    assert keeping.records() == [record, record]


def test_hidden_columns_never_reach_the_journal(keeping: Keeping, answered: Make) -> None:
    plan = LogPlan(mask=("name",), hash=("email", "age"))
    request: dict[str, Any] = {"name": ["Ada", None], "email": ["a@b", "a@b"], "age": [36, None], "origin": ["JFK", "LGA"]}
    given = {"request": request, "request_types": ["String", "String", "Int64", "String"]}
    failed = answered(range(2), error="it raised: no Ada <a@b> here", **given)
    keeping.keeper.keep(plan, [failed, answered(range(2), **given)])
    for found in keeping.records():
        assert found.request["name"] == [None, None]
        first, second = found.request["email"]
        assert first == second != "a@b"
        assert len(found.request["age"][0]) == 32
        assert found.request["age"][1] is None
        assert found.request["origin"] == ["JFK", "LGA"]
        assert found.request_types == ["String", "String", "String", "String"]
    assert keeping.records()[0].error == "it raised"
    assert request["name"] == ["Ada", None]  # what others still read is as it was
    raw = b"".join(path.read_bytes() for path in keeping.journal.path.iterdir() if path.is_file())
    assert b"Ada" not in raw
    assert b"a@b" not in raw


def test_digests_of_other_columns_and_keys_tell_nothing_of_each_other(keeping: Keeping, answered: Make) -> None:
    plan = LogPlan(hash=("a", "b"))
    record = answered(range(1), request={"a": ["x"], "b": ["x"]}, request_types=["String", "String"])
    mine = keeping.keeper.hiding.hidden(plan, record).request
    assert mine["a"] != mine["b"]
    other = Hiding(lambda: b"o" * 32).hidden(plan, record).request
    assert mine["a"] != other["a"]


def test_without_room_block_refuses_and_keeps_nothing(small: Keeping, answered: Make) -> None:
    plan = LogPlan(fsync=True)
    small.keeper.keep(plan, [answered(range(1))])
    with pytest.raises(JournalFullError):
        small.keeper.keep(plan, [answered(range(1000))])
    assert len(small.records()) == 1
    assert not small.counters.lost


def test_without_room_shed_counts_what_is_lost_and_writes_it_down_when_there_is_room(small: Keeping, answered: Make) -> None:
    plan = LogPlan(overload="shed")
    for number in range(200):
        small.keeper.keep(plan, [answered(range(number, number + 2))])
    kept = len(small.records())
    lost = 200 - kept
    assert 0 < kept < 200
    assert small.counters.lost["late", SHED] == 2 * lost
    LocalJournal.read(small.journal.path).acknowledge(small.journal.last)
    small.timer.sleep(60)
    small.keeper.keep(plan, [answered(range(500, 501))])
    found = small.losses()
    assert [(loss.endpoint, loss.rows) for loss in found] == [("late", 2 * lost)]
    assert found[0].start <= found[0].end
    assert "took no more" in found[0].why
    small.keeper.keep(plan, [answered(range(501, 502))])
    assert len(small.losses()) == 1


def test_sample_keeps_all_while_there_is_room_and_fewer_when_there_is_less(small: Keeping, answered: Make) -> None:
    plan = LogPlan(overload="sample")
    for number in range(20):
        small.keeper.keep(plan, [answered(range(number, number + 1))])
    assert len(small.records()) == 20
    for number in range(20, 600):
        small.keeper.keep(plan, [answered(range(number, number + 1))])
    kept = len(small.records())
    assert 20 < kept < 600
    assert small.counters.lost["late", SAMPLED] > 100
    assert sum(small.counters.lost.values()) == 600 - kept
    LocalJournal.read(small.journal.path).acknowledge(small.journal.last)
    small.keeper.close()
    assert sum(loss.rows for loss in small.losses()) == 600 - kept


def test_a_failed_row_that_another_answered_is_lost_once(small: Keeping, answered: Make) -> None:
    plan = LogPlan(overload="shed")
    for number in range(100):
        small.keeper.keep(plan, [answered(range(number, number + 1), error="it raised"), answered(range(number, number + 1))])
    assert small.counters.lost["late", SHED] == 100 - len(small.records()) // 2


class Killed(BaseException):
    """A kill -9, at a place of the test's choice."""


class Killing(LocalJournal):
    """A journal whose process dies at an append: before the entries are there, or right after."""

    when = ""

    def append(self, *payloads: bytes) -> int:
        if self.when == "before":
            raise Killed
        last = super().append(*payloads)
        if self.when == "after":
            raise Killed
        return last


def heir(place: Path) -> tuple[Killing, Keeper]:
    """Whoever comes after a process that is no more."""
    journal = Killing.write(place, limit_bytes=20_000)
    return journal, Keeper(journal, counters=Counters(), timer=ManualTimer(), tally=Tally(place))


def entries_of(place: Path) -> list[Answered | Lost | None]:
    return [decode_entry(entry.payload) for entry in LocalJournal.read(place).read_after(0)]


def list_kept(place: Path) -> list[Answered]:
    return [found for found in entries_of(place) if isinstance(found, Answered)]


def told(place: Path) -> list[int]:
    return [found.rows for found in entries_of(place) if isinstance(found, Lost)]


def shed(place: Path, keeper: Keeper, *, answered: Make) -> int:
    """How many of 200 rows were lost, for there was no room for them."""
    before = len(list_kept(place))
    for number in range(100):
        keeper.keep(LogPlan(overload="shed"), [answered(range(number, number + 2))])
    return 200 - 2 * (len(list_kept(place)) - before)


@pytest.mark.parametrize("when", ["", "before", "after"])
def test_a_killed_servers_losses_are_told_once_by_its_heir(tmp_path: Path, answered: Make, when: str) -> None:
    journal, keeper = heir(tmp_path)
    lost = shed(tmp_path, keeper, answered=answered)
    assert lost > 10
    LocalJournal.read(tmp_path).acknowledge(journal.last)
    journal.when = when
    if when:
        with pytest.raises(Killed):
            keeper.tell_all()
    journal.close()
    for _ in range(2):
        journal, keeper = heir(tmp_path)
        assert told(tmp_path) == [lost]
        journal.close()


def test_losses_that_could_not_be_told_are_added_to_by_the_heir(tmp_path: Path, answered: Make) -> None:
    journal, keeper = heir(tmp_path)
    first = shed(tmp_path, keeper, answered=answered)
    keeper.close()
    journal.close()
    journal, keeper = heir(tmp_path)
    second = shed(tmp_path, keeper, answered=answered)
    assert told(tmp_path) == []
    LocalJournal.read(tmp_path).acknowledge(journal.last)
    keeper.close()
    assert told(tmp_path) == [first + second]
    journal.close()
