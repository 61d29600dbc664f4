"""December 2013, live: `flyball up` on a scaled clock, with every flight asked about over HTTP, against the backtest of the same month.

The history up to December lies in files; what happens in December comes as traffic: a request one hour before each departure, schedules,
landings and weather as rows that are known when they were known then. Nothing is precomputed: the first version is trained at the
start, and from there on the loop is on its own. With --once it ends after the replay, else it stays up until Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from flyball.app.backtest import Request, run_backtest
from flyball.app.home import Home
from flyball.app.running import find_up
from flyball.app.settings import Settings
from flyball.app.stores import Stores
from flyball.client import Client, ClientError
from flyball.core.canonical import canonical
from flyball.core.clock import WallClock
from flyball.core.ids import RandomIds

HERE = Path(__file__).resolve().parent
PROJECT, MODEL = HERE / "flights.py", "late-arrival"
START, END = "2013-12-01T00:00Z", "2014-01-01T00:00Z"
SPEED = "30000"
FLYBALL = [sys.executable, "-m", "flyball"]

Story = dict[str, list[tuple[str, str, str]]]


class Quiet:
    """A progress that tells each phase once."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def moved(self, phase: str, share: float, *, text: str) -> None:
        del share, text
        if phase not in self._told:
            self._told.add(phase)
            print(f"  backtest of December: {phase}", flush=True)


def promised(home: Path) -> tuple[dict[str, Any], Story]:
    """The figures of December's backtest, and what it says will happen."""
    outcome = run_backtest(Request(PROJECT, policies=("declared",), start=START, name="december", home=home), Quiet())
    with Home.open(home) as opened:
        world = opened.find_world("december/declared")
    return outcome.figures["policies"][0], story(world)


def story(place: Path) -> Story:
    """Per subject of the model what happened before January, in order: when, what, and all that was told of it."""
    stores = Stores.open(place, clock=WallClock(), ids=RandomIds())
    found: Story = defaultdict(list)
    for event in stores.journal.log.list():
        about = event.subject.startswith("model/") and event.type not in {"features.compiled", "parity.checked"}
        if about and event.time.year < 2014:
            told = {name: value for name, value in event.data.items() if name not in {"run", "policy"}}
            when = "" if event.type == "loop.started" else event.time.isoformat()  # a backtest begins with its first row
            found[event.subject].append((when, event.type, canonical(told)))
    stores.close()
    return found


def start(home: Path) -> subprocess.Popen[bytes]:
    """`flyball up`, whose lines are this program's; returns when it runs, or ends with its exit code when it cannot."""
    process = subprocess.Popen(
        [*FLYBALL, "up", str(PROJECT), "--home", str(home), "--clock", START, "--speed", SPEED, "--hold"], start_new_session=True
    )
    while find_up(home) is None:
        if process.poll() is not None:
            sys.exit(process.returncode)
        time.sleep(0.1)
    return process


def compare(live: Story, world: Story) -> tuple[int, int]:
    """How many events the backtest promised, and how many of them happened just so: time, subject, figures and all."""
    told = [(subject, *event) for subject, events in world.items() for event in events]
    happened = {(subject, *event) for subject, events in live.items() for event in events}
    return len(told), sum(event in happened for event in told)


def summary(home: Path, figures: dict[str, Any], *, world: Story) -> list[str]:
    """The figures of live against backtest, one line each."""
    settings = Settings.load(home)
    token = (home / "token").read_text(encoding="utf-8").strip()
    with Client(settings.control_url, token) as client:
        parity = client.run_parity()[MODEL]
        windows = client.list_windows(MODEL)
        code = client.create_login_code()
    of, same = compare(story(home), world)
    weeks = {week["start"][:10]: week["metric"] for week in figures["weeks"]}
    lines = [f"  events of the loop   {of} promised, {same} happened just so: same time, same decision, same figures to the last digit"]
    for window in windows:
        metric, expected = window["metrics"].get("roc_auc"), weeks.get(window["start"][:10])
        if metric and expected:
            week = window["start"][:10]
            lines.append(f"  week of {week}   roc_auc {metric['value']:.4f} live, {expected['value']:.4f} in the backtest")
    lines.append(f"  parity               {parity['why']}")
    return [*lines, f"  console              {settings.console_url}/login?code={code}"]


def end(process: subprocess.Popen[bytes]) -> None:
    """End `up`, if it runs."""
    if process.poll() is None:
        os.kill(process.pid, signal.SIGTERM)
        process.wait(20)


def main() -> int:
    """Backtest December, live December, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True, help="the home of the backtest; the live one lies beside it")
    parser.add_argument("--once", action="store_true", help="end after the replay")
    given = parser.parse_args()
    live = given.home.with_name(given.home.name + "-live")
    if find_up(live) is not None:
        sys.exit(f"Another demo is up: its home is {live}. End it with Ctrl-C there, then run this again.")
    shutil.rmtree(live, ignore_errors=True)
    print("December, first as the backtest promises it, then live", flush=True)
    figures, world = promised(given.home)
    process = start(live)
    try:
        replay = [*FLYBALL, "replay", str(PROJECT), "--home", str(live), "--from", START, "--to", END, "--rows-every", "12h", "--ahead"]
        done = subprocess.run(replay, check=False)
        if done.returncode != 0:
            return done.returncode
        lines = summary(live, figures, world=world)
        if given.once:
            end(process)
            lines.pop()  # nobody is there to log in to
        print("\nLive against the backtest of the same month", *lines, sep="\n", flush=True)
        if given.once:
            return 0
        print("\nIt stays up. Open the console with the link, which is good once; Ctrl-C ends it.", flush=True)
        return process.wait()
    except KeyboardInterrupt:
        return 0
    except ClientError as error:
        sys.exit(str(error))
    finally:
        end(process)


if __name__ == "__main__":
    sys.exit(main())
