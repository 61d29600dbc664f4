"""Nothing that becomes known after a moment has any influence on what was decided, recorded or answered up to it.

The later part of the files is made another history: values changed, rows taken away, rows added, and rows of before corrected. Facts
that by definition describe whole files are named in `WHOLE_FILES` and in `_version`; all else must be the same to the byte.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flyball.app.backtest import Request, run_backtest
from flyball.app.home import Home
from flyball.app.stores import Stores
from flyball.core.canonical import canonical
from flyball.core.clock import WallClock
from flyball.core.events import Event
from flyball.core.ids import RandomIds

MODEL = "late-parcel"
WHOLE_FILES = {"dataset.pinned"}  # how many rows the replayed version has, and its digest
PROJECT_CODE = "code"  # the digest of the project's directory, which is another one here
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


class Silent:
    """A progress that says nothing."""

    def moved(self, phase: str, share: float, *, text: str) -> None:
        del phase, share, text


@dataclass(frozen=True)
class Told:
    """What a world holds that was told up to a moment, as texts that can be compared."""

    events: list[str]
    runs: list[str]
    versions: list[str]
    windows: list[str]


def told(project: Path, until: datetime) -> Told:
    with Home.open(project.parent / ".flyball") as home:
        stores = Stores.open(home.find_world("parcels/declared"), clock=WallClock(), ids=RandomIds())
        try:
            return _told(stores, until)
        finally:
            stores.close()


def _told(stores: Stores, until: datetime) -> Told:
    events = [event for event in stores.journal.log.list() if event.time <= until]
    runs = [run for run in stores.runs.list() if run.id in {event.subject.rpartition("/")[2] for event in events}]
    numbers = {event.data["version"] for event in events if event.type == "version.registered"}
    closed = {event.data["start"] for event in events if event.type == "window.closed"}
    matured = {event.data["start"] for event in events if event.type == "window.matured"}
    windows = [window for window in stores.windows.list(MODEL) if window.start.isoformat() in closed]
    return Told(
        events=[_event(event) for event in events],
        runs=[canonical({**_plain(run), "tags": {**run.tags, PROJECT_CODE: ""}}) for run in runs],
        versions=[_version(stores, number) for number in sorted(numbers)],
        windows=[
            canonical([w.to_json() if w.start.isoformat() in matured else (w.start, w.end, w.rows, w.drift, w.quality)]) for w in windows
        ],
    )


def _plain(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def _event(event: Event) -> str:
    data = {} if event.type in WHOLE_FILES else event.data
    return canonical({**_plain(event), "data": data})


def _version(stores: Stores, number: int) -> str:
    version = stores.registry.find(MODEL, number)
    assert version is not None
    facts = {
        name: value for name, value in _plain(version).items() if name not in {"state", "code_version"}
    }  # the state is that at the end
    return canonical([facts, stores.registry.find_evidence(MODEL, number)])


def _backtest(project: Path) -> Path:
    run_backtest(Request(project, ("declared",)), Silent())
    return project


@pytest.fixture(scope="module")
def write_known(write_project: Callable[[Path], Path]) -> Callable[[Path], Path]:
    """The project with columns that say when a row was known, so that a correction may come at any time."""

    def write(folder: Path) -> Path:
        project = write_project(folder)
        text = project.read_text(encoding="utf-8")
        for old, new in (('known_before="6h"', 'known_time="booked_at"'), ('known_after="5m"', 'known_time="seen_at"')):
            assert old in text
            text = text.replace(old, new)
        text = text.replace('event_time="arrived_at"', 'event_time="arrived_at", known_time="told_at"')
        project.write_text(text, encoding="utf-8")
        for name, known in (
            ("parcels", (pl.col("leaves_at") - 6 * HOUR).alias("booked_at")),
            ("depots", (pl.col("at") + 5 * MINUTE).alias("seen_at")),
            ("arrivals", (pl.col("arrived_at") + 10 * MINUTE).alias("told_at")),
        ):
            _write(folder, name, frame=_read(folder, name).with_columns(known))
        return project

    return write


def _read(folder: Path, name: str) -> pl.DataFrame:
    path = folder / "data" / name
    return pl.read_csv(path / "all.csv", try_parse_dates=True) if name == "arrivals" else pl.read_parquet(path / "all.parquet")


def _write(folder: Path, name: str, *, frame: pl.DataFrame) -> None:
    path = folder / "data" / name
    frame.write_csv(path / "all.csv") if name == "arrivals" else frame.write_parquet(path / "all.parquet")


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory, write_known: Callable[[Path], Path]) -> Path:
    return _backtest(write_known(tmp_path_factory.mktemp("honest") / "parcels"))


def _moments(project: Path) -> dict[str, datetime]:
    with Home.open(project.parent / ".flyball") as home:
        stores = Stores.open(home.find_world("parcels/declared"), clock=WallClock(), ids=RandomIds())
        events = stores.journal.log.list()
        stores.close()
    stages = [event.time for event in events if event.type == "rollout.stage-entered"]
    closed = [event.time for event in events if event.type == "window.closed"]
    trained = [event.time for event in events if event.type == "training.started"]
    return {
        "inside a rollout": stages[0] + 7 * HOUR,
        "at the end of a window": closed[-4],
        "at a training": trained[-1],
        "any time": datetime(2024, 3, 16, 9, 30, tzinfo=UTC),
    }


@pytest.mark.parametrize("when", ["inside a rollout", "at the end of a window", "at a training", "any time"])
def test_another_future_changes_nothing_that_was_told_before(
    when: str, honest: Path, tmp_path: Path, write_known: Callable[[Path], Path]
) -> None:
    moment = _moments(honest)[when]
    project = write_known(tmp_path / "parcels")
    for name, known in (("parcels", "booked_at"), ("depots", "seen_at"), ("arrivals", "told_at")):
        _write(project.parent, name, frame=_another_future(_read(project.parent, name), known, moment=moment))
    _backtest(project)
    expected, found = told(honest, moment), told(project, moment)
    assert len(expected.events) > 40
    assert len(expected.runs) >= len(expected.versions) > 0
    assert len(expected.windows) > 2
    assert found == expected
    ever = datetime(2100, 1, 1, tzinfo=UTC)
    assert told(project, ever).events != told(honest, ever).events


def _another_future(frame: pl.DataFrame, known: str, *, moment: datetime) -> pl.DataFrame:
    """The rows known by `moment` as they were; after them other values, fewer rows, new rows, and corrections of what was before."""
    past, future = frame.filter(pl.col(known) <= moment), frame.filter(pl.col(known) > moment)
    assert len(future) > 20
    kept = _spoilt(future.gather_every(3))
    instant = pl.lit(moment + timedelta(microseconds=1)).cast(frame.schema[known])
    corrections = _spoilt(past.tail(400)).with_columns(instant.alias(known))
    key = next(name for name in ("parcel", "depot") if name in frame.columns)
    added = _spoilt(future.tail(50)).with_columns(("new-" + pl.col(key)).alias(key))
    far_back = added.head(3).with_columns(
        pl.lit(datetime(2020, 1, 1, tzinfo=UTC)).cast(frame.schema[time]).alias(time)
        for time in ("leaves_at", "at", "arrived_at")
        if time in frame.columns
    )
    return pl.concat([past, kept, corrections, added.tail(47), far_back.with_columns(instant.alias(known))])


def _spoilt(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.lit(-7e5).alias(name) for name in ("weight", "delay", "queue") if name in frame.columns)
