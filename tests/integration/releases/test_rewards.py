"""Rewards: one for each answer, whatever is sent how often, and by whom at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from flyball.releases._sqlrewards import SqlRewards
from flyball.releases.errors import RewardError
from flyball.releases.rewards import Earned, Reward, check_rewards
from flyball.serving.policies import Arm
from flyball.testing.livehome import opened_live_home

NOON = datetime(2013, 3, 1, 12, tzinfo=UTC)


def earned(number: int, *, version: int = 1, reward: float = 1.0) -> Earned:
    return Earned(f"prd-{number}", version, reward, NOON + timedelta(minutes=number))


def test_each_answer_is_rewarded_once_and_only_those_since_count(tmp_path_factory: pytest.TempPathFactory) -> None:
    with opened_live_home(tmp_path_factory.mktemp("home")) as home:
        store = SqlRewards(home.stores.database)
        assert store.add("late", [earned(1), earned(2, reward=0.25), earned(3, version=2, reward=0.0)]) == 3
        assert store.add("late", [earned(1, reward=0.0), earned(4)]) == 1
        assert store.add("other", [earned(1)]) == 1
        assert store.totals("late", NOON) == {1: Arm(2.25, 3), 2: Arm(0.0, 1)}
        assert store.totals("late", NOON + timedelta(minutes=3)) == {1: Arm(1.0, 1), 2: Arm(0.0, 1)}
        assert store.totals("nowhere", NOON) == {}


def test_what_many_send_at_once_counts_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    with opened_live_home(tmp_path_factory.mktemp("home")) as home:
        store = SqlRewards(home.stores.database)
        with ThreadPoolExecutor(4) as threads:
            new = list(threads.map(lambda _: store.add("late", [earned(number) for number in range(600)]), range(8)))
        assert sum(new) == 600
        assert store.totals("late", NOON) == {1: Arm(600.0, 600)}


@pytest.mark.parametrize(
    ("rewards", "says"),
    [
        ([Reward("prd-1", 1.5)], "Reward 0 .*1.5 is none"),
        ([Reward("prd-1", 1.0), Reward("prd-2", float("nan"))], "Reward 1 .*nan is none"),
        ([Reward("", 1.0)], "between 1 and 80"),
        ([Reward("x" * 81, 1.0)], "between 1 and 80"),
        ([Reward("prd-1", 1.0), Reward("prd-1", 0.0)], "rewarded twice"),
    ],
)
def test_what_is_no_reward_is_refused(rewards: list[Reward], says: str) -> None:
    with pytest.raises(RewardError, match=says):
        check_rewards(rewards)
