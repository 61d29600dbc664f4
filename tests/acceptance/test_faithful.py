"""What the backtest promised is what happens live: the same events, decisions and figures, over real HTTP and real processes."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flyball.app.backtest import Request, run_backtest
from flyball.app.home import Home
from flyball.app.stores import Stores
from flyball.core.canonical import canonical
from flyball.core.clock import WallClock
from flyball.core.events import Event
from flyball.core.ids import RandomIds
from tests.live import Up
from tests.parcels import write_parcels

START, END = "2024-02-05T00:00:00+00:00", "2024-03-19T00:00:00+00:00"
OWN_IDS = {"run", "policy"}  # of a run, and of a world: neither says what happened

Story = dict[str, list[tuple[str, str, str]]]


class Silent:
    """A progress that is told and says nothing."""

    def moved(self, phase: str, share: float, *, text: str) -> None:
        del phase, share, text


def story(place: Path, until: datetime) -> Story:
    """Per subject of the model what happened before `until`, in order: time, type and all that was told of it."""
    stores = Stores.open(place, clock=WallClock(), ids=RandomIds())
    found: Story = defaultdict(list)
    for event in stores.journal.log.list():
        if event.subject.startswith("model/") and event.time < until and not about_live_only(event):
            found[event.subject].append((when(event), event.type, told(event)))
    stores.close()
    return dict(found)


def about_live_only(event: Event) -> bool:
    """Parity is a check of serving; the catalogue of features belongs to the home, and so do conversions, which no release waits for."""
    return event.type.startswith("parity.") or event.type in {"features.compiled", "version.converted"}


def when(event: Event) -> str:
    """A backtest's loop begins with the first row of its history, a live one when it is started."""
    return "" if event.type == "loop.started" else event.time.isoformat()


def told(event: Event) -> str:
    data: dict[str, Any] = {name: value for name, value in event.data.items() if name not in OWN_IDS}
    return canonical(data)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("rows_every", "speed"), [("12h", "200000")])
def test_a_live_loop_does_what_the_backtest_of_the_same_rows_does(tmp_path: Path, rows_every: str, speed: str) -> None:
    """The cause of the outcome turns round within the stretch: alarms, refused and released successors, a canary and a new champion."""
    project = write_parcels(tmp_path / "parcels")
    up = Up.start(project, tmp_path / "live", "--clock", START, "--speed", speed, "--hold")
    try:
        up.wait_serving()
        figures = up.replay(START, END, "--rows-every", rows_every, "--ahead")
        with up.client() as client:
            parity = client.run_parity()["late-parcel"]
    finally:
        assert up.end() == 0
    assert (figures["errors"], figures["quarantined"], figures["unanswered"]) == (0, 0, 0)
    assert figures["predictions"] > 3000

    run_backtest(Request(project, policies=("declared",), start=START, home=tmp_path / "home"), Silent())
    with Home.open(tmp_path / "home") as home:
        world = home.find_world("parcels/declared")
    until = datetime.fromisoformat(END).astimezone(UTC)
    live, promised = story(tmp_path / "live", until), story(world, until)
    assert live.keys() == promised.keys()
    for subject in promised:
        assert live[subject] == promised[subject], subject
    kinds = {kind for events in promised.values() for _, kind, _ in events}
    assert {"alert.raised", "training.finished", "version.rejected", "rollout.stage-entered", "rollout.judged"} <= kinds
    assert [kind for events in promised.values() for _, kind, _ in events].count("rollout.finished") == 2
    assert parity["rows"] > 50
    assert not parity["alarmed"], parity["why"]
