"""What is declared of a prediction log."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from flyball.core.errors import DurationError
from flyball.serving.errors import LogSpecError
from flyball.serving.logspec import PLAIN, LogPlan, prediction_log
from flyball.serving.plan import EndpointPlan, ServingPlan


def test_nothing_declared_is_the_plain_plan() -> None:
    assert (prediction_log().plan, prediction_log().keep) == (PLAIN, None)
    assert not PLAIN.hides


def test_all_that_can_be_declared() -> None:
    found = prediction_log(fsync=True, overload="sample", mask=["name"], hash=("email", "phone"), keep="400d")
    assert found.plan == LogPlan(fsync=True, overload="sample", mask=("name",), hash=("email", "phone"))
    assert found.keep == timedelta(days=400)
    assert found.plan.hides


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"overload": "drop"}, "`overload` is one of block, shed, sample, not 'drop'"),
        ({"mask": ["a", "b"], "hash": ["a"]}, "'a' is named twice"),
        ({"mask": "name"}, r"write mask=\['name'\]"),
        ({"keep": "1h"}, "a day at least"),
    ],
    ids=["policy", "twice", "text", "short"],
)
def test_what_can_never_be_right_is_said(given: dict[str, Any], said: str) -> None:
    with pytest.raises(LogSpecError, match=said):
        prediction_log(**given)


def test_a_duration_that_is_none_is_said() -> None:
    with pytest.raises(DurationError):
        prediction_log(keep="soon")


def test_a_plan_tells_servers_of_it_and_one_of_before_is_plain() -> None:
    spec = prediction_log(fsync=True, mask=["name"])
    endpoint = EndpointPlan(endpoint="e", model="m", revision=1, champion=None, canary=None, share=0.0, versions=(), log=spec.plan)
    plan = ServingPlan(revision=1, endpoints=(endpoint,))
    assert ServingPlan.decode(plan.encode()) == plan
    before = b'{"revision":1,"endpoints":[{"endpoint":"e","model":"m","revision":1,"champion":null,"canary":null,"share":0,"versions":[]}]}'
    assert ServingPlan.decode(before).endpoints[0].log == PLAIN
