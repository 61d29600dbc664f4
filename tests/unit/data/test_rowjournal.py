"""Pushes that come at once share a write; none is answered before it is kept, and a failure is told to each of them."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flyball.core.errors import UnavailableError
from flyball.data.errors import PushConflictError
from flyball.data.pushes import Offsets, Push
from flyball.data.rowjournal import Dead, Pushed, RowJournal
from flyball.storage._localjournal import LocalJournal
from flyball.storage.errors import JournalFullError
from flyball.storage.journal import Entry

NOW = datetime(2025, 3, 1, tzinfo=UTC)
PATIENCE_SECONDS = 60


class NoPushes:
    """A store that knows of nothing."""

    def get_position(self, dataset: str) -> int:
        del dataset
        return 0

    def find(self, dataset: str, key: str) -> Push | None:
        del dataset, key
        return None

    def find_offsets(self, dataset: str, stream: str) -> Offsets | None:
        del dataset, stream
        return None

    def create(self, dataset: str, position: int, *, pushes: Sequence[Push], offsets: Mapping[str, Offsets] | None = None) -> None:
        raise NotImplementedError


class SlowJournal:
    """A journal whose first write waits for `go`, and that fails while it is `full` for more than one payload, or for all."""

    def __init__(self, real: LocalJournal) -> None:
        self._real, self.writes = real, list[int]()
        self.entered, self.go = threading.Event(), threading.Event()
        self.full_above: int | None = None

    def append(self, *payloads: bytes) -> int:
        if payloads:
            self.writes.append(len(payloads))
            self.entered.set()
            assert self.go.wait(PATIENCE_SECONDS)
            if self.full_above is not None and len(payloads) > self.full_above:
                raise JournalFullError(self._real.path, waiting_bytes=1, limit_bytes=1)
        return self._real.append(*payloads)

    def read_after(self, position: int, limit: int = 1000) -> list[Entry]:
        return self._real.read_after(position, limit)

    def acknowledge(self, position: int) -> None:
        self._real.acknowledge(position)

    def sync(self) -> None:
        self._real.sync()

    def filled(self) -> float:
        return self._real.filled()

    @property
    def acknowledged(self) -> int:
        return self._real.acknowledged

    @property
    def last(self) -> int:
        return self._real.last

    def close(self) -> None:
        self._real.close()


@pytest.fixture
def slow(tmp_path: Path) -> SlowJournal:
    return SlowJournal(LocalJournal.write(tmp_path / "rows"))


def pushed(number: int, *, key: str | None = None) -> Pushed:
    return Pushed(at=NOW, key=key, digest=f"d{number}", accepted=number)


def put_all(journal: RowJournal, slow: SlowJournal, *, pushes: Sequence[Pushed]) -> list[object]:
    """Put the first, and while it is being written all others; what came of each."""

    def put(one: Pushed) -> object:
        try:
            return journal.put(one)[1:]
        except (UnavailableError, PushConflictError) as error:
            return type(error)

    with ThreadPoolExecutor(len(pushes)) as pool:
        first = pool.submit(put, pushes[0])
        assert slow.entered.wait(PATIENCE_SECONDS)
        others = [pool.submit(put, one) for one in pushes[1:]]
        threading.Event().wait(0.3)  # until they stand in the queue; should one not, it is written alone and the sums below differ
        slow.go.set()
        return [done.result(PATIENCE_SECONDS) for done in (first, *others)]


def test_pushes_that_come_while_one_is_written_share_the_next_write(slow: SlowJournal) -> None:
    journal = RowJournal("sales", slow, pushes=NoPushes())
    found = put_all(journal, slow, pushes=[pushed(number) for number in range(8)])
    assert sorted(found, key=str) == [(position, False) for position in range(1, 9)]
    assert slow.writes[0] == 1
    assert sum(slow.writes) == 8
    assert len(slow.writes) < 8
    assert sorted(kept.accepted for _, kept in journal.read()) == list(range(8))


def test_a_key_that_is_on_its_way_is_waited_for(slow: SlowJournal) -> None:
    journal = RowJournal("sales", slow, pushes=NoPushes())
    found = put_all(journal, slow, pushes=[pushed(1, key="k"), pushed(1, key="k"), pushed(2, key="k"), pushed(1, key="k")])
    assert found == [(1, False), (1, True), PushConflictError, (1, True)]
    assert journal.pending == 1


def test_a_write_that_fails_is_told_to_all_who_shared_it_and_keeps_no_key(slow: SlowJournal) -> None:
    journal = RowJournal("sales", slow, pushes=NoPushes())
    slow.full_above = 0
    found = put_all(journal, slow, pushes=[pushed(number, key=f"k{number}") for number in range(4)])
    assert found == [JournalFullError] * 4
    assert journal.pending == 0
    slow.full_above = None
    assert [journal.put(pushed(number, key=f"k{number}"))[1:] for number in range(4)] == [(position, False) for position in range(1, 5)]


def test_what_fits_alone_is_kept_though_all_together_do_not_fit(slow: SlowJournal) -> None:
    journal = RowJournal("sales", slow, pushes=NoPushes())
    slow.full_above = 1
    found = put_all(journal, slow, pushes=[pushed(number) for number in range(5)])
    assert sorted(found, key=str) == [(position, False) for position in range(1, 6)]


def test_offsets_of_the_last_messages_are_known_until_they_are_recorded(tmp_path: Path) -> None:
    journal = RowJournal("sales", LocalJournal.write(tmp_path / "rows"), pushes=NoPushes())
    dead = (Dead(offset="3", reason="none", content=b"\xff"),)
    journal.put(Pushed(at=NOW, key=None, digest="a", accepted=2, stream="s", offsets=("1", "2"), dead=dead))
    journal.put(Pushed(at=NOW, key=None, digest="b", accepted=1))
    journal.close()
    journal = RowJournal("sales", LocalJournal.write(tmp_path / "rows"), pushes=NoPushes())
    assert journal.find_offsets("s") == frozenset({"1", "2", "3"})
    assert journal.find_offsets("t") is None
    journal.settle(2)
    assert journal.find_offsets("s") is None
    journal.close()
