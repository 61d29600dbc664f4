"""The laws of `TableStore`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from flyball.storage.errors import TableNameError, TableNotFoundError, TableSchemaError
from flyball.storage.tables import TableCommit, TableStore
from flyball.testing.suite import Suite

_ROWS = pl.DataFrame({"number": [1, 2], "text": ["x", None]})
_NO_NAMES = ("", "..", "../x", "a/b", ".hidden", "-rf", "a b", "a\n", "a\x00", "é", "x" * 129)


def _all_dtypes() -> pl.DataFrame:
    moment = datetime(2013, 1, 1, 0, 0, 0, 1, tzinfo=UTC)
    values: dict[str, tuple[list[object], Any]] = {
        "i8": ([1, None], pl.Int8),
        "i16": ([-1, None], pl.Int16), "i32": ([2**31 - 1, None], pl.Int32), "i64": ([-(2**63), None], pl.Int64),
        "f32": ([1.5, None], pl.Float32), "f64": ([float("inf"), 1e-300], pl.Float64), "yes": ([True, None], pl.Boolean),
        "text": (["é\n", None], pl.String), "bytes": ([b"\x00", None], pl.Binary), "day": ([date(1969, 7, 20), None], pl.Date),
        "time": ([moment, None], pl.Datetime("us", "UTC")), "list": ([[1, None], None], pl.List(pl.Int64)),
        "struct": ([{"a": 1, "b": "x"}, {"a": None, "b": None}], pl.Struct({"a": pl.Int64, "b": pl.String})), "a b,;=.": ([1, 2], pl.Int64),
    }  # fmt: skip
    return pl.DataFrame([pl.Series(name, items, dtype=dtype) for name, (items, dtype) in values.items()])


class TableStoreSuite(Suite):
    """A job's rows stand in a table at most once, whichever of its attempts came first."""

    @abstractmethod
    def open(self, place: Path) -> AbstractContextManager[TableStore]:
        """A handle on the tables at `place`, as another process would have it."""

    def count(self, store: TableStore, table: str = "t") -> int:
        """How many rows the table has."""
        return store.read(table).collect().height

    def test_rows_come_back_with_their_names_order_and_dtypes(self, tmp_path: Path) -> None:
        rows = _all_dtypes()
        with self.open(tmp_path) as one, self.open(tmp_path) as other:
            one.append("t", rows, job="j")
            assert_frame_equal(other.read("t").collect(), rows)

    def test_versions_count_up_from_0(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            assert store.latest("t") is None
            assert [store.append("t", _ROWS, job=f"j{number}") for number in range(3)] == [0, 1, 2]
            assert store.latest("t") == 2

    def test_a_version_never_changes(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            first = store.append("t", _ROWS, job="a")
            reading = store.read("t")
            store.append("t", _ROWS.with_columns(pl.col("number") + 10), job="b")
            assert_frame_equal(store.read("t", version=first).collect(), _ROWS)
            assert_frame_equal(reading.collect(), _ROWS)
            assert sorted(store.read("t").collect()["number"]) == [1, 2, 11, 12]

    def test_the_same_attempt_again_commits_nothing(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            version = store.append("t", _ROWS, job="a")
            store.append("t", _ROWS, job="b")
            assert store.append("t", _ROWS, job="a") == version
            assert (store.latest("t"), self.count(store)) == (1, 4)

    def test_a_lower_attempt_that_woke_up_late_commits_nothing(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            version = store.append("t", _ROWS, job="a", attempt=2)
            assert store.append("t", _ROWS, job="a", attempt=1) == version
            assert (store.find_commit("t", "a"), self.count(store)) == (TableCommit(version, 2), 2)

    def test_a_higher_attempt_finds_what_the_lower_committed(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            version = store.append("t", _ROWS, job="a", attempt=1)
            assert store.append("t", _ROWS, job="a", attempt=2) == version
            assert (store.find_commit("t", "a"), self.count(store)) == (TableCommit(version, 1), 2)

    def test_a_jobs_commit_is_found_after_many_others(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            for number in range(9):
                store.append("t", _ROWS, job=f"j{number}", attempt=number + 1)
        with self.open(tmp_path) as store:
            for number in range(9):
                assert store.find_commit("t", f"j{number}") == TableCommit(number, number + 1)
            assert store.find_commit("t", "other") is None
            assert store.find_commit("other", "j1") is None

    def test_a_job_may_commit_to_two_tables(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            for table in ("b", "a"):
                store.append(table, _ROWS, job="j")
                assert self.count(store, table) == 2
            assert store.list() == ["a", "b"]

    def test_parts_are_one_commit_in_their_order_and_once(self, tmp_path: Path) -> None:
        taken: list[int] = []

        def parts() -> Iterator[pl.DataFrame]:
            for number in range(3):
                taken.append(number)
                yield _ROWS.with_columns(pl.col("number") + 10 * number)

        with self.open(tmp_path) as store:
            assert store.append_all("t", parts(), schema=_ROWS.schema, job="a") == 0
            assert store.append_all("t", parts(), schema=_ROWS.schema, job="a") == 0
            assert store.append_all("t", [], schema=_ROWS.schema, job="b") == 1
            assert sorted(store.read("t").collect()["number"]) == [1, 2, 11, 12, 21, 22]
        assert taken == [0, 1, 2]

    def test_parts_that_fail_leave_the_table_as_it_was(self, tmp_path: Path) -> None:
        class Broken(Exception):  # noqa: N818  what breaks is not ours
            pass

        def parts() -> Iterator[pl.DataFrame]:
            yield _ROWS
            raise Broken

        with self.open(tmp_path) as store:
            with pytest.raises(Broken):
                store.append_all("t", parts(), schema=_ROWS.schema, job="a")
            assert (store.latest("t"), store.list()) == (None, [])
            store.append("t", _ROWS, job="b")
            with pytest.raises(Broken):
                store.append_all("t", parts(), schema=_ROWS.schema, job="a")
            with pytest.raises(TableSchemaError, match="text"):
                store.append_all("t", [_ROWS, _ROWS.drop("text")], schema=_ROWS.schema, job="a")
            assert (store.latest("t"), self.count(store), store.find_commit("t", "a")) == (0, 2, None)

    def test_no_rows_are_a_commit_too(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            assert store.append("t", _ROWS.clear(), job="a") == 0
            assert store.append("t", _ROWS.clear(), job="b") == 1
            assert store.find_commit("t", "b") == TableCommit(1, 1)
            assert_frame_equal(store.read("t").collect(), _ROWS.clear())

    def test_what_is_not_there_is_said(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            assert store.list() == []
            with pytest.raises(TableNotFoundError, match="t"):
                store.read("t")
            store.append("t", _ROWS, job="a")
            for version in (1, -1):
                with pytest.raises(TableNotFoundError, match="versions: 0 to 0"):
                    store.read("t", version=version)

    def test_rows_that_do_not_fit_are_refused_whole(self, tmp_path: Path) -> None:
        unfit = {
            "extra": _ROWS.with_columns(extra=1),
            "text": _ROWS.drop("text"),
            "number": _ROWS.with_columns(number=pl.lit(0.5)),
        }
        with self.open(tmp_path) as store:
            store.append("t", _ROWS, job="a")
            for name, rows in unfit.items():
                with pytest.raises(TableSchemaError, match=name):
                    store.append("t", rows, job="b")
            assert (store.latest("t"), store.find_commit("t", "b")) == (0, None)

    def test_dtypes_that_would_change_are_refused(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            for dtype in (
                pl.UInt8,
                pl.UInt64,
                pl.Categorical,
                pl.Duration,
                pl.Time,
                pl.Null,
                pl.Datetime("ms", "UTC"),
                pl.Datetime("us", "Asia/Tokyo"),
            ):
                with pytest.raises(TableSchemaError, match="odd"):
                    store.append("t", pl.DataFrame({"odd": pl.Series([None], dtype=dtype)}), job="a")
            assert store.list() == []

    def test_columns_in_another_order_fit(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            store.append("t", _ROWS, job="a")
            store.append("t", _ROWS.select("text", "number"), job="b")
            assert_frame_equal(store.read("t").collect(), pl.concat([_ROWS, _ROWS]))

    def test_what_is_no_name_never_becomes_a_path(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            for name in _NO_NAMES:
                with pytest.raises(TableNameError):
                    store.append(name, _ROWS, job="a")
                for ask in (store.read, store.latest):
                    with pytest.raises(TableNameError):
                        ask(name)

    def test_of_many_appends_at_once_each_job_stands_once(self, tmp_path: Path) -> None:
        def append(job: str) -> int:
            with self.open(tmp_path) as own:
                return own.append("t", _ROWS, job=job)

        with ThreadPoolExecutor(4) as pool, self.open(tmp_path) as store:
            versions = list(pool.map(append, ["same", "a", "same", "b", "same", "c"]))
            assert len({versions[0], versions[2], versions[4]}) == 1
            assert (store.latest("t"), self.count(store)) == (3, 8)

    def test_a_stream_goes_on_from_where_it_is(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            assert store.position("t", "s") == 0
            assert store.append_next("t", _ROWS, stream="s", position=1) == 0
            assert store.append_next("t", _ROWS, stream="s", position=7) == 1
            assert (store.position("t", "s"), store.position("t", "other"), store.position("other", "s")) == (7, 0, 0)
        with self.open(tmp_path) as store:
            assert store.position("t", "s") == 7
            assert store.append_next("t", _ROWS, stream="s", position=8) == 2
            assert self.count(store) == 6

    def test_what_a_stream_has_passed_commits_nothing(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            store.append_next("t", _ROWS, stream="s", position=5)
            latest = store.append("t", _ROWS, job="a")
            for position in (5, 4, 1):
                assert store.append_next("t", _ROWS, stream="s", position=position) == latest
            assert (store.latest("t"), self.count(store), store.position("t", "s")) == (latest, 4, 5)

    def test_streams_and_jobs_of_one_name_are_strangers(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            store.append("t", _ROWS, job="a", attempt=9)
            store.append_next("t", _ROWS, stream="a", position=1)
            store.append_next("t", _ROWS, stream="b", position=1)
            assert (store.position("t", "a"), store.find_commit("t", "a"), self.count(store)) == (1, TableCommit(0, 9), 6)

    def test_of_many_writers_at_one_position_one_commits(self, tmp_path: Path) -> None:
        def append(position: int) -> int:
            with self.open(tmp_path) as own:
                return own.append_next("t", _ROWS, stream="s", position=position)

        with ThreadPoolExecutor(4) as pool, self.open(tmp_path) as store:
            append(1)
            list(pool.map(append, [2, 2, 2, 2]))
            assert (self.count(store), store.position("t", "s")) == (4, 2)

    def test_rows_of_a_stream_that_do_not_fit_leave_it_where_it_is(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            store.append_next("t", _ROWS, stream="s", position=1)
            with pytest.raises(TableSchemaError, match="text"):
                store.append_next("t", _ROWS.drop("text"), stream="s", position=2)
            assert (store.position("t", "s"), self.count(store)) == (1, 2)
