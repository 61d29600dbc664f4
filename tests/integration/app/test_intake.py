"""Rows of a live home over real stores: what was taken is seen once, whatever fails between the journal and the features."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flyball.app.intake import AGAIN_SECONDS
from flyball.core.errors import FlyballError, UnknownNameError
from flyball.data.model import ARRIVAL
from flyball.features.errors import OnlineStoreError
from tests.shops import HOUR, SALES, START, Yard, as_json, opened_yard, sale


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    with opened_yard(tmp_path) as opened:
        yield opened


@contextmanager
def store_locked(yard: Yard) -> Iterator[None]:
    """Somebody else writes the online store and does not come to an end."""
    other = sqlite3.connect(yard.home.place / "online.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def settle_sources(yard: Yard) -> None:
    """Look until files that have come count as whole."""
    for _ in range(2):
        yard.intake.look()
        yard.timer.sleep(2)


def test_visible_rows_are_seen_when_the_push_is_answered(yard: Yard) -> None:
    assert yard.seen() == {"latest.amount": 1.0, "pace.sold": 2}
    yard.clock.advance_to(START + HOUR / 2)
    answer = yard.push(sale(10, START, amount=7.0))
    assert (answer["accepted"], answer["duplicate"]) == (1, False)
    assert yard.seen()["latest.amount"] == 7.0


def test_other_rows_are_seen_after_the_next_chore_and_once(yard: Yard) -> None:
    yard.clock.advance_to(START + HOUR / 2)
    yard.push(sale(10, START, amount=7.0), key="k", visible=False)
    assert yard.seen()["latest.amount"] == 1.0
    assert yard.intake.apply_all()
    assert not yard.intake.apply_all()
    assert yard.seen()["latest.amount"] == 7.0
    assert yard.push(sale(10, START, amount=7.0), key="k")["duplicate"]
    assert yard.intake.history("sales").height == 3


def test_a_dataset_that_is_none_is_named(yard: Yard) -> None:
    with pytest.raises(UnknownNameError, match="sales"):
        yard.intake.push("sails", as_json(sale(10, START)), key=None, visible=True)


@pytest.mark.slow
def test_a_push_is_visible_only_when_features_see_it_though_the_store_could_not_be_written_first(yard: Yard) -> None:
    yard.clock.advance_to(START + HOUR / 2)
    with store_locked(yard), pytest.raises(OnlineStoreError):
        yard.push(sale(10, START, amount=7.0), key="k")
    assert yard.seen()["latest.amount"] == 1.0
    assert yard.push(sale(10, START, amount=7.0), key="k")["duplicate"]
    assert yard.seen()["latest.amount"] == 7.0


@pytest.mark.slow
def test_what_could_not_be_published_is_made_up_for_without_further_rows(yard: Yard) -> None:
    yard.clock.advance_to(START + HOUR / 2)
    yard.push(sale(10, START, amount=7.0), visible=False)
    with store_locked(yard), pytest.raises(OnlineStoreError):
        yard.intake.apply_all()
    yard.intake.apply_all()
    assert yard.seen()["latest.amount"] == 7.0


def test_a_plan_that_reads_datasets_anew_between_the_steps_of_an_apply_doubles_nothing(yard: Yard) -> None:
    yard.clock.advance_to(START + HOUR / 2)
    yard.push(sale(10, START, amount=7.0), visible=False)
    yard.live.apply(SALES)  # as another thread does it
    yard.online.serve({})
    yard.online.open()
    yard.serve()
    yard.intake.apply_all()
    assert yard.intake.history("sales")[ARRIVAL].to_list() == [0, 1, 2]
    yard.clock.advance_to(START + HOUR)
    yard.online.close_boundaries()
    assert yard.seen()["pace.sold"] == 3


def test_files_that_come_are_read_and_seen(yard: Yard) -> None:
    settle_sources(yard)
    yard.clock.advance_to(START + HOUR / 2)
    yard.write_sales("b.csv", sale(20, START, amount=9.0))
    assert not yard.intake.look()  # it may still grow
    yard.timer.sleep(2)
    assert yard.intake.look()
    assert not yard.intake.look()
    assert yard.seen()["latest.amount"] == 9.0


def test_a_file_that_cannot_be_read_is_told_each_time_and_read_again_after_a_while(yard: Yard) -> None:
    settle_sources(yard)
    broken = yard.root / "data" / "sales" / "b.csv"
    broken.write_bytes(b"id,shop,sold_at,amount\n\xff\xfe\n")
    yard.intake.look()
    yard.timer.sleep(2)
    for _ in range(2):
        with pytest.raises(FlyballError, match=r"b\.csv"):
            yard.intake.look()
    yard.intake.refresh()  # a training goes by what there is
    yard.timer.sleep(AGAIN_SECONDS)
    yard.intake.look()
    with pytest.raises(FlyballError, match=r"b\.csv"):  # read again
        yard.intake.look()
    broken.unlink()
    yard.write_sales("c.csv", sale(30, START - HOUR / 2, amount=3.0))
    with pytest.raises(FlyballError, match=r"b\.csv"):
        yard.intake.look()
    yard.timer.sleep(2)
    assert yard.intake.look()
    assert yard.seen()["latest.amount"] == 3.0


def test_pushed_rows_of_one_dataset_do_not_wait_for_another_that_cannot_take_any(yard: Yard) -> None:
    """Nothing was ever accepted of visits: their source is empty."""
    yard.clock.advance_to(START + HOUR / 2)
    with pytest.raises(FlyballError):
        yard.intake.push("visits", as_json({"id": "v1", "shop": "a", "came_at": START.isoformat()}), key=None, visible=True)
    yard.push(sale(10, START, amount=7.0))
    assert yard.seen()["latest.amount"] == 7.0


def test_a_held_version_that_a_person_takes_is_seen(yard: Yard) -> None:
    settle_sources(yard)
    yard.clock.advance_to(START + HOUR / 2)
    bad = [{**sale(40 + number, START - HOUR / 4), "amount": "much"} for number in range(3)]
    yard.write_sales("b.csv", sale(20, START, amount=9.0), *bad)
    yard.intake.look()
    yard.timer.sleep(2)
    assert not yard.intake.look()
    assert yard.seen()["latest.amount"] == 1.0
    held = yard.home.service.list("sales")[-1]
    yard.home.service.accept("sales", held.number, cause=None)
    assert yard.intake.look()
    assert not yard.intake.look()
    assert yard.seen()["latest.amount"] == 9.0


def test_boundaries_are_due_when_they_have_passed_and_not_again(yard: Yard) -> None:
    assert yard.online.next_boundary() == START + HOUR
    yard.clock.advance_to(START + 3 * HOUR)
    due = yard.online.next_boundary()
    assert due is not None
    assert due <= yard.clock.now()
    yard.online.close_boundaries()
    assert yard.online.next_boundary() == START + 4 * HOUR


def test_rows_that_were_taken_before_a_restart_are_seen_after_it(tmp_path: Path) -> None:
    with opened_yard(tmp_path) as yard:
        yard.push(sale(10, START - HOUR / 2, amount=7.0), visible=False)
        assert yard.seen() == {"latest.amount": 1.0, "pace.sold": 2}
    with opened_yard(tmp_path) as again:
        assert again.intake.apply_all()
        assert again.seen() == {"latest.amount": 7.0, "pace.sold": 3}
