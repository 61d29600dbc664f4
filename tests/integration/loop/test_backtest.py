"""A whole backtest on a small project with a known story: the cause of the outcome turns round on day 55."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

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


def test_versions_moved_legally_and_only_one_that_was_validated_ever_answered(ran: Ran) -> None:
    for policy in ("never", "every:30d", "declared"):
        with _world(ran, policy) as stores:
            states: dict[int, VersionState] = {}
            answering: set[int] = set()
            for event in stores.journal.log.list():
                version = int(event.data.get("version", 0))
                match event.type.partition("."):
                    case ("version", _, "registered"):
                        states[version] = VersionState.CANDIDATE
                    case ("version", _, word):
                        moved = VersionState.VALIDATED if word == "restored" else VersionState(word)
                        assert moved in LEGAL_MOVES[states[version]]
                        states[version] = moved
                        answering -= {version} if moved is VersionState.RETIRED else set()
                    case ("rollout", _, "stage-entered" | "finished"):
                        answering.add(version)
                        assert states[version] is VersionState.VALIDATED
                    case ("rollout", _, "rolled-back"):
                        answering.remove(version)
                assert all(states[number] in {VersionState.VALIDATED, VersionState.RETIRED} for number in answering)
            assert answering == {stores.releases.list_deployments()[0].champion}
            answered = {event.data["version"] for event in stores.journal.log.list(EventQuery(type="version.validated"))}
            assert {rollout.version for rollout in stores.releases.list_rollouts("backtest", "late-parcel")} <= answered


def test_a_window_whose_version_was_replaced_before_its_labels_came_alarms_nobody(ran: Ran) -> None:
    replaced = 0
    for policy in ("never", "every:30d", "declared"):
        with _world(ran, policy) as stores:
            alerted = {event.cause for event in stores.journal.log.list(EventQuery(type="alert.raised"))}
            for event in stores.journal.log.list(EventQuery(type="window.matured")):
                if "has been replaced" in event.data["why"]:
                    replaced += 1
                    assert not event.data["alarmed"]
                    assert event.id not in alerted
    assert replaced


def test_what_is_watched_is_the_same_under_every_policy(ran: Ran) -> None:
    """The declared drop raises the alarms, also where the policy has no trigger that would answer them."""
    for policy in ("never", "every:30d", "declared"):
        with _world(ran, policy) as stores:
            told = [event.data["why"] for event in stores.journal.log.list(EventQuery(type="window.matured"))]
            assert any("more than 0.05 below" in why for why in told)
            assert not any("more than 0.02 below" in why for why in told)


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
