"""The laws of `OnlineStore`."""

from __future__ import annotations

from abc import abstractmethod
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

from flyball.features.online import OnlineStore, Revision, TableChanges, TableWrite
from flyball.testing.suite import Suite

_START = Revision()
_BYTES = b"\x00\xff\n\xc3"


class OnlineStoreSuite(Suite):
    """One value per table and entity; what was written after a revision is told to whoever asks with it, and nothing is told twice."""

    @abstractmethod
    def write(self, place: Path) -> AbstractContextManager[OnlineStore]:
        """The one writer's handle on the store at `place`."""

    @abstractmethod
    def read(self, place: Path) -> AbstractContextManager[OnlineStore]:
        """A handle on the store at `place`, as a reader in another process has it; the store is there."""

    def test_a_new_store_has_no_table(self, tmp_path: Path) -> None:
        with self.write(tmp_path), self.read(tmp_path) as reader:
            assert reader.list() == []
            assert reader.changes_after(_START, ["sky"]).tables == {}

    def test_what_was_set_is_read_as_it_was(self, tmp_path: Path) -> None:
        with self.write(tmp_path) as store, self.read(tmp_path) as reader:
            store.set({"sky": TableWrite({b"": _BYTES, _BYTES: b""}), "pace": TableWrite({b"a": b"1"}, closed=2**60)})
            found = reader.changes_after(_START, ["sky", "pace", "none"])
            assert found.tables == {
                "sky": TableChanges({b"": _BYTES, _BYTES: b""}, None, fresh=True),
                "pace": TableChanges({b"a": b"1"}, 2**60, fresh=True),
            }
            assert reader.list() == ["pace", "sky"]

    def test_a_table_without_values_is_there(self, tmp_path: Path) -> None:
        with self.write(tmp_path) as store, self.read(tmp_path) as reader:
            store.set({"sky": TableWrite()})
            assert reader.changes_after(_START, ["sky"]).tables == {"sky": TableChanges({}, None, fresh=True)}

    def test_only_what_changed_is_told(self, tmp_path: Path) -> None:
        with self.write(tmp_path) as store, self.read(tmp_path) as reader:
            store.set({"sky": TableWrite({b"a": b"1", b"b": b"1"}, closed=5)})
            first = reader.changes_after(_START, ["sky"]).revision
            assert reader.changes_after(first, ["sky"]).tables == {"sky": TableChanges({}, 5, fresh=False)}
            store.set({"sky": TableWrite({b"b": b"2", b"c": b"2"})})
            store.set({"sky": TableWrite({b"c": b"3"}, closed=6)})
            found = reader.changes_after(first, ["sky"])
            assert found.tables == {"sky": TableChanges({b"b": b"2", b"c": b"3"}, 6, fresh=False)}
            assert found.revision.number > first.number
            assert reader.changes_after(found.revision, ["sky"]).tables["sky"].values == {}

    def test_a_revision_tells_how_far_a_write_is(self, tmp_path: Path) -> None:
        with self.write(tmp_path) as store, self.read(tmp_path) as reader:
            first, second = store.set({"sky": TableWrite({b"a": b"1"})}), store.set({"sky": TableWrite({b"a": b"2"})})
            assert first.store == second.store
            assert first.number < second.number
            assert reader.changes_after(first, ["sky"]).revision == second

    def test_what_is_gone_is_told_as_none(self, tmp_path: Path) -> None:
        with self.write(tmp_path) as store, self.read(tmp_path) as reader:
            store.set({"sky": TableWrite({b"a": b"1", b"b": b"1"})})
            first = reader.changes_after(_START, ["sky"]).revision
            store.set({"sky": TableWrite({b"a": None})})
            assert reader.changes_after(first, ["sky"]).tables["sky"].values == {b"a": None}
            store.set({"sky": TableWrite({b"a": b"3"})})
            assert reader.changes_after(first, ["sky"]).tables["sky"].values == {b"a": b"3"}

    def test_tables_do_not_share_entities(self, tmp_path: Path) -> None:
        with self.write(tmp_path) as store, self.read(tmp_path) as reader:
            store.set({"sky": TableWrite({b"a": b"1"}), "pace": TableWrite({b"a": b"2"})})
            store.set({"pace": TableWrite({b"a": None})})
            assert reader.changes_after(_START, ["sky"]).tables["sky"].values == {b"a": b"1"}

    def test_a_store_is_as_far_as_its_last_write(self, tmp_path: Path) -> None:
        with self.write(tmp_path) as store:
            assert store.revision().number == 0
            for value in (b"1", b"2"):
                last = store.set({"sky": TableWrite({b"a": value})})
                with self.read(tmp_path) as reader:
                    assert store.revision() == reader.revision() == last

    def test_the_version_moves_with_every_write_and_not_by_itself(self, tmp_path: Path) -> None:
        with self.write(tmp_path) as store, self.read(tmp_path) as reader:
            store.set({"sky": TableWrite({b"a": b"1"})})
            before = reader.version(), store.version()
            assert (reader.version(), store.version()) == before
            store.set({"sky": TableWrite({b"a": b"2"})})
            after = reader.version(), store.version()
            assert after[0] != before[0]
            assert after[1] != before[1]

    def test_tables_that_are_not_kept_are_gone_and_come_back_fresh(self, tmp_path: Path) -> None:
        with self.write(tmp_path) as store, self.read(tmp_path) as reader:
            store.set({"sky": TableWrite({b"a": b"1", b"b": b"1"}), "pace": TableWrite({b"a": b"1"}, closed=7)})
            first = reader.changes_after(_START, ["sky", "pace"]).revision
            store.keep(["sky", "none"])
            assert reader.list() == ["sky"]
            assert reader.changes_after(first, ["sky", "pace"]).tables == {"sky": TableChanges({}, None, fresh=False)}
            store.set({"pace": TableWrite({b"b": b"2"})})
            assert reader.changes_after(first, ["pace"]).tables == {"pace": TableChanges({b"b": b"2"}, None, fresh=True)}

    def test_a_store_opened_again_is_the_same(self, tmp_path: Path) -> None:
        with self.write(tmp_path) as store:
            first = store.set({"sky": TableWrite({b"a": b"1"})})
        with self.write(tmp_path) as store, self.read(tmp_path) as reader:
            assert reader.changes_after(_START, ["sky"]).revision == first
            assert store.set({"sky": TableWrite({b"b": b"2"})}).store == first.store
            assert reader.changes_after(first, ["sky"]).tables["sky"].values == {b"b": b"2"}

    def test_a_revision_of_another_store_is_no_revision(self, tmp_path: Path) -> None:
        with self.write(tmp_path) as store, self.read(tmp_path) as reader:
            store.set({"sky": TableWrite({b"a": b"1"})})
            foreign = Revision("of another store", 2**40)
            assert reader.changes_after(foreign, ["sky"]).tables == {"sky": TableChanges({b"a": b"1"}, None, fresh=True)}

    def test_readers_see_writes_whole(self, tmp_path: Path) -> None:
        entities = [f"{number}".encode() for number in range(50)]
        with self.write(tmp_path) as store, ThreadPoolExecutor(3) as pool:

            def look(_: int) -> set[bytes | None]:
                seen: set[bytes | None] = set()
                with self.read(tmp_path) as reader:
                    for _ in range(30):
                        tables = reader.changes_after(_START, ["sky", "pace"]).tables
                        values = {value for table in tables.values() for value in table.values.values()}
                        assert len(values) <= 1
                        seen |= values
                return seen

            looking = [pool.submit(look, number) for number in range(3)]
            for number in range(60):
                write = TableWrite(dict.fromkeys(entities, f"{number}".encode()))
                store.set({"sky": write, "pace": write})
            for found in looking:
                found.result()
