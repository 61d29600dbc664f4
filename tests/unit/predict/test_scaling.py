"""Workers follow how long requests wait: soon when they do, late when they do not, never beyond the bounds."""

from __future__ import annotations

from flyball.app.workers import Workers
from flyball.predict.scaling import BUSY_SECONDS, FALL_SECONDS, RISE_SECONDS, SETTLE_SECONDS, Scaler

BUSY, CALM, BETWEEN = 2 * BUSY_SECONDS, 0.0, BUSY_SECONDS / 2


def run(scaler: Scaler, delay: float, *, seconds: float, running: int, start: float = 100.0) -> list[int]:
    """How many are wanted at each quarter of a second, each wish being fulfilled at once."""
    found = []
    for step in range(int(seconds * 4) + 1):
        running = scaler.want(running, delay_seconds=delay, now=start + step / 4)
        found.append(running)
    return found


def test_a_short_burst_starts_nobody() -> None:
    assert set(run(Scaler(Workers(1, 4)), BUSY, seconds=RISE_SECONDS - 0.5, running=1)) == {1}


def test_waiting_starts_one_after_another_up_to_the_most() -> None:
    found = run(Scaler(Workers(1, 3)), BUSY, seconds=60, running=1)
    assert sorted(set(found)) == [1, 2, 3]
    assert found.index(3) - found.index(2) >= SETTLE_SECONDS * 4  # who is being started is waited for
    assert found[-1] == 3


def test_calm_ends_one_after_another_down_to_the_least() -> None:
    found = run(Scaler(Workers(2, 4)), CALM, seconds=4 * FALL_SECONDS, running=4)
    assert (found[0], found[-1]) == (4, 2)
    assert found.index(2) - found.index(3) >= FALL_SECONDS * 4


def test_between_busy_and_calm_nothing_changes() -> None:
    assert set(run(Scaler(Workers(1, 4)), BETWEEN, seconds=10 * FALL_SECONDS, running=2)) == {2}


def test_one_moment_that_is_not_busy_begins_the_count_anew() -> None:
    scaler = Scaler(Workers(1, 2))
    for second in range(20):
        assert scaler.want(1, delay_seconds=BUSY if second % 2 else BETWEEN, now=float(second)) == 1


def test_bounds_are_kept_whatever_runs() -> None:
    assert Scaler(Workers(2, 3)).want(1, delay_seconds=CALM, now=0.0) == 2
    assert Scaler(Workers(2, 3)).want(5, delay_seconds=BUSY, now=0.0) == 3
