"""The laws of `TableStore` about what keeps tables quick and small, and about what is erased from them."""

from __future__ import annotations

from abc import abstractmethod
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from flyball.storage.errors import TableNameError, TableNotFoundError, TableSchemaError
from flyball.storage.tableerrors import TableErasedError, TableKeepError, TableVersionGoneError
from flyball.storage.tables import TableStore
from flyball.testing.suite import Suite

_ROWS = pl.DataFrame({"number": [1, 2], "text": ["x", None]})


class TableCareSuite(Suite):
    """Merging changes no row, erasing leaves none of what it names, and neither loses what others append meanwhile."""

    @abstractmethod
    def open(self, place: Path) -> AbstractContextManager[TableStore]:
        """A handle on the tables at `place`, as another process would have it, that may keep what was replaced for no time at all."""

    def count(self, store: TableStore, table: str = "t") -> int:
        """How many rows the table has."""
        return store.read(table).collect().height

    def numbered(self, store: TableStore, count: int, *, table: str = "t") -> None:
        """So many commits of two rows each: numbers count up, each with its text."""
        for number in range(count):
            rows = pl.DataFrame({"number": [2 * number, 2 * number + 1], "text": [f"t{2 * number}", f"t{2 * number + 1}"]})
            store.append_next(table, rows, stream="s", position=number + 1)

    def test_the_files_hold_the_rows(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            self.numbered(store, 3)
            assert (len(store.files("t")), len(store.files("t", version=0))) == (3, 1)
            found = store.statistics("t")
            assert (found.version, found.files, found.rows, found.replaced_files) == (2, 3, 6, 0)
            assert found.size_bytes > 0
            for ask in (store.files, store.statistics, store.compact, store.vacuum):
                with pytest.raises(TableNotFoundError):
                    ask("other")
                with pytest.raises(TableNameError):
                    ask("../t")

    def test_merged_files_hold_the_same_rows_in_order(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store, self.open(tmp_path) as other:
            self.numbered(store, 20)
            reading = other.read("t")
            assert store.compact("t", order="number") == 20
            assert store.compact("t") == 0
            assert (store.statistics("t").files, store.statistics("t").replaced_files, store.statistics("t").rows) == (1, 20, 40)
            assert other.read("t").collect()["number"].to_list() == list(range(40))
            assert sorted(reading.collect()["number"]) == list(range(40)), "who read before reads on"
            assert sorted(other.read("t", version=4).collect()["number"]) == list(range(10))
            store.append_next("t", _ROWS, stream="s", position=21)
            assert (other.position("t", "s"), self.count(other)) == (21, 42)

    def test_of_few_files_none_is_merged(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            self.numbered(store, 3)
            assert (store.compact("t"), store.latest("t")) == (0, 2)

    def test_what_was_replaced_is_kept_for_a_while(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            self.numbered(store, 20)
            store.compact("t")
            assert store.vacuum("t", keep=timedelta(hours=1)).files == 0
            assert store.read("t", version=3).collect().height == 8
            for keep in (timedelta(seconds=-1), timedelta(days=8)):
                with pytest.raises(TableKeepError):
                    store.vacuum("t", keep=keep)

    def test_a_version_past_what_is_kept_is_gone_and_the_rows_are_not(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            self.numbered(store, 20)
            store.compact("t", order="number")
            assert store.vacuum("t", keep=timedelta(0)).files == 20
            with self.open(tmp_path) as other:
                with pytest.raises(TableVersionGoneError, match="Version 3 of table 't'"):
                    other.read("t", version=3)
                assert other.read("t").collect()["number"].to_list() == list(range(40))
                assert other.find_commit("t", "a") is None
                assert store.append("t", _ROWS, job="a") == 21

    def test_rows_are_erased_by_their_keys(self, tmp_path: Path) -> None:
        keys = pl.DataFrame({"number": [3, 4, 99]})
        with self.open(tmp_path) as store, self.open(tmp_path) as other:
            self.numbered(store, 5)
            found = store.rewrite("t", keys, job="erasure-1")
            assert (found.rows, len(found.files), found.deleted_files, found.left_files, found.version) == (2, 2, 2, 0, 5)
            assert sorted(other.read("t").collect()["number"]) == [0, 1, 2, 5, 6, 7, 8, 9]
            assert other.statistics("t").rows == 8
            assert (other.position("t", "s"), other.append_next("t", _ROWS, stream="s", position=6)) == (5, 6)

    def test_a_version_that_held_what_was_erased_says_so(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            self.numbered(store, 3)
            store.rewrite("t", pl.col("text") == "t2", job="e")
            for version in (1, 2):
                with pytest.raises(TableErasedError, match=rf"Version {version} of table 't' held rows that were erased"):
                    store.read("t", version=version)
                with pytest.raises(TableErasedError):
                    store.files("t", version=version)
            assert store.read("t", version=0).collect().height == 2, "what never held them is as it was"

    def test_what_was_merged_before_is_erased_too(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            self.numbered(store, 20)
            store.compact("t")
            found = store.rewrite("t", pl.DataFrame({"text": ["t7"]}), job="e")
            assert (found.rows, len(found.files), found.deleted_files) == (1, 1, 21)
            assert sorted(store.read("t").collect()["number"]) == [number for number in range(40) if number != 7]

    def test_an_erasure_again_tells_the_same(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            self.numbered(store, 3)
            first = store.rewrite("t", pl.col("number") < 2, job="e")
            again = store.rewrite("t", pl.col("number") < 2, job="e")
            assert (again.version, again.rows, again.files, again.deleted_files) == (first.version, first.rows, first.files, 0)
            nothing = store.rewrite("t", pl.col("number") > 1000, job="f")
            assert (nothing.rows, nothing.files, self.count(store)) == (0, (), 4)

    def test_all_rows_may_go_and_the_table_stays(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            store.append("t", _ROWS, job="a")
            store.rewrite("t", pl.lit(value=True), job="e")
            assert_frame_equal(store.read("t").collect(), _ROWS.clear())
            assert store.append("t", _ROWS, job="a") == 0, "a job that was done stays done"
            assert store.append("t", _ROWS, job="b") == 2

    def test_keys_that_may_be_null_are_compared_as_values(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            store.append("t", _ROWS, job="a")
            assert store.rewrite("t", pl.DataFrame({"text": pl.Series([None], dtype=pl.String)}), job="e").rows == 1
            assert store.rewrite("t", pl.col("text") == "y", job="f").rows == 0, "what is not known to hold does not hold"
            assert store.read("t").collect()["number"].to_list() == [1]

    def test_keys_that_do_not_fit_erase_nothing(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            store.append("t", _ROWS, job="a")
            for drop in (pl.DataFrame({"odd": [1]}), pl.DataFrame({"number": ["1"]}), pl.DataFrame(), pl.col("odd") == 1):
                with pytest.raises(TableSchemaError):
                    store.rewrite("t", drop, job="e")
            with pytest.raises(TableNotFoundError):
                store.rewrite("other", pl.col("number") == 1, job="e")
            assert (store.latest("t"), self.count(store)) == (0, 2)

    def test_a_deleted_table_is_gone_and_may_be_made_anew(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store, self.open(tmp_path) as other:
            self.numbered(store, 18)
            store.compact("t")
            store.append("u", _ROWS, job="a")
            other.read("t")
            store.delete("t")
            store.delete("t")
            assert (store.list(), store.latest("t"), other.latest("t"), other.position("t", "s")) == (["u"], None, None, 0)
            assert other.append_next("t", _ROWS, stream="s", position=1) == 0
            assert self.count(store) == 2
            with pytest.raises(TableNameError):
                store.delete("../u")

    def test_names_at_which_readers_fail_are_refused(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            for name in ("a\x00b", "", "a\nb"):
                with pytest.raises(TableSchemaError, match="rename it"):
                    store.append("t", pl.DataFrame({name: [1]}), job="a")
            assert store.list() == []

    def test_appends_merges_and_erasures_at_once_lose_nothing(self, tmp_path: Path) -> None:
        def write(writer: int) -> None:
            with self.open(tmp_path) as own:
                for number in range(20):
                    own.append_next("t", pl.DataFrame({"writer": [writer], "number": [number]}), stream=str(writer), position=number + 1)

        def care(_: int) -> None:
            with self.open(tmp_path) as own:
                for _round in range(6):
                    own.compact("t", order="number")

        def erase(number: int) -> int:
            with self.open(tmp_path) as own:
                return own.rewrite("t", pl.col("number") == number, job=f"e{number}").rows

        with self.open(tmp_path) as store:
            store.append("t", pl.DataFrame({"writer": [9, 9, 9], "number": [100, 101, 102]}), job="first")
            with ThreadPoolExecutor(6) as pool:
                tasks = [pool.submit(write, writer) for writer in (0, 1)] + [pool.submit(care, number) for number in (0, 1)]
                erased = [pool.submit(erase, number) for number in (100, 102)]
                for task in tasks:
                    task.result()
                assert [task.result() for task in erased] == [1, 1]
            found = store.read("t").collect().sort("writer", "number")
            wanted = [(writer, number) for writer in (0, 1) for number in range(20)] + [(9, 101)]
            assert found.rows() == wanted
