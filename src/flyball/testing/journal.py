"""The laws of `Journal`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from flyball.core.errors import HeldError
from flyball.storage.errors import JournalFullError, JournalPositionError
from flyball.storage.journal import Journal
from flyball.testing.suite import Suite

_PAYLOADS = (b"", b"a", b"\x00" * 40, b"\xff\r\n", b"flyball" * 100_000)


class JournalSuite(Suite):
    """What was appended is read by every reader, in order, until it is acknowledged."""

    @abstractmethod
    def write(self, place: Path, limit_bytes: int | None = None) -> AbstractContextManager[Journal]:
        """The writer of the journal at `place`, which is deleted in pieces of at most 1,000 bytes."""

    @abstractmethod
    def read(self, place: Path) -> AbstractContextManager[Journal]:
        """A reader of the journal at `place`, as another process would have it."""

    @contextmanager
    def both(self, place: Path) -> Iterator[tuple[Journal, Journal]]:
        """The writer and a reader."""
        with self.write(place) as writer, self.read(place) as reader:
            yield writer, reader

    def payloads(self, journal: Journal, position: int = 0, *, limit: int = 1000) -> list[bytes]:
        """What follows `position`; the positions grow one by one where nothing was deleted."""
        return [entry.payload for entry in journal.read_after(position, limit)]

    def test_a_journal_that_is_not_there_yet_is_empty(self, tmp_path: Path) -> None:
        with self.read(tmp_path / "new") as reader:
            assert (reader.last, reader.acknowledged, reader.read_after(0)) == (0, 0, [])
            with self.write(tmp_path / "new") as writer:
                assert (writer.last, writer.acknowledged, writer.read_after(0)) == (0, 0, [])
                writer.append(b"first")
            assert self.payloads(reader) == [b"first"]

    def test_what_was_appended_is_what_is_read_in_order(self, tmp_path: Path) -> None:
        with self.both(tmp_path) as (writer, reader):
            assert [writer.append(payload) for payload in _PAYLOADS] == [1, 2, 3, 4, 5]
            for journal in (writer, reader):
                entries = journal.read_after(0)
                assert [(entry.position, entry.payload) for entry in entries] == list(enumerate(_PAYLOADS, 1))
                assert journal.last == 5

    def test_a_journal_says_how_full_it_is(self, tmp_path: Path) -> None:
        with self.write(tmp_path, 4_000) as writer, self.read(tmp_path) as reader:
            assert (writer.filled(), reader.filled()) == (0.0, 0.0)
            for _ in range(20):
                writer.append(b"x" * 100)
            assert 0.4 < writer.filled() < 0.8
            reader.acknowledge(20)
            assert writer.filled() < 0.1

    def test_writer_and_reader_may_have_all_put_on_the_disk_at_any_time(self, tmp_path: Path) -> None:
        with self.both(tmp_path) as (writer, reader):
            reader.sync()
            for number in range(60):
                writer.append(b"%d" % number * 40)
                (writer, reader)[number % 2].sync()
            reader.acknowledge(50)
            reader.sync()
            assert reader.last == 60

    def test_several_at_once_have_positions_of_their_own(self, tmp_path: Path) -> None:
        with self.both(tmp_path) as (writer, reader):
            assert writer.append(*_PAYLOADS) == 5
            assert writer.append() == 5
            assert writer.append(b"x", b"y") == 7
            assert self.payloads(reader) == [*_PAYLOADS, b"x", b"y"]

    def test_a_reader_goes_on_anywhere_with_any_limit(self, tmp_path: Path) -> None:
        with self.both(tmp_path) as (writer, reader):
            for number in range(0, 90, 3):
                writer.append(*(b"%d" % each for each in range(number, number + 3)))
            for start in (0, 1, 2, 40, 88, 89, 90, 200):
                for limit in (0, 1, 2, 3, 4, 50, 1000):
                    assert self.payloads(reader, start, limit=limit) == [b"%d" % each for each in range(90)][start : start + limit]

    def test_readers_at_several_positions_do_not_disturb_each_other(self, tmp_path: Path) -> None:
        with self.both(tmp_path) as (writer, reader):
            reached = [0, 0, 0]
            for number in range(60):
                writer.append(b"%d" % number, b"%d!" % number)
                for which in range(3):
                    for entry in reader.read_after(reached[which], limit=which + 1):
                        assert entry.position == reached[which] + 1
                        reached[which] = entry.position
            assert reached == [60, 120, 120]

    def test_a_reader_sees_what_came_since(self, tmp_path: Path) -> None:
        with self.both(tmp_path) as (writer, reader):
            for number in range(1, 200):
                assert self.payloads(reader, number - 1) == []
                writer.append(b"x" * number)
                assert self.payloads(reader, number - 1) == [b"x" * number]
                assert reader.last == number

    def test_the_next_writer_goes_on(self, tmp_path: Path) -> None:
        for number in range(1, 6):
            with self.write(tmp_path) as writer:
                assert writer.last == number - 1
                assert writer.append(b"%d" % number) == number
        with self.read(tmp_path) as reader:
            assert self.payloads(reader) == [b"1", b"2", b"3", b"4", b"5"]

    def test_there_is_one_writer(self, tmp_path: Path) -> None:
        with self.write(tmp_path) as writer:
            with pytest.raises(HeldError, match="journal"), self.write(tmp_path):
                pass
            assert writer.append(b"mine") == 1
        with self.write(tmp_path) as writer:
            assert writer.append(b"next") == 2

    def test_what_is_not_acknowledged_stays(self, tmp_path: Path) -> None:
        with self.both(tmp_path) as (writer, reader):
            for number in range(1, 101):
                writer.append(b"%d" % number * 30)
                if number % 10 == 0:
                    reader.acknowledge(number - 5)
                    assert [entry.position for entry in reader.read_after(number - 5)] == list(range(number - 4, number + 1))
            assert reader.acknowledged == writer.acknowledged == 95

    def test_what_is_acknowledged_is_deleted_in_the_end(self, tmp_path: Path) -> None:
        with self.both(tmp_path) as (writer, reader):
            for _ in range(50):
                writer.append(b"x" * 100)
            reader.acknowledge(50)
            kept = reader.read_after(0)
            assert len(kept) <= 10
            assert [entry.position for entry in kept] == list(range(51 - len(kept), 51))

    def test_positions_survive_the_deletion_of_everything(self, tmp_path: Path) -> None:
        for number in range(1, 6):
            with self.write(tmp_path) as writer:
                assert writer.append(b"x" * 2000) == number
            with self.read(tmp_path) as reader:
                reader.acknowledge(number)
                assert (reader.acknowledged, reader.last) == (number, number)
                assert reader.read_after(number) == []

    def test_acknowledging_less_changes_nothing_and_more_than_there_is_is_refused(self, tmp_path: Path) -> None:
        with self.both(tmp_path) as (writer, reader):
            writer.append(b"1", b"2", b"3")
            reader.acknowledge(2)
            reader.acknowledge(1)
            reader.acknowledge(0)
            with pytest.raises(JournalPositionError, match="4"):
                reader.acknowledge(4)
            assert (reader.acknowledged, self.payloads(reader, 2)) == (2, [b"3"])

    def test_a_full_journal_takes_nothing_until_it_is_acknowledged(self, tmp_path: Path) -> None:
        with self.write(tmp_path, limit_bytes=4000) as writer, self.read(tmp_path) as reader:
            appended = _fill(writer)
            assert 20 <= appended < 40
            assert len(reader.read_after(0)) == writer.last == appended
            reader.acknowledge(appended // 2)
            more = _fill(writer)
            assert appended // 2 - 5 <= more <= appended // 2 + 1
            reader.acknowledge(appended + more)
            assert _fill(writer) == appended
            assert [entry.position for entry in reader.read_after(appended + more)] == list(range(appended + more + 1, writer.last + 1))

    def test_the_limit_holds_for_the_next_writer(self, tmp_path: Path) -> None:
        with self.write(tmp_path, limit_bytes=4000) as writer:
            _fill(writer)
        with self.write(tmp_path, limit_bytes=4000) as writer:
            assert _fill(writer) == 0
            writer.acknowledge(writer.last)
            assert _fill(writer) > 0

    def test_threads_append_each_at_a_place_of_its_own(self, tmp_path: Path) -> None:
        with self.both(tmp_path) as (writer, reader), ThreadPoolExecutor(8) as pool:
            positions = list(pool.map(lambda number: writer.append(b"%d" % number), range(400)))
            assert sorted(positions) == list(range(1, 401))
            found = {entry.position: entry.payload for entry in reader.read_after(0)}
            assert found == {position: b"%d" % number for number, position in enumerate(positions)}


def _fill(writer: Journal) -> int:
    for number in range(1000):
        before = writer.last
        try:
            writer.append(b"x" * 100)
        except JournalFullError:
            assert writer.last == before
            return number
    raise AssertionError("the journal has no limit")
