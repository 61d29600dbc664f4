"""Bandits that learn from labels: an answer that was right earns 1, one that another gave in a version's place earns it nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flyball.app.controlplane import Deed
from flyball.app.endpointview import EndpointView
from flyball.app.learning import Learning
from flyball.app.predictionlog import open_log
from flyball.app.releasing import Releasing
from flyball.app.servers import Servers
from flyball.app.steering import Steering
from flyball.app.trafficdesk import TrafficDesk
from flyball.core.clock import ManualTimer
from flyball.data.model import TIME
from flyball.loop.context import Objective
from flyball.loop.earning import Earning
from flyball.loop.livetraffic import LoggedStretch
from flyball.loop.projectfile import load_project
from flyball.releases import bandit
from flyball.releases._sqlrewards import SqlRewards
from flyball.releases.errors import PolicyError
from flyball.releases.rewards import Reward
from flyball.serving.log import PredictionLog
from flyball.serving.policies import Bandit
from flyball.storage._delta import DeltaTables
from flyball.testing.livehome import START, LiveHome
from flyball.testing.serving_home import ServingHome

NOW = datetime(2013, 2, 28, tzinfo=UTC)


@dataclass
class Answered:
    """A model of the loop, as far as bandits ask it: what its endpoint answered, and its labels."""

    objective: Objective
    found: LoggedStretch

    def earning(self, since: datetime) -> Earning:
        return Earning(self.found.model, self, labels=self.found.labels, since=since)

    def drain(self) -> int:
        return 0

    def select(self, endpoint: str, wanted: pl.Expr, *, columns: Sequence[str]) -> pl.DataFrame:
        assert endpoint == "late"
        return self.found.rows.filter(wanted).select(columns)


class NoPlan:
    """A planner whose plans nobody waits for."""

    def revision(self) -> int:
        return 0


def answers(place: Path) -> LoggedStretch:
    """Of 300 trips: version 2 was right of each, version 1 of none; version 3 failed, and 1 stood in for it and was right."""
    serving = ServingHome.trips(place, now=NOW)
    late = [number % 40 > 15 for number in range(300)]
    versions = [1 + number % 2 for number in range(200)] + [1] * 100
    right = [version == 2 for version in versions[:200]] + [True] * 100
    rows = pl.DataFrame({
        "stream": ["predictions"] * 300,
        "position": range(1, 301),
        "key": [f"h{number}" for number in range(300)],
        "time": pl.Series([NOW - timedelta(days=1)] * 300, dtype=TIME),
        "version": versions,
        "route": ["challenger"] * 200 + ["fallback"] * 100,
        "score": [float(told == well) for told, well in zip(late, right, strict=True)],
    })  # fmt: skip
    return LoggedStretch(load_project(serving.project).get("late"), rows, lambda: serving.histories["arrivals"], ())


def learning(home: LiveHome, model: Any) -> Learning:
    return Learning(Releasing(home.stores), SqlRewards(home.stores.database), {"late": model}, lambda: None)


def test_a_bandit_learns_from_labels(home: LiveHome, tmp_path: Path) -> None:
    home.released("a")
    home.validated("b")
    word = learning(home, Answered(Objective("binary", "roc_auc"), answers(tmp_path)))
    word.check("late")
    begun = bandit([1, 2], learns="labels", since=NOW - timedelta(days=2))
    word.releasing.set_policy("late", begun, deed=Deed("user:ada"))
    assert word.learn_all() == 1
    found = home.releases.get().policy
    assert isinstance(found, Bandit)
    assert found.arms[1].total == 0
    assert found.arms[2].total == found.arms[2].count > 50
    assert found.shares == pytest.approx({1: 0.01, 2: 0.99}, abs=1e-6)
    assert not word.learn("late")  # nothing new came


def test_a_reward_is_for_an_answer_that_somebody_got(home: LiveHome, tmp_path: Path) -> None:
    home.released("a")
    home.validated("b")
    word = learning(home, Answered(Objective("binary", "roc_auc"), answers(tmp_path)))
    home.answered("p0", version=1)
    home.clock.advance_to(home.clock.now() + timedelta(seconds=1))
    word.releasing.set_policy("late", bandit([1, 2], learns="rewards", since=home.clock.now()), deed=Deed("user:ada"))
    home.answered("p1", version=1)
    home.answered("p2", version=2, route="challenger")
    home.answered("p3", "p4", version=2, route="batch")
    steering = Steering(word.releasing, Servers(NoPlan(), ManualTimer()), lambda: None)
    view = EndpointView(load_project(ServingHome.trips(tmp_path / "trips", now=NOW).project), home.stores, home.log, steering.servers)
    desk = TrafficDesk(view, steering, home.log, word.rewards, home.clock, word, lambda _: ())
    told = desk.add_rewards("late", [Reward(name, 1.0) for name in ("p0", "p1", "p2", "p3")])
    assert told == {"accepted": 2, "duplicates": 0, "unknown": ["p0", "p3"]}  # one came before the bandit, one was nobody's
    assert {number: arm.count for number, arm in word.rewards.totals("late", START).items()} == {1: 1, 2: 1}


def test_answers_count_once_from_memory_from_tables_and_for_a_successor(home: LiveHome, tmp_path: Path) -> None:
    found = answers(tmp_path)

    def begun(log: PredictionLog) -> Earning:
        return Earning(found.model, log, labels=found.labels, since=home.clock.now() - timedelta(days=1))

    earning = begun(home.log)
    home.answered("h0", "h20", version=1)
    home.answered("h1", version=2, route="shadow")
    home.clock.advance_to(home.clock.now() + timedelta(seconds=1))
    assert earning.look(home.clock.now()) == {1: (1, 2)}
    home.log.ship()
    home.answered("h1", version=2)
    home.answered("h2", version=1, route="fallback")
    assert earning.look(home.clock.now()) == {1: (1, 2)}  # what is answered at this very moment comes later
    home.clock.advance_to(home.clock.now() + timedelta(seconds=1))
    for _ in range(2):
        assert earning.look(home.clock.now()) == {1: (1, 2), 2: (1, 1)}
        home.log.ship()
    again = open_log(home.path, DeltaTables(home.path / "tables"), stores=home.stores)
    assert begun(again).look(home.clock.now()) == {1: (1, 2), 2: (1, 1)}


def test_where_labels_are_numbers_nothing_is_right(home: LiveHome, tmp_path: Path) -> None:
    word = learning(home, Answered(Objective("regression", "rmse"), answers(tmp_path)))
    for name in ("late", "other"):
        with pytest.raises(PolicyError, match="Let it learn from rewards"):
            word.check(name)
