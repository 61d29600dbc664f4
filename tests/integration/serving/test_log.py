"""A journalled row is read exactly once: while it is new, while it is shipped, and afterwards."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import polars as pl
import pytest

from flyball.serving import stream as stream_module
from flyball.serving.answers import frame_of
from flyball.serving.columns import to_columns, type_names
from flyball.serving.log import PredictionLog, Told
from flyball.serving.record import HOLE, Answered, Lost, encode
from flyball.serving.stream import SHIPPED_BEFORE, position_name
from flyball.serving.volume import VersionVolume
from flyball.serving.waiting import UNREADABLE
from flyball.storage._localjournal import LocalJournal
from flyball.storage._sqlstore import SqlPositions
from flyball.storage.errors import DiskFullError, JournalCorruptError
from flyball.storage.journal import Entry

START = datetime(2013, 12, 1, tzinfo=UTC)
Make = Callable[..., Answered]


def names(numbers: range) -> list[str]:
    return [f"prd-{number:06}" for number in numbers]


def minutes(number: int) -> datetime:
    return START + timedelta(minutes=number)


def test_rows_are_read_once_whether_new_shipped_or_of_an_earlier_process(home: Any, answered: Make) -> None:
    home.write(answered(range(3)))
    assert home.ids() == []
    assert home.log.drain() == 3
    assert home.ids() == names(range(3))
    assert home.log.ship() == 3
    assert (home.ids(), home.log.pending, home.journal.acknowledged) == (names(range(3)), 0, 1)
    home.write(answered(range(3, 5)))
    again = home.again()
    assert again.drain() == 2
    assert home.ids(again) == names(range(5))
    assert (again.ship(), again.ship()) == (2, 0)
    assert home.ids(again) == home.ids(home.again()) == names(range(5))


def test_what_was_written_comes_back_with_its_types_from_memory_and_from_a_table(home: Any, answered: Make) -> None:
    home.write(answered(range(8)))
    home.log.drain()
    fresh = home.log.read("late", START, end=minutes(1))
    home.log.ship()
    assert home.log.read("late", START, end=minutes(1)).equals(fresh, null_equal=True)
    assert fresh.schema["feature.calendar.hour"] == pl.Int8
    row = fresh.row(7, named=True)
    assert row["request.departs_at"] == START + timedelta(hours=1)
    assert (row["value_time.sky"], row["feature.sky.temp"]) == (START, 7.0)
    assert (row["score"], row["prediction"], row["key"], row["version"], row["error"]) == (0.7, 1.0, "flight-7", 1, None)
    assert fresh["prediction"].to_list() == [0, 0, 0, 0, 0, 1, 1, 1]


def test_a_window_is_from_its_start_to_before_its_end(home: Any, answered: Make) -> None:
    home.write(*(answered(range(number, number + 1)) for number in (5, 3, 4)))
    home.log.drain()
    for _ in range(2):
        assert home.log.read("late", minutes(3), end=minutes(5))["id"].to_list() == names(range(3, 5))
        assert home.log.read("late", minutes(6), end=minutes(9)).height == 0
        assert home.log.read("other", minutes(3), end=minutes(5)).columns[:2] == ["time", "id"]
        home.log.ship()


def test_equal_times_are_in_the_order_of_key_and_id(home: Any, answered: Make) -> None:
    home.write(answered(range(3), keys=["b", "a", "a"], ids=["3", "2", "1"], minute=0))
    home.log.drain()
    assert home.ids() == ["1", "2", "3"]


def test_versions_with_other_features_stand_side_by_side(home: Any, answered: Make) -> None:
    other = pl.DataFrame({"sky.temp": ["cold"], "wind.speed": [2]})
    canary = answered(range(1, 2), version=2, route="canary", features=to_columns(other), feature_types=type_names(other.schema))
    home.write(answered(range(1)), canary)
    home.log.drain()
    for _ in range(2):
        found = home.log.read("late", START, end=minutes(9))
        assert found["feature.sky.temp"].to_list() == ["0.0", "cold"]
        assert found["feature.wind.speed"].to_list() == [None, 2]
        assert found["feature.calendar.hour"].to_list() == [7, None]
        home.log.ship()
    assert len(home.tables.list()) == 2


def test_columns_that_differ_in_case_only_or_hold_odd_letters_are_kept_apart(home: Any, answered: Make) -> None:
    odd = pl.DataFrame({"A": [1], "a": [2], "a b": [3], "50%": [4], "null\0": [5], "é": [6], "É": [7]})
    home.write(answered(range(1), request=to_columns(odd), request_types=type_names(odd.schema)))
    home.log.ship()
    row = home.log.read("late", START, end=minutes(9)).row(0, named=True)
    assert {name: row[f"request.{name}"] for name in odd.columns} == odd.row(0, named=True)


def test_a_failed_row_keeps_its_error_and_who_stood_in(home: Any, answered: Make) -> None:
    failed = answered(range(2), version=2, route="canary", scores=[None, None], error="it raised", answered_by=1)
    home.write(failed, answered(range(2), route="fallback"))
    home.log.drain()
    found = home.log.read("late", START, end=minutes(9))
    assert found.select("id", "version", "error", "answered_by", "prediction").rows() == [
        ("prd-000000", 2, "it raised", 1, None), ("prd-000000", 1, None, None, 0.0),
        ("prd-000001", 2, "it raised", 1, None), ("prd-000001", 1, None, None, 0.0),
    ]  # fmt: skip


def test_a_prediction_is_found_by_its_id_new_or_shipped(home: Any, answered: Make) -> None:
    home.write(answered(range(2), version=2, error="slow", answered_by=1, scores=[None, None]), answered(range(2), route="fallback"))
    home.write(answered(range(2, 4), endpoint="other"))
    home.log.drain()
    for _ in range(2):
        found = home.log.find("prd-000001")
        assert found is not None
        assert (found["endpoint"], found["version"], found["route"], found["score"]) == ("late", 1, "fallback", 0.1)
        assert found["failures"] == [{"version": 2, "error": "slow"}]
        assert found["request"] == {"origin": "JFK", "departs_at": START + timedelta(hours=1)}
        assert (found["features"], found["value_times"]) == ({"sky.temp": 1.0, "calendar.hour": 7}, {"sky": START})
        other = home.log.find("prd-000003")
        assert other is not None
        assert other["endpoint"] == "other"
        assert home.log.find("prd-none") is None
        home.log.ship()


def test_a_shipment_that_was_cut_off_after_its_tables_is_not_doubled(home: Any, answered: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    home.write(answered(range(3)), answered(range(3, 6), endpoint="other"))

    monkeypatch.setattr(home.log._positions, "set", _dying(home.log._positions.set))
    with pytest.raises(KeyboardInterrupt):
        home.log.ship()
    assert home.ids() == names(range(3))  # the same process reads them from memory
    home.write(answered(range(6, 8)))
    again = home.again()
    assert again.drain() == 2
    assert home.ids(again) == [*names(range(3)), *names(range(6, 8))]
    assert again.ship() == 2
    assert home.ids(again) == home.ids(home.again()) == [*names(range(3)), *names(range(6, 8))]
    assert home.ids(again, "other") == names(range(3, 6))


def test_a_shipment_that_was_cut_off_between_two_tables_is_finished(home: Any, answered: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    home.write(answered(range(3)), answered(range(3, 6), endpoint="other"))
    append = home.tables.append_next
    tables: list[str] = []

    def full(table: str, rows: pl.DataFrame, *, stream: str, position: int) -> int:
        if tables:
            raise DiskFullError(home.place)
        tables.append(table)
        return int(append(table, rows, stream=stream, position=position))

    monkeypatch.setattr(home.tables, "append_next", full)
    with pytest.raises(DiskFullError):
        home.log.ship()
    assert (home.ids(), home.ids(endpoint="other")) == (names(range(3)), names(range(3, 6)))
    monkeypatch.undo()
    again = home.again()
    again.drain()
    assert (home.ids(again), home.ids(again, "other")) == (names(range(3)), names(range(3, 6)))
    home.write(answered(range(6, 7)))
    assert home.log.ship() == 4  # the process that was refused goes on with more
    assert (home.ids(), home.ids(endpoint="other")) == ([*names(range(3)), "prd-000006"], names(range(3, 6)))


def test_a_reading_that_was_cut_off_within_it_is_not_begun_again(home: Any, answered: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    home.write(answered(range(3)), answered(range(3, 6), endpoint="other"), answered(range(6, 7)))
    position = home.tables.position

    def gone(table: str, stream: str) -> int:
        if "other" in table:
            raise DiskFullError(home.place)
        return int(position(table, stream))

    monkeypatch.setattr(home.tables, "position", gone)
    for _ in range(2):
        with pytest.raises(DiskFullError):
            home.log.drain()
        assert home.ids() == names(range(3))
    monkeypatch.undo()
    assert home.log.drain() == 4
    for _ in range(2):
        assert (home.ids(), home.ids(endpoint="other")) == ([*names(range(3)), "prd-000006"], names(range(3, 6)))
        home.log.ship()


def test_what_was_set_aside_by_a_shipment_that_was_cut_off_is_set_aside_once(
    home: Any, answered: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.write(answered(range(1)), answered(range(1, 2), features={"sky.temp": ["warm"], "calendar.hour": [7]}))  # not of its type
    home.journal.append(b"rubbish")
    append = home.tables.append_next

    def full(table: str, rows: pl.DataFrame, *, stream: str, position: int) -> int:
        if table != UNREADABLE:
            raise DiskFullError(home.place)
        return int(append(table, rows, stream=stream, position=position))

    monkeypatch.setattr(home.tables, "append_next", full)
    with pytest.raises(DiskFullError):
        home.log.ship()
    monkeypatch.undo()
    home.journal.append(b"rubbish")
    again = home.again()
    again.ship()
    assert home.ids(again) == ["prd-000000"]
    assert sorted(home.tables.read(UNREADABLE).collect()["position"]) == [2, 3, 4]


def test_what_is_no_record_is_set_aside_and_the_rest_goes_on(home: Any, answered: Make, caplog: pytest.LogCaptureFixture) -> None:
    home.write(answered(range(1)))
    home.journal.append(b"rubbish", b"", msgspec.msgpack.encode(["late"]))
    home.write(answered(range(2), keys=["one"]))  # not aligned
    home.write(answered(range(1, 2), features={"sky.temp": ["warm"], "calendar.hour": [7]}))  # not of its type
    home.write(answered(range(1, 2), features={"sky.temp": [1.0], "calendar.hour": [1000]}))
    home.write(answered(range(2), endpoint="../x"))
    home.write(answered(range(2, 3)))
    with caplog.at_level(logging.WARNING):
        home.log.drain()
        assert home.ids() == ["prd-000000", "prd-000002"]
    assert len(caplog.records) == 7
    home.log.ship()
    assert home.ids() == ["prd-000000", "prd-000002"]
    aside = home.tables.read(UNREADABLE).collect()
    assert sorted(aside["position"]) == [2, 3, 4, 5, 6, 7, 8]
    assert b"rubbish" in aside["payload"].to_list()
    assert home.journal.acknowledged == 9


def test_rows_without_types_are_read_as_they_look(home: Any, answered: Make) -> None:
    features = {"sky.temp": [None, 1.5], "sky.wind": [None, None], "calendar.hour": [7, 8]}
    home.write(answered(range(2), features=features, feature_types=[], request={"at": [START, None]}, request_types=[], task=""))
    home.log.ship()
    found = home.log.read("late", START, end=minutes(9))
    assert found["feature.sky.temp"].to_list() == [None, 1.5]
    assert found["request.at"].to_list() == [START, None]
    assert found["prediction"].to_list() == [None, None]


class Damaged:
    """A journal whose second entry cannot be read."""

    def __init__(self, journal: Any) -> None:
        self._journal = journal

    def read_after(self, position: int, limit: int = 1000) -> list[Entry]:
        if position == 1:
            raise JournalCorruptError(self._journal.path, first=2, resume=2)
        return list(self._journal.read_after(position, 1 if position == 0 else limit))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)


class Cut(Damaged):
    """A journal whose third entry a power cut took, and whose acknowledgement with it."""

    def read_after(self, position: int, limit: int = 1000) -> list[Entry]:
        return [entry for entry in self._journal.read_after(position, limit) if entry.position < 3]


def test_the_end_of_a_shipment_that_a_power_cut_took_doubles_nothing(home: Any, answered: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    home.write(*(answered(range(number, number + 1)) for number in range(3)))
    monkeypatch.setattr(home.log._positions, "set", _dying(home.log._positions.set))
    with pytest.raises(KeyboardInterrupt):
        home.log.ship()
    cut = Cut(home.journal)
    log = PredictionLog(lambda: {"predictions": cut}, home.tables, positions=SqlPositions(home.database))
    assert log.drain() == 0
    assert home.ids(log) == names(range(3))  # all were in the table
    home.write(answered(range(3, 4)))
    assert home.again().ship() == 1
    assert home.ids(home.again()) == names(range(4))


def _dying(positions_set: Callable[[str, int], None]) -> Callable[[str, int], None]:
    def dies(name: str, value: int) -> None:
        if name == position_name("predictions"):
            raise KeyboardInterrupt
        positions_set(name, value)

    return dies


def test_damage_in_the_journal_costs_what_is_damaged(home: Any, answered: Make, caplog: pytest.LogCaptureFixture) -> None:
    home.write(*(answered(range(number, number + 1)) for number in range(4)))
    damaged = Damaged(home.journal)
    log = PredictionLog(lambda: {"predictions": damaged}, home.tables, positions=home.log._positions)
    assert log.drain() == 3
    assert home.ids(log) == ["prd-000000", "prd-000002", "prd-000003"]
    assert "cannot be read" in caplog.text
    assert log.ship() == 3


def test_memory_is_bounded_by_shipping_and_full_tables_stop_the_reading(
    home: Any, answered: Make, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr(stream_module, "CAP_ROWS", 100)
    home.write(*(answered(range(number, number + 10)) for number in range(0, 2000, 10)))
    assert home.log.drain() == 2000
    assert home.log.pending < 100 + 64 * 10
    assert home.ids() == names(range(2000))

    def full(*_: object, **__: object) -> int:
        raise DiskFullError(home.place)

    home.write(*(answered(range(number, number + 10)) for number in range(2000, 9000, 10)))
    monkeypatch.setattr(home.tables, "append_next", full)
    with pytest.raises(DiskFullError):
        home.log.drain()
    assert 100 <= home.log.pending <= 100 + 2 * 64 * 10
    monkeypatch.undo()
    home.log.drain()
    assert home.ids() == names(range(9000))


def test_fewer_rows_than_asked_for_are_not_shipped(home: Any, answered: Make) -> None:
    home.write(answered(range(4)))
    assert (home.log.ship(at_least=5), home.log.pending) == (0, 4)
    assert (home.log.ship(at_least=4), home.log.pending) == (4, 0)


def test_readers_see_each_row_once_while_others_write_and_ship(home: Any, answered: Make) -> None:
    stop, wrong = threading.Event(), []

    def read() -> None:
        seen = 0
        while not stop.is_set():
            found = home.ids()
            if found != names(range(len(found))) or len(found) < seen:
                wrong.append(found)
            seen = len(found)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(0, 300, 10):
        home.write(answered(range(number, number + 10)))
        home.log.drain()
        home.log.ship(at_least=30)
    stop.set()
    reader.join()
    assert not wrong
    assert home.ids() == names(range(300))


def test_figures_of_each_version(home: Any, answered: Make) -> None:
    home.write(*(answered(range(number, number + 4), minute=1, seconds=[0.002] * 3 + [0.1]) for number in range(0, 400, 4)))
    home.write(answered(range(400, 402), minute=2, version=2, route="canary", error="it raised", answered_by=1, scores=[None] * 2))
    home.write(answered(range(400, 402), minute=2, route="fallback", seconds=[9.0] * 2))
    home.write(answered(range(402, 403), minute=3, version=2, route="canary"))
    home.log.drain()
    for _ in range(2):
        first, second = home.log.stats("late", START)
        assert (first.version, first.route, first.requests, first.rows, first.errors, first.stood_in) == (1, "champion", 100, 400, 0, 2)
        assert (first.p50_seconds, first.p99_seconds, first.p99_at_least_seconds, first.last) == (0.002, 0.1, 0.1, minutes(2))
        assert (second.version, second.route, second.requests, second.failed_requests, second.rows, second.errors) == (
            2,
            "canary",
            2,
            1,
            3,
            2,
        )
        assert (second.p99_at_least_seconds, second.last) == (None, minutes(3))
        assert [found.version for found in home.log.stats("late", minutes(3))] == [2]
        assert [found.rows for found in home.log.stats("late", START, until=minutes(2))] == [400]
        assert home.log.stats("late", minutes(9)) == home.log.stats("none", START) == ()
        home.log.ship()
    for figures in home.log.stats("late", START):
        assert VersionVolume.from_json(figures.to_json()) == figures


def test_scores_of_a_batch_are_in_the_log_and_count_as_nobodys_traffic(home: Any, answered: Make) -> None:
    home.write(answered(range(10), minute=1), answered(range(10, 500), minute=2, version=2, route="batch"))
    home.log.drain()
    for _ in range(2):
        (figures,) = home.log.stats("late", START)
        assert (figures.version, figures.rows, figures.last) == (1, 10, minutes(1))
        assert home.log.read("late", START, end=minutes(9))["id"].to_list() == names(range(10))
        assert home.log.select("late", pl.col("route") == "batch", columns=("id",)).height == 490
        assert home.log.find("prd-000400")["route"] == "batch"
        home.log.ship()


def test_journals_are_read_together_whenever_they_come_and_whoever_has_gone(home: Any, answered: Make) -> None:
    journals = {"predictions": home.journal}
    log = PredictionLog(lambda: journals, home.tables, positions=SqlPositions(home.database))
    home.write(answered(range(2)))
    assert log.ship() == 2
    journals["predictions-1"] = LocalJournal.write(home.place / "journal-1")
    journals["predictions-1"].append(encode(answered(range(2, 5))))
    home.write(answered(range(5, 7)))
    assert log.drain() == 5
    for _ in range(2):
        assert home.ids(log) == names(range(7))
        assert [found.requests for found in log.stats("late", START)] == [3]  # two of them have the same position
        log.ship()
    assert len(home.tables.list()) == 1
    journals["predictions-1"].append(encode(answered(range(7, 8))))
    journals["predictions-1"].close()
    again = PredictionLog(lambda: journals, home.tables, positions=SqlPositions(home.database))
    assert again.ship() == 1
    assert home.ids(again) == names(range(8))
    assert journals["predictions-1"].acknowledged == 2


def test_one_journal_that_fails_keeps_no_other_from_the_tables(home: Any, answered: Make) -> None:
    class Broken(Damaged):
        def read_after(self, *_: int) -> list[Entry]:
            raise DiskFullError(home.place)

    other = LocalJournal.write(home.place / "journal-1")
    other.append(encode(answered(range(3))))
    journals: dict[str, Any] = {"predictions": Broken(home.journal), "predictions-1": other}
    log = PredictionLog(lambda: journals, home.tables, positions=SqlPositions(home.database))
    with pytest.raises(DiskFullError):
        log.drain()
    assert home.ids(log) == names(range(3))
    other.close()


def test_what_was_shipped_before_there_were_several_journals_is_read_once(home: Any, answered: Make) -> None:
    """A home of before: a table without streams, the last rows of which an interrupted shipment had put there."""
    home.write(*(answered(range(number, number + 1)) for number in range(4)))
    records = [(number + 1, answered(range(number, number + 1))) for number in range(3)]
    frame = frame_of(records, stream="").drop("stream", "trace", "caller")
    home.tables.append("predictions.late.0a1b2c3d", frame, job="predictions-1-3")
    SqlPositions(home.database).set(SHIPPED_BEFORE, 2)
    log = home.again()
    for _ in range(2):
        assert log.drain() + log.pending <= 4
        assert home.ids(log) == names(range(4))
        assert [found.requests for found in log.stats("late", START)] == [4]
        assert log.find("prd-000001")["trace"] is None
        log.ship()
    assert home.ids(home.again()) == names(range(4))


def test_what_was_lost_is_told_once_though_nobody_heard_that_it_was(home: Any) -> None:
    heard: list[int] = []
    deaf = [True]

    @contextmanager
    def write() -> Iterator[object]:
        with home.database.write() as connection:
            yield connection
        if deaf.pop():  # it is there; the connection broke before that was said
            raise DiskFullError(home.place)

    told = Told(write, lambda _, lost: heard.append(lost.rows))
    log = PredictionLog(lambda: {"predictions": home.journal}, home.tables, positions=SqlPositions(home.database), told=told)
    home.journal.append(encode(Lost(endpoint="late", rows=7, start=1, end=2, why="the journal was full")))
    with pytest.raises(DiskFullError):
        log.ship()
    home.journal.append(encode(Lost(endpoint="late", rows=5, start=3, end=4, why="the journal was full")))
    deaf.append(False)
    log.ship()
    assert heard == [7, 5]


def test_what_was_lost_is_told_once_with_the_position(home: Any, answered: Make) -> None:
    heard: list[Any] = []
    told = Told(home.database.write, lambda stream, lost: heard.append((stream, lost.rows)))
    log = PredictionLog(lambda: {"predictions": home.journal}, home.tables, positions=SqlPositions(home.database), told=told)
    home.journal.append(encode(Lost(endpoint="late", rows=7, start=1, end=2, why="the journal was full")))
    assert (log.drain(), heard) == (0, [])
    assert log.ship(at_least=5_000) == 0
    assert heard == [("predictions/predictions", 7)]
    assert home.again().ship() == 0
    assert log.ship() == 0
    assert heard == [("predictions/predictions", 7)]
    home.journal.append(HOLE)
    home.write(answered(range(1), traces=["abc"], callers=["ann"]))
    log.ship()
    found = log.find("prd-000000")
    assert found is not None
    assert (found["trace"], found["caller"]) == ("abc", "ann")
    assert UNREADABLE not in home.tables.list()
