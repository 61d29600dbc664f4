"""Buckets that several processes share give what one alone would."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from flyball.core.clock import ManualTimer
from flyball.governance.buckets import LOOK_SECONDS, REMEMBERED, Buckets, Rate
from flyball.governance.ledger import CELLS, SharedLedger

TEN = Rate(10, 20)


def test_what_is_known_only_afterwards_is_owed_and_waited_for() -> None:
    timer = ManualTimer()
    buckets = Buckets(timer)
    assert buckets.wait_seconds("k", TEN) == 0
    buckets.charge("k", TEN, amount=50)
    assert buckets.wait_seconds("k", TEN) == pytest.approx(3.1)
    timer.sleep(3.0)
    assert buckets.wait_seconds("k", TEN) == pytest.approx(0.1)
    timer.sleep(0.2)
    assert buckets.wait_seconds("k", TEN) == 0


def test_more_than_the_burst_is_never_there() -> None:
    timer = ManualTimer()
    buckets = Buckets(timer)
    assert buckets.take("k", TEN, amount=21) == pytest.approx(0.1)
    timer.sleep(1000)
    assert buckets.take("k", TEN, amount=21) > 0
    assert buckets.take("k", TEN, amount=20) == 0


def test_many_keys_do_not_pile_up() -> None:
    buckets = Buckets(ManualTimer())
    for number in range(REMEMBERED + 100):
        buckets.take(number, TEN)
    assert len(buckets._buckets) == REMEMBERED


@pytest.fixture
def timer() -> ManualTimer:
    return ManualTimer(100.0)


def shared(place: Path, timer: ManualTimer, *, number: int) -> Buckets:
    return Buckets(timer, SharedLedger(place, number, timer=timer))


def test_what_one_process_gave_the_others_do_not_give_again(tmp_path: Path, timer: ManualTimer) -> None:
    processes = [shared(tmp_path, timer, number=number) for number in range(3)]
    taken = 0
    for _ in range(100):  # ten seconds, asked of all in turn, far more often than the rate
        timer.sleep(0.1)
        taken += sum(process.take("k", TEN) == 0 for process in processes for _ in range(3))
    assert 100 <= taken <= 20 + 100 + 3


def test_a_process_that_meets_a_key_late_knows_what_others_gave(tmp_path: Path, timer: ManualTimer) -> None:
    first = shared(tmp_path, timer, number=0)
    assert sum(first.take("k", TEN) == 0 for _ in range(30)) == 20
    late = shared(tmp_path, timer, number=1)
    assert late.take("k", TEN) > 0
    assert late.take("other", TEN) == 0
    timer.sleep(0.1 + LOOK_SECONDS)
    assert late.take("k", TEN) == 0


def test_a_process_that_begins_anew_takes_nothing_from_the_others(tmp_path: Path, timer: ManualTimer) -> None:
    first, second = (shared(tmp_path, timer, number=number) for number in range(2))
    assert second.take("k", TEN, amount=15) == 0
    assert first.take("k", TEN) == 0
    timer.sleep(10)
    assert first.take("k", TEN) == 0
    again = shared(tmp_path, timer, number=1)  # it was killed, and started
    timer.sleep(10)
    assert first.take("k", TEN, amount=20) == 0
    assert again.take("k", TEN) > 0


def test_a_full_table_is_emptied_and_goes_on(tmp_path: Path, timer: ManualTimer) -> None:
    first, second = (SharedLedger(tmp_path, number, timer=timer) for number in range(2))
    for number in range(CELLS):
        first.tell(f"k{number}", amount=number, left=1.0, when=2.0)
    assert second.taken(f"k{CELLS - 1}") == CELLS - 1
    assert second.taken("k1") == 0
    assert second.latest("k1") is None
    assert second.latest(f"k{CELLS - 1}") == (1.0, 2.0)


def test_a_table_that_strangers_fill_makes_nobody_pay_again(tmp_path: Path, timer: ManualTimer) -> None:
    first, second = (shared(tmp_path, timer, number=number) for number in range(2))
    for _ in range(100):  # a caller of both, who stays within the rate
        timer.sleep(1)
        assert first.take("k", TEN) == second.take("k", TEN) == 0
    for number in range(CELLS):
        first.take(f"stranger {number}", TEN)
    timer.sleep(1)
    assert second.take("k", TEN) == 0  # sees that the first counts from nothing
    assert first.take("k", TEN) == 0
    timer.sleep(1)
    assert second.take("k", TEN, amount=15) == 0


def test_a_process_that_ends_while_its_file_is_looked_at_is_gone(tmp_path: Path, timer: ManualTimer) -> None:
    first = SharedLedger(tmp_path, 0, timer=timer)
    (tmp_path / "1.taken").symlink_to(tmp_path / "not there")  # as a file that goes between two looks
    assert first.taken("k") == 0


def test_files_of_others_come_and_go(tmp_path: Path, timer: ManualTimer) -> None:
    first, second = (SharedLedger(tmp_path, number, timer=timer) for number in range(2))
    second.tell("k", amount=3, left=1, when=2)
    (tmp_path / "9.taken").write_bytes(b"not whole")
    assert first.taken("k") == 3
    second.close()
    timer.sleep(2)
    assert first.taken("k") == 0
    assert (tmp_path / "0.taken").stat().st_mode & 0o777 == 0o600


def test_other_processes_read_what_was_told(tmp_path: Path, timer: ManualTimer) -> None:
    SharedLedger(tmp_path, 0, timer=timer).tell("late/ci", amount=12.5, left=3.0, when=100.0)
    script = (
        "import sys; from pathlib import Path; from flyball.core.clock import MonotonicTimer; "
        "from flyball.governance.ledger import SharedLedger; "
        "print(SharedLedger(Path(sys.argv[1]), 1, timer=MonotonicTimer()).taken('late/ci'))"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "12.5"
