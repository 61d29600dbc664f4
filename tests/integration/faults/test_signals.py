"""Ctrl-C, SIGTERM, a reader that leaves, a second owner: the command ends soon, alone, and with the right code."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import sleep
from typing import Any

import pytest

ENDLESS = """    import time
    while True:
        time.sleep(0.1)"""


def endless(place: Any) -> None:
    """A training that never ends."""
    place.edit("late = fb.Model(", f"def fit(rows):\n{ENDLESS}\n\n\nlate = fb.Model(")
    place.edit('train=fb.search(metric="roc_auc", trials=1),', 'train=fit, metric="roc_auc",')


def training(place: Any) -> subprocess.Popen[str]:
    """A backtest that is in the middle of such a training."""
    endless(place)
    process = subprocess.Popen(place.command("backtest"), cwd=place.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not any(place.home.glob("scratch/*/step-*")):
        assert process.poll() is None, process.communicate()
        sleep(0.02)
    return process


def gone(living: Callable[[str], list[int]], text: str) -> bool:
    for _ in range(1200):
        if not living(text):
            return True
        sleep(0.05)
    return False


@pytest.mark.parametrize(("how", "codes"), [(signal.SIGINT, {130}), (signal.SIGTERM, {143, -signal.SIGTERM})])
def test_a_signal_ends_it_and_all_its_children(
    place: Any, living: Callable[[str], list[int]], how: signal.Signals, codes: set[int]
) -> None:
    process = training(place)
    process.send_signal(how)
    _, told = process.communicate(timeout=60)
    assert process.returncode in codes
    assert "Traceback" not in told
    assert gone(living, str(place.folder))
    assert not place.result.exists()


def test_a_second_owner_is_refused_with_3_and_the_first_is_named(place: Any) -> None:
    process = training(place)
    try:
        second = place.run("backtest")
        assert second.returncode == 3, second.stderr
        assert f"flyball backtest parcels.py (pid {process.pid}, since 20" in second.stderr
        assert len(second.stderr.splitlines()) == 1
        assert place.run("ls", "datasets", "--home", str(place.home)).returncode == 0  # who only looks is welcome
    finally:
        process.kill()
        process.communicate()
    assert place.run("check", str(place.project)).returncode == 0


def test_two_homes_of_one_project_at_once(fresh: Callable[..., Any], made: Any) -> None:
    place = fresh()

    def run(name: str) -> str:
        home, result = place.folder.parent / name, place.folder.parent / f"{name}.json"
        done = place.run("backtest", str(place.project), "--home", str(home), "--policy", "declared", "--json", str(result))
        assert done.returncode == 0, done.stderr
        found = json.loads(result.read_text(encoding="utf-8"))
        del found["timings"]
        return json.dumps(found, sort_keys=True)

    with ThreadPoolExecutor(2) as pool:
        assert set(pool.map(run, ("one", "two"))) == {made.figures()}


@pytest.mark.parametrize("words", [("backtest",), ("ls", "events", "--limit", "1000")])
def test_a_reader_that_leaves_is_no_error(place: Any, words: tuple[str, ...]) -> None:
    command = place.command(*words, *(() if words == ("backtest",) else ("--home", str(place.home))))
    with subprocess.Popen(command, cwd=place.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        told = process.stderr.read()
        process.wait(timeout=60)
    assert "Traceback" not in told, told
    assert "Exception" not in told, told
    assert process.returncode in {0, 1}, told  # Rich ends with 1 where nothing could be printed


@pytest.mark.parametrize("name", ['with space, it\'s "quoted"; what?#100%&$d', "München 飛行 ✈"])
def test_a_home_may_lie_anywhere(fresh: Callable[..., Any], made: Any, name: str) -> None:
    place = fresh(name, home=f"home of {name}")
    done = place.run("backtest")
    assert done.returncode == 0, done.stderr
    assert place.figures() == made.figures()
    assert place.run("ls", "events", "--home", str(place.home)).returncode == 0
