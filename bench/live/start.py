"""How soon `flyball up` answers when its home has a champion, and what its processes weigh when they have nothing to do.

The flights example with its year of history, on a scaled clock that begins in December. The first start trains; it is ended, and the
starts after it are timed, from the command to the first answered prediction. Memory is the proportional set size of all processes, ten
seconds after the last step has ended its child.

Run ``python bench/live/start.py``; the exit code is 1 when a limit is passed.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from flyball.app.settings import Settings

ROUNDS = 3
MOST_SECONDS, MOST_MEGABYTES = 8.0, 700.0
PROJECT = Path(__file__).resolve().parents[2] / "examples" / "flights" / "flights.py"
ROW = {
    "flight_id": "bench",
    "carrier": "UA",
    "origin": "JFK",
    "dest": "BOS",
    "distance": 187,
    "scheduled_minutes": 70,
    "departs_at": "2013-12-01T12:00:00Z",
}


def _start(home: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "flyball", "up", str(PROJECT), "--home", str(home), "--clock", "2013-12-01T00:00Z"]
    ports = ["--control-port", "0", "--serve-port", "0", "--console-port", "0"]
    log = (home.parent / "up.log").open("ab")
    return subprocess.Popen([*command, *ports], stdout=log, stderr=log, start_new_session=True)


def _asked(home: Path) -> int:
    """The status of one prediction; 0 where nobody listens."""
    try:
        settings = Settings.load(home)
        token = (home / "token").read_text(encoding="utf-8").strip()
        line = http.client.HTTPConnection("127.0.0.1", settings.serve_port, timeout=5)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        line.request("POST", "/predict/late-arrival", json.dumps({"rows": [ROW]}), headers)
        status = line.getresponse().status
        line.close()
    except (OSError, LookupError, ValueError):
        return 0
    return status


def _first_answer(home: Path, most: float) -> float:
    began = time.perf_counter()
    while _asked(home) != 200:
        if time.perf_counter() - began > most:
            sys.exit(f"no answer within {most} s; see {home.parent / 'up.log'}")
        time.sleep(0.05)
    return time.perf_counter() - began


def _megabytes(home: Path) -> dict[str, float]:
    up = json.loads((home / "run" / "up.json").read_text(encoding="utf-8"))
    pids = {"supervisor": up["pid"], **{name: child["pid"] for name, child in up["children"].items()}}
    found = {name: _pss(pid) for name, pid in pids.items()}
    children = {int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()} - set(pids.values())
    found["steps"] = sum(_pss(pid) for pid in children if _parent(pid) == pids["control"])
    return found


def _pss(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:"))


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[1])
    except (OSError, ValueError):
        return 0


def _end(process: subprocess.Popen[bytes]) -> float:
    began = time.perf_counter()
    os.kill(process.pid, signal.SIGTERM)
    process.wait(20)
    return time.perf_counter() - began


def main() -> None:
    """Measure, print, judge."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        process = _start(home)
        print(f"first start, which reads a year and trains: first answer after {_first_answer(home, 300):.1f} s")
        _end(process)
        starts, ends, weights = [], [], {}
        for _ in range(ROUNDS):
            process = _start(home)
            starts.append(_first_answer(home, 120))
            time.sleep(25)
            weights = _megabytes(home)
            ends.append(_end(process))
    start, weight = statistics.median(starts), sum(weights.values())
    shown = ", ".join(f"{name} {size:.0f}" for name, size in weights.items())
    print(f"start with a champion to the first answer: {start:.1f} s, the median of {ROUNDS}; limit {MOST_SECONDS:g} s")
    print(f"idle memory of all processes: {weight:.0f} MB ({shown}); limit {MOST_MEGABYTES:g} MB")
    print(f"end after SIGTERM: {max(ends):.1f} s at most; limit 10 s")
    sys.exit(start > MOST_SECONDS or weight > MOST_MEGABYTES or max(ends) > 10)


if __name__ == "__main__":
    main()
