"""The whole year of flights: what the three policies come to, what it takes, and that a kill in the middle changes no byte."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flyball.core.rand import SeededRandom

EXAMPLE = Path(__file__).parents[2] / "examples/flights"
MONTHS = [f"2013-{month:02}-01T00:00:00+00:00" for month in range(1, 13)]
LIMIT_BYTES = 3 * 2**30

Start = Callable[..., subprocess.Popen[bytes]]


@dataclass(frozen=True)
class Year:
    """The year's project, its undisturbed result, and the most memory that its processes had at one moment."""

    project: Path
    result: Path
    peak_bytes: int

    def policies(self) -> dict[str, dict[str, Any]]:
        """What came of each policy, by name."""
        return {policy["name"]: policy for policy in json.loads(self.result.read_bytes())["policies"]}


@pytest.fixture(scope="session")
def year(tmp_path_factory: pytest.TempPathFactory, start_backtest: Start, marked: Callable[[str], list[int]]) -> Year:
    """One undisturbed run of the repository's own example."""
    folder = tmp_path_factory.mktemp("year") / "flights"
    folder.mkdir()
    project = Path(shutil.copy(EXAMPLE / "flights.py", folder))
    if (EXAMPLE / "data").is_dir():
        (folder / "data").symlink_to(EXAMPLE / "data")
    else:
        subprocess.run([sys.executable, str(EXAMPLE / "prepare.py"), "--into", str(folder / "data")], check=True, capture_output=True)
    result, mark, peak, out, err = folder.parent / "undisturbed.json", str(folder), 0, b"", b""
    process = start_backtest(project, folder.parent / "undisturbed", result=result, mark=mark)
    while True:
        try:
            out, err = process.communicate(timeout=0.5)
            break
        except subprocess.TimeoutExpired:
            peak = max(peak, sum(_own_bytes(pid) for pid in marked(mark)))
    assert process.returncode == 0, (out + err).decode()
    return Year(project, result, peak)


def _own_bytes(pid: int) -> int:
    """Resident memory of a process; what several processes share is counted once for each."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:  # it has just ended
        return 0


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_declared_is_as_good_as_every_month_and_better_than_never(year: Year) -> None:
    found = year.policies()
    declared, monthly, never = found["declared"], found["every:30d"], found["never"]
    assert declared["mean_metric"] >= monthly["mean_metric"] - 0.002
    assert declared["retrains"] <= monthly["retrains"]
    assert declared["mean_metric"] >= never["mean_metric"] + 0.02
    assert never["retrains"] == 0
    assert declared["mean_over"] == monthly["mean_over"] == never["mean_over"] == MONTHS[2:]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_flight_of_the_year_is_resolved_and_every_month_has_a_value(year: Year) -> None:
    for policy in year.policies().values():
        windows = {window["start"]: window for window in policy["windows"]}
        assert sum(window["rows"] for window in windows.values()) == 336_776
        for month in MONTHS[2:]:
            assert windows[month]["metrics"]["roc_auc"] is not None
            # The last three days' labels are not awaited when the history ends.
            assert windows[month]["resolved"] == windows[month]["rows"] or month == MONTHS[-1]
        assert windows[MONTHS[-1]]["resolved"] > 0.95 * windows[MONTHS[-1]]["rows"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_all_processes_together_stay_below_three_gibibytes(year: Year) -> None:
    assert 2**28 < year.peak_bytes < LIMIT_BYTES


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_year_that_is_killed_and_continued_is_the_same_to_the_byte(
    year: Year, tmp_path: Path, start_backtest: Start, *, marked: Callable[[str], list[int]], figures: Callable[[Path], bytes]
) -> None:
    undisturbed = sum(json.loads(year.result.read_bytes())["timings"].values())
    home, result, mark = tmp_path / "home", tmp_path / "killed.json", str(tmp_path)
    process = start_backtest(year.project, home, result=result, mark=mark)
    with pytest.raises(subprocess.TimeoutExpired):  # two policies run at once: it takes longer than half of all that was timed
        process.communicate(timeout=5 + 0.3 * undisturbed * SeededRandom(2013).uniform("kill"))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not result.exists()
    again = start_backtest(year.project, home, result=result, mark=mark)
    out, err = again.communicate(timeout=800)
    assert again.returncode == 0, (out + err).decode()
    assert figures(result) == figures(year.result)
    assert not marked(mark)
