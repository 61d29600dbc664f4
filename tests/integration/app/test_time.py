"""Business time never runs behind what has happened, whatever the system's clock did while nothing ran."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from flyball.app.control import catch_up
from flyball.app.home import Home
from flyball.app.modelserver import business_time
from flyball.core.clock import WallClock
from flyball.core.duration import microseconds
from flyball.serving.record import Answered, encode
from flyball.storage._localjournal import LocalJournal
from flyball.storage.clockfile import SharedClock, clock_path

HOUR = timedelta(hours=1)


def answered(time: int) -> bytes:
    return encode(
        Answered(
            endpoint="late", model="late", version=1, route="champion", time=time, features_digest="f", ids=["p"], keys=["k"],
            request={}, features={}, value_times={}, scores=[0.5], seconds=[0.1],
        )
    )  # fmt: skip


def test_a_system_clock_that_was_put_back_an_hour_lets_time_stand_at_the_last_event(tmp_path: Path) -> None:
    before = WallClock()
    before.advance_to(before.now() + HOUR)
    with Home.open(tmp_path, clock=before) as home:
        last = home.stores.journal.recorder.record("thing.done", "thing/1")
    clock = WallClock()
    with Home.open(tmp_path, clock=clock) as home:
        catch_up(clock, home)
        assert home.stores.journal.recorder.record("thing.done", "thing/2").time == last.time


def test_a_scaled_clock_goes_on_behind_the_last_answer(tmp_path: Path) -> None:
    """A kill leaves in its file the time of its last change, which requests have passed."""
    epoch = WallClock().now()
    clock = SharedClock.create(clock_path(tmp_path), epoch=epoch, speed=1, standing=True)
    journal = LocalJournal.write(tmp_path / "journal" / "predictions")
    journal.append(b"no record", answered(microseconds(epoch + HOUR)))
    with Home.open(tmp_path, clock=clock) as home:
        catch_up(clock, home)
        assert clock.now() == epoch + HOUR
        clock.advance_to(epoch + 2 * HOUR)
        catch_up(clock, home)
        assert clock.now() == epoch + 2 * HOUR
    journal.close()
    clock.close()


def test_a_rehearsal_of_the_past_begins_there_in_a_home_where_somebody_worked_today(tmp_path: Path) -> None:
    with Home.open(tmp_path, actor="user:ada") as home:  # as a backtest does, which reads the data
        home.stores.journal.recorder.record("dataset.version.accepted", "dataset/rows")
    epoch = WallClock().now() - 1000 * HOUR
    clock = SharedClock.create(clock_path(tmp_path), epoch=epoch, speed=1, standing=True)
    with Home.open(tmp_path, clock=clock, actor="system") as home:
        catch_up(clock, home)
        assert clock.now() == epoch
    clock.close()


def test_a_rehearsal_goes_on_behind_what_its_loop_did(tmp_path: Path) -> None:
    epoch = WallClock().now() - 1000 * HOUR
    clock = SharedClock.create(clock_path(tmp_path), epoch=epoch + HOUR, speed=1, standing=True)
    with Home.open(tmp_path, clock=clock, actor="system") as home:
        home.stores.journal.recorder.record("training.started", "model/late")
    clock.close()
    clock = SharedClock.create(clock_path(tmp_path), epoch=epoch, speed=1, standing=True)
    with Home.open(tmp_path, clock=clock) as home:
        catch_up(clock, home)
        assert clock.now() == epoch + HOUR
    clock.close()


def test_a_home_without_events_is_no_reason_to_move(tmp_path: Path) -> None:
    clock = WallClock()
    with Home.open(tmp_path, clock=clock) as home:
        catch_up(clock, home)
        assert clock.now() < WallClock().now() + HOUR


def test_a_model_server_answers_at_no_time_before_its_last_answer(tmp_path: Path) -> None:
    latest = microseconds(WallClock().now() + HOUR)
    journal = LocalJournal.write(tmp_path / "journal" / "predictions")
    journal.append(answered(latest - 5))
    journal.append(answered(latest), answered(latest - 1))
    assert microseconds(business_time(tmp_path, journal).now()) == latest
    journal.close()
