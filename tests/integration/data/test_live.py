"""Rows that are pushed: kept before they are acknowledged, judged one by one, applied once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from flyball.core.errors import HeldError
from flyball.data import Dataset, files
from flyball.data.errors import NotIngestedError, PushConflictError, PushKeyError, RowsError
from flyball.data.histories import Histories
from flyball.data.live import LiveRows
from flyball.data.model import ARRIVAL, EVENT_TIME, KNOWN_TIME, KNOWN_UNTIL, VersionState
from flyball.lineage import Edge, ancestors
from flyball.storage._localjournal import LocalJournal
from flyball.storage.errors import JournalFullError
from flyball.testing.data_home import DataHome

SALES = Dataset("sales", files("data"), key="id", event_time="sold_at", known_after="1h")
STATED = Dataset("sales", files("data"), key="id", event_time="sold_at", known_time="known_at")
START = datetime(2013, 1, 1, tzinfo=UTC)


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def row(number: int, *, amount: Any = None, **cells: Any) -> dict[str, Any]:
    return {"id": f"s{number}", "sold_at": at(number).isoformat(), "amount": number + 0.5 if amount is None else amount, **cells}


def consume(calls: Iterable[object]) -> None:
    for _ in calls:
        pass


def filled(home: DataHome, rows: int = 100) -> DataHome:
    lines = [f"s{n},{at(n).isoformat()},{n}.5" for n in range(rows)]
    home.write("a.csv", "\n".join(["id,sold_at,amount", *lines, ""]))
    home.ingest(SALES)
    return home


def stored(home: DataHome, dataset: Dataset = SALES, *, after: int = 99) -> list[tuple[Any, ...]]:
    history = home.service.history(dataset).filter(pl.col(ARRIVAL) > after)
    return list(history.select("id", "amount", KNOWN_TIME).iter_rows())


def test_a_push_is_kept_at_once_and_applied_as_one_version(home: DataHome) -> None:
    with filled(home).live() as live:
        first = live.accept(SALES, [row(100), row(101)], key=None, at=at(90))
        second = live.accept(SALES, [row(102)], key=None, at=at(105))
        assert (first.position, first.accepted, first.duplicate, second.position) == (1, 2, False, 2)
        assert (live.pending(SALES), live.position(SALES), home.service.get_accepted("sales").number) == (2, 0, 1)
        version = live.apply(SALES)
        assert version is not None
        assert (version.number, version.state, version.rows, version.added, version.quarantined) == (2, VersionState.ACCEPTED, 103, 3, 0)
        assert (version.latest_event_time, version.first_arrival, version.last_arrival) == (at(102), 100, 102)
        assert home.service.get("sales", 2) == version
        assert (live.pending(SALES), live.position(SALES), live.apply(SALES)) == (0, 2, None)
    assert stored(home) == [("s100", 100.5, at(101)), ("s101", 101.5, at(102)), ("s102", 102.5, at(105))]


def test_a_row_is_known_when_it_came_or_when_it_declares_whichever_is_later(home: DataHome) -> None:
    with filled(home).live() as live:
        live.accept(SALES, [row(100)], key=None, at=at(200))
        live.accept(SALES, [row(150)], key=None, at=at(120))
        live.apply(SALES)
    assert stored(home) == [("s100", 100.5, at(200)), ("s150", 150.5, at(151))]


def test_events_and_lineage_tell_what_came(home: DataHome) -> None:
    with filled(home).live() as live:
        before = len(home.log.list())
        live.accept(SALES, [row(100, amount=500), row(101, amount="x"), row(102, colour="red")], key=None, at=at(1))
        version = live.apply(SALES)
    events = home.log.list()[before:]
    assert version is not None
    kinds = ["dataset.version.received", "contract.warned", "rows.quarantined", "dataset.version.accepted"]
    assert [event.type for event in events] == kinds
    assert [event.cause for event in events] == [None, *[events[0].id] * 3]
    assert {name: events[0].data[name] for name in ("version", "pushes", "first_push", "last_push")} == {
        "version": 2, "pushes": 1, "first_push": 1, "last_push": 1,
    }  # fmt: skip
    assert events[1].data["unexpected_columns"] == ["colour"]
    assert events[1].data["warnings"] == [{"column": "amount", "why": "is above 99.5", "rows": 2}]
    assert (events[2].data["reasons"], events[3].data["share_broken"]) == ([["amount is no number", 1]], 0.333333)
    assert version.event == events[3].id
    parents = home.service.lineage.list_parents("dataset/sales@2")
    assert {edge.kind for edge in parents} == {"received", "judged-by", "extends"}
    assert Edge("dataset/sales@2", "dataset/sales@1", "extends") in parents
    assert any(edge.parent.startswith("file/") for edge in ancestors(home.service.lineage, "dataset/sales@2"))


def test_broken_rows_are_told_and_kept_with_their_cells(home: DataHome) -> None:
    with filled(home).live() as live:
        answer = live.accept(SALES, [row(100, amount="1.5"), row(101), {"amount": 1}, row(102, colour=1)], key=None, at=at(1))
        reasons = ["amount is no number: 1.5", "id is missing; sold_at is missing"]
        assert answer.quarantined == ({"row": 1, "reason": reasons[0]}, {"row": 3, "reason": reasons[1]})
        assert (answer.accepted, answer.unexpected) == (2, ("colour",))
        version = live.apply(SALES)
    assert version is not None
    assert (version.added, version.quarantined, version.duplicates) == (2, 2, 0)
    aside = home.service.quarantined("sales", 2)
    assert aside.select("file", "row", "reason").rows() == [("live:1", 1, reasons[0]), ("live:1", 3, reasons[1])]
    assert aside["raw"].to_list() == ['{"amount":"1.5","id":"s100","sold_at":"2013-01-05T04:00:00+00:00"}', '{"amount":1}']


def test_a_push_of_broken_rows_alone_is_a_version_without_rows(home: DataHome) -> None:
    with filled(home).live() as live:
        live.accept(SALES, [row(100, amount="x")], key=None, at=at(1))
        version = live.apply(SALES)
        live.accept(SALES, [row(101)], key=None, at=at(1))
        live.apply(SALES)
    assert version is not None
    assert (version.rows, version.added, version.quarantined) == (100, 0, 1)
    assert home.service.history(SALES)[ARRIVAL].to_list() == list(range(101))


def test_a_row_that_repeats_the_stored_one_is_dropped_and_counted(home: DataHome) -> None:
    with filled(home).live() as live:
        live.accept(SALES, [row(7), row(100), row(100)], key=None, at=at(200))
        live.accept(SALES, [row(100), row(8)], key=None, at=at(201))
        version = live.apply(SALES)
        assert version is not None
        assert (version.added, version.duplicates) == (1, 4)
        live.accept(SALES, [row(100)], key=None, at=at(202))
        again = live.apply(SALES)
        assert again is not None
        assert (again.number, again.rows, again.added, again.duplicates) == (3, 101, 0, 1)


def test_other_values_of_a_key_are_a_correction_from_their_arrival_on(home: DataHome) -> None:
    with filled(home).live() as live:
        live.accept(SALES, [row(7, amount=70)], key=None, at=at(200))
        live.apply(SALES)
        live.accept(SALES, [row(7)], key=None, at=at(300))  # and back
        live.apply(SALES)
    history = home.service.history(SALES).filter(pl.col("id") == "s7")
    assert history.select("amount", KNOWN_TIME, KNOWN_UNTIL).rows() == [
        (7.5, at(8), at(200)), (70, at(200), at(300)), (7.5, at(300), None),
    ]  # fmt: skip


def test_a_correction_is_never_known_before_what_it_corrects(home: DataHome) -> None:
    with filled(home).live() as live:
        live.accept(SALES, [row(150)], key=None, at=at(100))
        live.accept(SALES, [{**row(150), "sold_at": at(110).isoformat()}], key=None, at=at(101))
        live.apply(SALES)
    history = home.service.history(SALES).tail(2)
    assert history.select(EVENT_TIME, KNOWN_TIME, KNOWN_UNTIL).rows() == [(at(150), at(151), at(151)), (at(110), at(151), None)]


def test_where_rows_state_their_known_time_an_old_statement_that_is_repeated_corrects_nothing(home: DataHome) -> None:
    def stated(amount: float, known: float) -> dict[str, Any]:
        return {"id": "x", "sold_at": at(0).isoformat(), "known_at": at(known).isoformat(), "amount": amount}

    home.write("a.csv", f"id,sold_at,known_at,amount\ny,{at(0).isoformat()},{at(1).isoformat()},1\n")
    home.ingest(STATED)
    with home.live() as live:
        for amount, known, came in ((1, 1, 1), (2, 2, 2), (1, 1, 3)):
            live.accept(STATED, [stated(amount, known)], key=None, at=at(came))
            live.apply(STATED)
    assert stored(home, STATED, after=0) == [("x", 1, at(1)), ("x", 2, at(2))]


def test_a_key_is_answered_as_before_whenever_it_comes_again(home: DataHome) -> None:
    rows = [row(100), row(101, amount="x")]
    with filled(home).live() as live:
        first = live.accept(SALES, rows, key="k1", at=at(200))
        again = live.accept(SALES, [dict(reversed(found.items())) for found in rows], key="k1", at=at(300))
        assert (first.duplicate, again.duplicate) == (False, True)
        assert (again.position, again.accepted, again.quarantined) == (first.position, first.accepted, first.quarantined)
    with home.live() as live:  # after a restart
        assert live.accept(SALES, rows, key="k1", at=at(300)) == again
        assert live.pending(SALES) == 1
        live.apply(SALES)
        assert live.accept(SALES, rows, key="k1", at=at(300)) == again
        assert live.pending(SALES) == 0
    with home.live() as live:  # and after one after it was applied
        assert live.accept(SALES, rows, key="k1", at=at(300)) == again
        for key in ("k2", None):
            assert not live.accept(SALES, rows, key=key, at=at(300)).duplicate


def test_a_key_with_other_rows_is_a_conflict_and_keeps_nothing(home: DataHome) -> None:
    with filled(home).live() as live:
        live.accept(SALES, [row(100)], key="k1", at=at(200))
        for _ in range(2):
            with pytest.raises(PushConflictError, match="'k1' came with other rows"):
                live.accept(SALES, [row(101)], key="k1", at=at(200))
            live.apply(SALES)
        assert live.pending(SALES) == 0
    assert stored(home) == [("s100", 100.5, at(200))]


@pytest.mark.parametrize("key", ["", "x" * 201, "é", "a\nb"])
def test_what_is_no_key_is_refused(home: DataHome, key: str) -> None:
    with filled(home).live() as live:
        with pytest.raises(PushKeyError):
            live.accept(SALES, [row(100)], key=key, at=at(200))
        assert live.pending(SALES) == 0


def test_what_are_no_rows_is_refused_and_nothing_is_kept(home: DataHome) -> None:
    with filled(home).live() as live:
        wrong: list[Any] = [{"rows": []}, [], [row(n) for n in range(10_001)], [row(1), "x"]]
        for rows in wrong:
            with pytest.raises(RowsError):
                live.accept(SALES, rows, key="k", at=at(200))
        assert live.pending(SALES) == 0


def test_a_dataset_that_was_never_ingested_says_what_to_do(home: DataHome) -> None:
    with home.live() as live:
        with pytest.raises(NotIngestedError, match=r"Put a first file into its source \(data\)"):
            live.accept(SALES, [row(1)], key=None, at=at(1))
        assert live.pending(SALES) == 0
        assert live.apply(SALES) is None


def test_a_dataset_that_is_declared_otherwise_by_now_keeps_its_rows_waiting(home: DataHome) -> None:
    with filled(home).live() as live:
        live.accept(SALES, [row(100)], key=None, at=at(1))
        other = Dataset("sales", files("data"), key="id", event_time="sold_at", known_after="2h")
        with pytest.raises(NotIngestedError, match="declared otherwise"):
            live.apply(other)
        assert live.pending(SALES) == 1
        assert live.apply(SALES) is not None


def test_one_process_at_a_time_takes_a_datasets_rows(home: DataHome) -> None:
    with filled(home).live() as live, home.live() as second:
        live.accept(SALES, [row(100)], key=None, at=at(1))
        with pytest.raises(HeldError):
            second.accept(SALES, [row(101)], key=None, at=at(1))


def test_a_full_journal_says_so_and_keeps_what_it_had(home: DataHome) -> None:
    filled(home)
    with home.live(limit_bytes=20_000) as live:
        numbers = iter(range(100, 1000))
        with pytest.raises(JournalFullError):
            consume(live.accept(SALES, [row(number)], key=f"k{number}", at=at(1)) for number in numbers)
        refused = next(numbers) - 1
        with pytest.raises(JournalFullError):  # its key was not kept either
            live.accept(SALES, [row(refused)], key=f"k{refused}", at=at(1))
        version = live.apply(SALES)
        assert version is not None
        assert version.added == refused - 100 > 10


def test_files_and_pushes_may_take_turns(home: DataHome) -> None:
    with filled(home).live() as live:
        live.accept(SALES, [row(100), row(101)], key=None, at=at(200))
        live.apply(SALES)
        lines = [f"s{n},{at(n).isoformat()},{n}.5" for n in (100, 103)]
        home.write("b.csv", "\n".join(["id,sold_at,amount", *lines, ""]))
        version = home.ingest(SALES)
        assert (version.number, version.added, version.duplicates, version.quarantined) == (3, 1, 1, 0)
        live.accept(SALES, [row(103), row(104)], key=None, at=at(300))
        last = live.apply(SALES)
        assert last is not None
        assert (last.number, last.rows, last.added, last.duplicates) == (4, 104, 1, 1)
    history = home.service.history(SALES)
    assert history[ARRIVAL].to_list() == list(range(104))
    assert home.ingest(SALES) == last


def test_rows_may_come_while_a_version_is_held(home: DataHome) -> None:
    with filled(home).live() as live:
        live.accept(SALES, [row(100)], key=None, at=at(200))
        live.apply(SALES)
        home.write("b.csv", f"id,sold_at,amount\ns200,{at(200).isoformat()},x\ns201,{at(201).isoformat()},1\n")
        assert home.ingest(SALES).state is VersionState.HELD
        live.accept(SALES, [row(101)], key=None, at=at(200))
        version = live.apply(SALES)
        assert version is not None
        assert (version.number, version.state, version.rows) == (4, VersionState.ACCEPTED, 102)
    assert home.service.history(SALES)["id"].to_list()[-2:] == ["s100", "s101"]


def held_with_rows_after_it(home: DataHome, live: LiveRows) -> None:
    home.write("b.csv", f"id,sold_at,amount\ns200,{at(200).isoformat()},x\ns201,{at(201).isoformat()},1\n")
    assert home.ingest(SALES).state is VersionState.HELD
    live.accept(SALES, [row(101)], key=None, at=at(200))
    live.apply(SALES)


def test_a_held_version_is_taken_after_the_rows_that_were_pushed_since(home: DataHome) -> None:
    with filled(home).live() as live:
        held_with_rows_after_it(home, live)
        before = home.service.history(SALES)
        taken = home.service.accept("sales", 2, cause=None)
        assert (taken.number, taken.state, taken.rows, taken.added, taken.latest_event_time) == (4, VersionState.ACCEPTED, 102, 1, at(201))
        assert home.service.get("sales", 2).state is VersionState.REJECTED
        assert home.service.get_accepted("sales") == taken
        assert home.service.history(SALES, 3).equals(before)
        assert sorted(home.service.history(SALES)["id"].to_list()[-2:]) == ["s101", "s201"]
        assert home.ingest(SALES) == taken
        live.accept(SALES, [row(201, amount=1), row(202)], key=None, at=at(300))
        version = live.apply(SALES)
        assert version is not None
        assert (version.number, version.rows, version.added, version.duplicates) == (5, 103, 1, 1)


def test_a_mended_file_supersedes_a_held_version_though_rows_were_pushed_since(home: DataHome) -> None:
    with filled(home).live() as live:
        held_with_rows_after_it(home, live)
        home.write("b.csv", f"id,sold_at,amount\ns200,{at(200).isoformat()},5\ns201,{at(201).isoformat()},1\n")
        version = home.ingest(SALES)
        assert (version.number, version.state, version.rows, version.added) == (4, VersionState.ACCEPTED, 103, 2)
        assert home.service.get("sales", 2).state is VersionState.REJECTED


def test_rows_are_judged_by_the_contract_of_the_day_they_are_applied(home: DataHome) -> None:
    with filled(home).live() as live:
        live.accept(SALES, [row(100), row(101, amount=-5)], key=None, at=at(200))
        path = home.service.contracts / "sales.yaml"
        path.write_text(path.read_text().replace("maximum: 99.5", "maximum: 99.5\n    values: quarantine"))
        home.ingest(SALES)  # reads the files again under the stricter contract
        version = live.apply(SALES)
        assert version is not None
        assert (version.added, version.quarantined) == (0, 2)
        assert live.accept(SALES, [row(100)], key=None, at=at(200)).quarantined == ({"row": 1, "reason": "amount is above 99.5"},)


def test_many_pushes_are_applied_in_a_few_versions(home: DataHome) -> None:
    with filled(home).live() as live:
        for number in range(2100):
            live.accept(SALES, [row(100 + number)], key=None, at=at(1))
        version = live.apply(SALES)
    assert version is not None
    assert (version.number, version.rows, version.added) == (3, 2200, 2100 - 2048)


def test_what_was_applied_can_be_taken_once_and_makes_the_histories_in_memory_whole(home: DataHome) -> None:
    with filled(home).live() as live:
        histories = Histories(home.service)
        histories.open(SALES, at(50))
        assert live.take(SALES) is None
        for number in (100, 60, 101):
            live.accept(SALES, [row(number, amount=1)], key=None, at=at(200 + number))
            live.apply(SALES)
        rows = live.take(SALES)
        assert rows is not None
        assert rows[ARRIVAL].to_list() == [100, 101, 102]
        assert histories.append(SALES, rows).equals(home.service.recent(SALES, at(50)))
        assert live.take(SALES) is None


def test_positions_that_the_journal_lost_are_never_given_again(home: DataHome) -> None:
    with filled(home).live() as live:
        for number in range(3):
            live.accept(SALES, [row(100 + number)], key=None, at=at(1))
        live.apply(SALES)
    for path in (home.place / "home" / "journal" / "rows" / "sales").iterdir():
        path.unlink()
    with home.live() as live:
        assert live.pending(SALES) == 0
        assert live.accept(SALES, [row(110)], key=None, at=at(1)).position == 4
        version = live.apply(SALES)
    assert version is not None
    assert version.added == 1


def test_the_journal_of_a_dataset_lies_under_its_name(home: DataHome) -> None:
    with filled(home).live() as live:
        live.accept(SALES, [row(100)], key=None, at=at(1))
    assert LocalJournal.read(home.place / "home" / "journal" / "rows" / "sales").last == 1
