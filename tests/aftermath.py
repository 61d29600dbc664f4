"""What a home tells after a story: its events, its decisions, its rows, its answers and its jobs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from flyball.app.home import Home
from flyball.app.predictionlog import open_log
from flyball.app.stores import Stores
from flyball.core.canonical import canonical
from flyball.core.clock import WallClock
from flyball.core.events import Event
from flyball.core.ids import RandomIds
from flyball.data.model import KNOWN_TIME, PREDICTION_TIME, SYSTEM_COLUMNS
from flyball.data.prediction import prediction_rows
from flyball.loop.definition import datasets_of
from flyball.loop.model import Model
from flyball.loop.projectfile import load_project

TOLD = ("timer", "reason", "kind", "version", "stage", "verdict", "start", "alarmed")
"""What an event says of a decision; figures may differ by a request that was asked twice because its answer was killed."""

ONCE = {
    "training.started", "training.finished", "version.registered", "rollout.stage-entered", "rollout.judged", "rollout.finished",
    "window.closed", "alert.raised", "timer.fired",
}  # fmt: skip

MODEL = "late-parcel"
SUBJECT = f"model/{MODEL}"

Story = dict[str, list[tuple[str, ...]]]


@dataclass(frozen=True)
class Stretch:
    """A stretch of business time, as the command line takes it."""

    start: str
    end: str

    @property
    def begun(self) -> datetime:
        return datetime.fromisoformat(self.start)

    @property
    def until(self) -> datetime:
        return datetime.fromisoformat(self.end)


@contextmanager
def stores(place: Path) -> Iterator[Stores]:
    found = Stores.open(place, clock=WallClock(), ids=RandomIds())
    try:
        yield found
    finally:
        found.close()


def events(place: Path) -> list[Event]:
    with stores(place) as found:
        return found.journal.log.list()


def story(place: Path, stretch: Stretch) -> Story:
    """Per subject of the model, what was decided within the stretch, in order."""
    found: Story = {}
    for event in events(place):
        about_live_only = event.type.startswith("parity.") or event.type in {"features.compiled", "version.converted"}
        if event.subject.startswith(SUBJECT) and event.time < stretch.until and not about_live_only:
            at = "" if event.type == "loop.started" else event.time.isoformat()
            said = (f"{name}={event.data[name]}" for name in TOLD if name in event.data)
            found.setdefault(event.subject, []).append((at, event.type, *said))
    return found


def windows(place: Path, until: datetime) -> list[tuple[str, str, str]]:
    """What was told of the model's windows, with all figures."""
    found = [event for event in events(place) if event.type.startswith("window.") and event.time < until]
    return [(event.type, event.time.isoformat(), canonical(event.data)) for event in found]


def world(home: Path) -> Path:
    with Home.open(home) as found:
        return found.find_world("parcels/declared")


def kinds(home: Path) -> list[str]:
    return [event.type for event in events(home)] if (home / "flyball.db").exists() else []


def answers(home: Path, stretch: Stretch) -> pl.DataFrame:
    """What the prediction log holds of the stretch, after all that waits in the journal was read."""
    with Home.open(home) as live:
        log = open_log(home, live.tables, stores=live.stores)
        log.drain()
        return log.read(MODEL, stretch.begun, end=stretch.until)


@dataclass(frozen=True)
class Aftermath:
    """A live home and the home of the backtest of the same stretch."""

    home: Path
    promised: Path
    model: Model
    stretch: Stretch

    @classmethod
    def of(cls, home: Path, promised: Path, *, project: Path, stretch: Stretch) -> Aftermath:
        """The two homes of a project."""
        return cls(home, promised, load_project(project).get(MODEL), stretch)

    def check_decisions(self) -> None:
        """What was promised was decided, subject by subject."""
        live, wanted = story(self.home, self.stretch), story(world(self.promised), self.stretch)
        assert live.keys() == wanted.keys()
        for subject in wanted:
            assert live[subject] == wanted[subject], subject

    def check_rows(self) -> None:
        """Each row of the files that became known within the stretch is there once, known from the same moment on."""
        with Home.open(self.home) as live, Home.open(self.promised) as files:
            for name, dataset in datasets_of(self.model).items():
                wanted = files.data.history(dataset).filter(pl.col(KNOWN_TIME) <= self.stretch.until)
                found = live.data.history(dataset)
                columns = [column for column in wanted.columns if column not in SYSTEM_COLUMNS or column == KNOWN_TIME]
                assert found.select(columns).sort(dataset.key).equals(wanted.select(columns).sort(dataset.key)), name
                assert live.data.get_accepted(name).rows == found.height

    def check_answers(self, times: int) -> None:
        """Every row was predicted, and no answer is there twice; so many requests may have been asked again, and are no others."""
        rows = self.model.rows
        with Home.open(self.promised) as files:
            asked = prediction_rows(files.data.history(rows), key=rows.key, lead=self.model.length("lead"))
        within = pl.col(PREDICTION_TIME).is_between(self.stretch.begun, self.stretch.until, closed="left")
        wanted = asked.filter(within).select(rows.key).to_series()
        found = answers(self.home, self.stretch)
        assert found["id"].is_unique().all()
        missing, surplus = set(wanted) - set(found["key"]), set(found["key"]) - set(wanted)
        assert (sorted(missing)[:5], sorted(surplus)[:5], len(missing), len(surplus)) == ([], [], 0, 0)
        assert len(found) - len(wanted) <= 2 * times

    def check_jobs(self) -> None:
        """Every command was carried out once: no job failed or waits, and each event of an outcome has a cause of its own."""
        with stores(self.home) as found, stores(world(self.promised)) as known:
            assert {job.state for job in found.jobs.list() if job.kind == "loop"} == {"succeeded"}
            runs = [run.status.value for run in found.runs.list(MODEL)]
            outcomes = Counter((event.type, event.cause, event.data.get("at")) for event in found.journal.log.list() if event.type in ONCE)
            assert len(runs) == len(known.runs.list(MODEL))
        assert set(runs) == {"finished"}
        assert set(outcomes.values()) == {1}
