"""Pushed rows under kill -9 at any moment: what was acknowledged is there, once, and means what an oracle says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyball.core.clock import MonotonicTimer
from flyball.data import Dataset, files
from flyball.data.model import EVENT_TIME, KNOWN_TIME
from flyball.testing.data_home import opened_data_home

SALES = Dataset("sales", files("data"), key=["shop", "id"], event_time="sold_at", known_after="1h")
START = datetime(2013, 1, 1, tzinfo=UTC)
STORED = 100

# Sends the batches of a file from a number on, each with its key, and applies now and then; says what it has done.
CLIENT = """
import json, sys
from datetime import datetime
from pathlib import Path
from flyball.data import Dataset, files
from flyball.testing.data_home import opened_data_home

place, first = Path(sys.argv[1]), int(sys.argv[2])
sales = Dataset("sales", files("data"), key=["shop", "id"], event_time="sold_at", known_after="1h")
with opened_data_home(place) as home, home.live() as live:
    print("up", flush=True)
    live.apply(sales)
    for number, batch in enumerate(json.loads((place / "batches.json").read_text())):
        if number < first:
            continue
        live.accept(sales, batch["rows"], key=f"k{number}", at=datetime.fromisoformat(batch["at"]))
        print("acked", number, flush=True)
        if batch["apply"]:
            live.apply(sales)
            print("applied", number, flush=True)
    live.apply(sales)
    print("done", flush=True)
"""

rows = st.tuples(st.sampled_from("ab"), st.integers(0, 7), st.integers(0, 40), st.integers(-2, 2) | st.just("x"))
batches = st.lists(st.tuples(st.lists(rows, min_size=1, max_size=6), st.integers(0, 60), st.booleans()), min_size=15, max_size=30)
kills = st.lists(st.tuples(st.integers(1, 12), st.integers(0, 30)), min_size=6, max_size=6)


def at(hours: int) -> datetime:
    return START + timedelta(hours=hours)


def prepare(place: Path, drawn: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """A home with a hundred rows, and the batches; the last of which repeats the first under another key."""
    drawn = [*drawn, (drawn[0][0], 61, True)]
    made = [
        {
            "rows": [{"shop": shop, "id": key, "sold_at": at(hour).isoformat(), "amount": amount} for shop, key, hour, amount in pushed],
            "at": at(hour).isoformat(),
            "apply": apply,
        }
        for pushed, hour, apply in drawn
    ]
    with opened_data_home(place) as home:
        lines = [f"a,{n},{at(n).isoformat()},0" for n in range(STORED)]
        home.write("a.csv", "\n".join(["shop,id,sold_at,amount", *lines, ""]))
        home.ingest(SALES)
    (place / "batches.json").write_text(json.dumps(made))
    return made


def oracle(made: list[dict[str, Any]]) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """The rows that stand, in order of arrival, and those set aside: the law, one row at a time."""
    standing = [("a", n, 0, at(n), at(n) + timedelta(hours=1)) for n in range(STORED)]
    last = {found[:2]: found for found in standing}
    aside = []
    for position, batch in enumerate(made, start=1):
        for number, row in enumerate(batch["rows"], start=1):
            if row["amount"] == "x":
                aside.append((f"live:{position}", number, "amount is no integer: x"))
                continue
            event = datetime.fromisoformat(row["sold_at"])
            before = last.get((row["shop"], row["id"]))
            if before is not None and before[2:4] == (row["amount"], event):
                continue
            known = max(event + timedelta(hours=1), datetime.fromisoformat(batch["at"]), before[4] if before else START)
            standing.append((row["shop"], row["id"], row["amount"], event, known))
            last[row["shop"], row["id"]] = standing[-1]
    return standing, aside


def run(place: Path, first: int, *, kill: tuple[int, int] | None) -> tuple[int, bool]:
    """The number of the next batch to send, and whether all is done; `kill` says after how many lines and milliseconds it is killed."""
    with subprocess.Popen([sys.executable, "-c", CLIENT, str(place), str(first)], stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout is not None
        said = []
        for line in client.stdout:
            said.append(line.split())
            if kill is not None and len(said) == kill[0]:
                timer = MonotonicTimer()
                until = timer.seconds() + kill[1] / 1000
                while timer.seconds() < until:
                    pass
                os.kill(client.pid, signal.SIGKILL)
        code = client.wait()
    done = said[-1] == ["done"] if said else False
    assert done or code == -signal.SIGKILL
    acked = [int(words[1]) for words in said if words[0] == "acked"]
    return max(acked, default=first - 1) + 1, done


@pytest.mark.slow
@settings(deadline=None, max_examples=3)
@given(batches, kills)
def test_killed_at_any_moment_nothing_is_lost_and_nothing_is_twice(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[Any, ...]], moments: list[tuple[int, int]]
) -> None:
    place = tmp_path_factory.mktemp("killed")
    made = prepare(place, drawn)
    following, done = 0, False
    for moment in moments:
        following, done = run(place, following, kill=moment)
        if done:
            break
    if not done:
        _, done = run(place, following, kill=None)
    assert done
    standing, aside = oracle(made)
    with opened_data_home(place) as home:
        found = home.service.history(SALES).select("shop", "id", "amount", EVENT_TIME, KNOWN_TIME).rows()
        assert found == standing
        assert sorted(home.service.quarantined("sales").select("file", "row", "reason").rows()) == sorted(aside)
        live = [version for version in home.service.list("sales") if version.number > 1]
        pushed = sum(len(batch["rows"]) for batch in made)
        assert sum(version.added + version.quarantined + version.duplicates for version in live) == pushed
        with home.live() as door:
            assert door.position(SALES) == len(made)
            assert all(door.accept(SALES, batch["rows"], key=f"k{number}", at=START).duplicate for number, batch in enumerate(made))
