"""Chores of an open live home over real stores: each gets its turn, what fails is told once, and breaches are heard."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from flyball.app.chores import TOLD_AGAIN_SECONDS, Chores
from flyball.app.home import Home
from flyball.app.liveloop import LiveLoop
from flyball.app.liveparts import LiveParts, Place
from flyball.app.releasing import PRODUCTION
from flyball.core.clock import ManualTimer, VirtualClock
from flyball.core.duration import microseconds
from flyball.core.errors import FlyballError
from flyball.core.events import Event
from flyball.core.ids import Digest
from flyball.loop.projectfile import load_project
from flyball.loop.services import services_of
from flyball.pipelines import ExecutorPool, ProcessExecutor
from flyball.registry import Estimate, Evidence, Registration
from flyball.releases import canary
from flyball.serving.record import Answered, encode
from flyball.storage._localjournal import LocalJournal
from flyball.storage.events import EventQuery
from tests.parcels import START, write_parcels

MODEL = "late-parcel"
NOW = START + timedelta(days=40)
DAY = timedelta(days=1)


class Opened:
    """A home whose loop is open and not running, with what its chores work on."""

    def __init__(self, place: Place, failures: list[BaseException]) -> None:
        self.place, self.stores = place, place.home.stores
        self.parts = LiveParts.of(place)
        self.loop = LiveLoop(self.parts, failed=failures.append)
        self.woken = 0
        self.chores = Chores(self.parts, self._wake)

    def _wake(self) -> None:
        self.woken += 1

    def run_due(self, seconds: float = 6.0) -> None:
        """Let some real time pass, then do what is due."""
        timer = self.place.timer
        assert isinstance(timer, ManualTimer)
        timer.sleep(seconds)
        self.chores.run_due()

    def told(self, kind: str) -> list[Event]:
        return self.stores.journal.log.list(EventQuery(type=kind))

    def release(self, name: str, stages: list[float] | None) -> int:
        """A version that has passed its gates, put into the traffic; its number."""
        services = services_of(self.parts.models[MODEL].model, self.stores, environment=PRODUCTION, actor="system")
        begun = services.recorder.record("training.started", f"model/{MODEL}")
        run = services.runs.create(MODEL, parameters={}, cause=begun.id)
        services.runs.finish(run.id, metrics={}, artifacts={}, summary={})
        version = services.registry.register(
            Registration(
                model=MODEL, digest=Digest(name), run=run.id, data_versions={}, training_digest=Digest("t"),
                feature_fingerprint=Digest("f"), code_version="git:abc", environment=Digest("e"),
            ), cause=begun.id,
        ).number  # fmt: skip
        estimate = Estimate(0.7, 0.69, 0.71, 5000)
        evidence = Evidence(metric="roc_auc", metrics={"roc_auc": estimate}, start=START, end=NOW, rows=5000)
        services.gating.decide(MODEL, version, gates=[], evidence=evidence, cause=begun.id)
        spec = None if stages is None else canary(stages, hold="1d")
        services.releases.start(version, spec, cause=begun.id)
        return version

    def advance(self, version: int) -> None:
        services = services_of(self.parts.models[MODEL].model, self.stores, environment=PRODUCTION, actor="system")
        cause = self.stores.journal.log.list()[-1].id
        services.releases.advance(version, why="well", cause=cause)

    def answer(self, version: int, requests: int, *, route: str, error: str | None = None) -> None:
        """So many requests of one row each, answered now or failed."""
        with_journal = LocalJournal.write(self.place.home.path / "journal" / "predictions")
        now = microseconds(self.place.clock.now())
        for number in range(requests):
            name = f"prd-{version}-{now}-{number}-{error}"
            with_journal.append(
                encode(
                    Answered(
                        endpoint=MODEL, model=MODEL, version=version, route=route, time=now, features_digest="f", ids=[name], keys=[name],
                        request={}, features={}, value_times={}, scores=[None if error else 0.5], seconds=[0.001], error=error,
                        answered_by=0 if error else None, task="binary",
                    )
                )
            )  # fmt: skip
        with_journal.close()


@contextmanager
def opened(folder: Path) -> Iterator[Opened]:
    clock, pool = VirtualClock(NOW), ExecutorPool([ProcessExecutor()])
    project = folder / "parcels" / "parcels.py"
    home = Home.open(folder / "home", clock=clock, executor=pool, actor="system")
    place = Place(home, load_project(project), project, clock, ManualTimer(), abort=pool.abort, rest=pool.rest)
    found = Opened(place, [])
    try:
        found.loop.open(lambda _: None)
        yield found
    finally:
        found.loop.close()
        home.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("chores")
    write_parcels(place / "parcels")
    return place


@pytest.fixture(scope="module")
def live(folder: Path) -> Iterator[Opened]:
    with opened(folder) as found:
        yield found


def test_every_chore_gets_its_turn_and_none_fails_in_a_home_that_is_well(live: Opened) -> None:
    live.run_due(120)
    assert live.told("chore.failed") == []


def test_an_online_store_that_is_gone_is_made_again_and_that_is_told_once(live: Opened) -> None:
    for file in live.place.home.path.glob("online.db*"):
        file.unlink()
    for _ in range(2):
        live.run_due()
        assert [event.subject for event in live.told("features.republished")] == ["home"]


def test_a_breach_is_told_once_and_again_when_nothing_came_of_it_or_the_stage_is_another(live: Opened) -> None:
    champion = live.release("first", None)
    candidate = live.release("second", [0.2, 0.5, 1.0])
    live.answer(champion, 300, route="champion")
    live.answer(candidate, 300, route="canary", error="it raised")
    live.run_due()
    (breach,) = live.told("guardrail.breached")
    assert breach.data["version"] == candidate
    assert "failed 300 of 300 requests" in breach.data["why"]
    assert live.woken > 0
    live.run_due()
    assert len(live.told("guardrail.breached")) == 1
    live.run_due(TOLD_AGAIN_SECONDS)
    assert len(live.told("guardrail.breached")) == 2
    live.advance(candidate)  # as a move that was under way when the breach was told
    live.answer(candidate, 300, route="canary", error="it raised")
    live.run_due()
    assert len(live.told("guardrail.breached")) == 3


def test_parity_is_asked_for_once_an_hour_of_business_time(live: Opened) -> None:
    clock = live.place.clock
    assert isinstance(clock, VirtualClock)
    asked = len(live.stores.jobs.list())
    clock.advance_to(clock.now() + DAY)
    for minutes in (0, 20, 20, 30):
        clock.advance_to(clock.now() + timedelta(minutes=minutes))
        live.answer(1, 1, route="champion")
        live.run_due(61)
    assert len(live.stores.jobs.list()) == asked + 2


def test_what_fails_is_told_once_and_stops_no_other(live: Opened) -> None:
    broken = live.place.root / "data" / "depots" / "more.parquet"
    broken.write_bytes(b"no parquet")
    for _ in range(4):
        live.run_due()
    (failure,) = live.told("chore.failed")
    assert failure.data["chore"] == "reading sources"
    assert "more.parquet" in failure.data["why"]


def test_a_home_that_has_been_at_work_opens_though_a_source_cannot_be_read(tmp_path: Path) -> None:
    write_parcels(tmp_path / "parcels")
    with opened(tmp_path) as first:
        before = first.place.home.data.list("depots")
    (tmp_path / "parcels" / "data" / "depots" / "more.parquet").write_bytes(b"no parquet")
    with opened(tmp_path) as again:
        assert again.parts.models.keys() == {MODEL}
        assert again.place.home.data.list("depots") == before
        assert again.told("chore.failed")[-1].data["chore"] == "reading sources"


def test_a_home_that_never_read_a_source_does_not_open_without_it(tmp_path: Path) -> None:
    write_parcels(tmp_path / "parcels")
    (tmp_path / "parcels" / "data" / "depots" / "all.parquet").write_bytes(b"no parquet")
    with pytest.raises(FlyballError, match=r"all\.parquet"), opened(tmp_path):
        pass
