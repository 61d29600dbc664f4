"""A whole backtest on a small project with a known story: the cause of the outcome turns round on day 55."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flyball.app.backtest import Outcome, Request, run_backtest
from flyball.app.home import Home
from flyball.app.stores import Stores
from flyball.core.clock import WallClock
from flyball.core.errors import HeldError
from flyball.core.ids import RandomIds
from flyball.loop.controller import Controller
from flyball.loop.decide import decide
from flyball.loop.projectfile import load_project
from flyball.loop.state import LoopSpec, LoopState
from flyball.loop.triggers import policy_triggers
from flyball.registry.model import LEGAL_MOVES, VersionState
from flyball.storage.events import EventQuery

Figures = dict[str, Any]


class Silent:
    """A progress that is told and says nothing."""

    def moved(self, phase: str, share: float, *, text: str) -> None:
        del phase, share, text


def run(project: Path, **wanted: Any) -> Outcome:
    return run_backtest(Request(project, **wanted), Silent())


def comparable(figures: Figures) -> str:
    return json.dumps({name: value for name, value in figures.items() if name != "timings"}, sort_keys=True)


@dataclass(frozen=True)
class Ran:
    """A finished backtest and the project file that it is of."""

    project: Path
    figures: Figures

    def policy(self, name: str) -> Figures:
        return next(policy for policy in self.figures["policies"] if policy["name"] == name)

    def events(self, name: str) -> list[Figures]:
        return [event for window in self.policy(name)["windows"] for event in window["events"]]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, write_project: Callable[[Path], Path]) -> Ran:
    project = write_project(tmp_path_factory.mktemp("story") / "parcels")
    return Ran(project, run(project).figures)


def test_the_three_policies_tell_the_story(ran: Ran) -> None:
    never, monthly, declared = (ran.policy(name) for name in ("never", "every:30d", "declared"))
    assert never["retrains"] == 0
    assert monthly["retrains"] == 2
    assert never["mean_metric"] + 0.1 < monthly["mean_metric"]
    assert never["mean_metric"] + 0.1 < declared["mean_metric"]
    before, after = never["windows"][1]["metrics"]["roc_auc"], never["windows"][3]["metrics"]["roc_auc"]
    assert before > 0.85
    assert after < 0.4


def test_the_mean_is_over_the_months_in_which_every_policy_has_a_value(ran: Ran) -> None:
    for policy in ran.figures["policies"]:
        values = [window["metrics"]["roc_auc"] for window in policy["windows"] if window["start"] in policy["mean_over"]]
        assert None not in values
        assert policy["mean_metric"] == pytest.approx(sum(values) / len(values))
        assert policy["mean_over"] == ran.figures["policies"][0]["mean_over"]


def test_all_policies_see_the_same_rows(ran: Ran) -> None:
    counts = [[(window["start"], window["rows"], window["resolved"]) for window in policy["windows"]] for policy in ran.figures["policies"]]
    assert counts[0] == counts[1] == counts[2]
    assert sum(rows for _, rows, _ in counts[0]) == 9000


def test_a_second_run_and_a_run_in_another_home_are_identical_to_the_byte(ran: Ran, tmp_path: Path) -> None:
    warm = run(ran.project).figures
    cold = run(ran.project, home=tmp_path / "elsewhere").figures
    assert comparable(warm) == comparable(ran.figures)
    assert comparable(cold) == comparable(ran.figures)


def test_every_cause_is_an_earlier_event_and_every_chain_ends_at_rows(ran: Ran) -> None:
    for policy in ("never", "every:30d", "declared"):
        with _world(ran, policy) as stores:
            seen: dict[str, str] = {}
            for event in stores.journal.log.list():
                if event.cause is None:
                    assert event.type == "dataset.pinned"
                    seen[event.id] = event.id
                else:
                    seen[event.id] = seen[event.cause]
                assert stores.journal.log.get(event.id) == event


def test_the_state_is_the_fold_of_the_events(ran: Ran) -> None:
    model = load_project(ran.project).models[0]
    with _world(ran, "declared") as stores:
        events = stores.journal.log.list()
        opened = next(event for event in events if event.type == "loop.started")
        spec = LoopSpec(
            model.name,
            first_training=datetime.fromisoformat(opened.data["first_training"]),
            window=model.length("window"),
            cool_down=model.length("cool_down"),
            triggers=policy_triggers("declared", model.retrain),
        )
        state = LoopState(spec)
        for event in events:
            state, _ = decide(state, event, now=event.time)
        controller = Controller({}, {model.name: spec}, journal=stores.journal)
        controller.replay()
        assert controller.state(model.name) == state
        assert state.champion == stores.releases.list_deployments()[0].champion
        assert state.trainings == len([event for event in events if event.type == "training.started"])


def test_versions_moved_legally_and_only_validated_ones_answered(ran: Ran) -> None:
    for policy in ("never", "every:30d", "declared"):
        with _world(ran, policy) as stores:
            states: dict[int, VersionState] = {}
            for event in stores.journal.log.list(EventQuery(type_prefix="version.")):
                number = event.data["version"]
                if event.type == "version.registered":
                    states[number] = VersionState.CANDIDATE
                    continue
                moved = VersionState.VALIDATED if event.type == "version.restored" else VersionState(event.type.partition(".")[2])
                assert moved in LEGAL_MOVES[states[number]]
                states[number] = moved
            released = {event.data["version"] for event in stores.journal.log.list(EventQuery(type_prefix="rollout."))}
            assert all(states[number] in {VersionState.VALIDATED, VersionState.RETIRED} for number in released)


def test_poisoning_all_that_becomes_known_later_changes_no_decision_until_then(
    ran: Ran, tmp_path: Path, write_project: Callable[[Path], Path]
) -> None:
    moment = datetime(2024, 3, 16, 9, 30, tzinfo=UTC)
    project = write_project(tmp_path / "parcels")
    poisoned = _poison(project.parent / "data", moment)
    assert poisoned > 500
    figures = Ran(project, run(project, policies=("declared",)).figures)

    def until(events: list[Figures]) -> list[Figures]:
        return [event for event in events if datetime.fromisoformat(event["time"]) <= moment]

    honest = until(ran.events("declared"))
    assert len(honest) > 50
    assert until(figures.events("declared")) == honest
    assert figures.events("declared") != ran.events("declared")


def test_a_second_owner_is_refused_and_the_holder_named(ran: Ran) -> None:
    home = ran.project.parent / ".flyball"
    with Home.open(home) as held, held.own("the first command"), pytest.raises(HeldError, match="the first command"):
        run(ran.project)


def _world(ran: Ran, policy: str) -> _Opened:
    home = Home.open(ran.project.parent / ".flyball")
    return _Opened(home, Stores.open(home.find_world(f"parcels/{policy}"), clock=WallClock(), ids=RandomIds()))


@dataclass(frozen=True)
class _Opened:
    home: Home
    stores: Stores

    def __enter__(self) -> Stores:
        return self.stores

    def __exit__(self, *_: object) -> None:
        self.stores.close()
        self.home.close()


def _poison(data: Path, moment: datetime) -> int:
    """Change every value of every row that is known after `moment`, times and keys aside; how many rows there are."""
    parcels = pl.read_parquet(data / "parcels/all.parquet")
    late = pl.col("leaves_at") - timedelta(hours=6) > moment
    parcels.with_columns(
        depot=pl.when(late).then(pl.lit("moon")).otherwise("depot"), weight=pl.when(late).then(pl.lit(-1e6)).otherwise("weight")
    ).write_parquet(data / "parcels/all.parquet")
    arrivals = pl.read_csv(data / "arrivals/all.csv", try_parse_dates=True)
    came = pl.col("arrived_at") > moment
    arrivals.with_columns(delay=pl.when(came).then(-pl.col("delay") * 1000).otherwise("delay")).write_csv(data / "arrivals/all.csv")
    depots = pl.read_parquet(data / "depots/all.parquet")
    known = pl.col("at") + timedelta(minutes=5) > moment
    depots.with_columns(queue=pl.when(known).then(pl.lit(9999.0)).otherwise("queue")).write_parquet(data / "depots/all.parquet")
    counts = (parcels.select(late.sum()).item(), arrivals.select(came.sum()).item(), depots.select(known.sum()).item())
    return int(sum(counts))
