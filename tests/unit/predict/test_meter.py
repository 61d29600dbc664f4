"""An endpoint gives so many rows, to one and to all, and nothing while it is behind."""

from __future__ import annotations

import pytest

from flyball.core.clock import ManualTimer
from flyball.predict.errors import QuotaError
from flyball.predict.meter import Meter
from flyball.serving.errors import OverloadedError, QuotaSpecError
from flyball.serving.plan import EndpointPlan
from flyball.serving.quotas import Quota, quota


def plan(found: Quota | None = None, name: str = "late") -> EndpointPlan:
    return EndpointPlan(endpoint=name, model=name, revision=1, champion=1, canary=None, share=0.0, versions=(), quota=found)


def ask(meter: Meter, asked: EndpointPlan, *, who: str, rows: int) -> None:
    meter.check(asked, who)
    meter.end(asked, meter.begin(asked, who, rows=rows))


def test_what_one_caller_took_too_much_it_waits_for_and_nobody_else() -> None:
    timer = ManualTimer()
    meter, asked = Meter(timer), plan(quota(caller_rows_per_second=100))
    ask(meter, asked, who="ci", rows=350)
    with pytest.raises(QuotaError, match=r"'late' scores 100 rows a second for 'ci'.*Try again in 3 s") as refused:
        meter.check(asked, "ci")
    assert refused.value.retry_seconds == 3
    ask(meter, asked, who="night", rows=1)
    ask(meter, plan(quota(caller_rows_per_second=100), name="other"), who="ci", rows=1)
    timer.sleep(2.4)
    with pytest.raises(QuotaError):
        meter.begin(asked, "ci", rows=1)
    timer.sleep(0.2)
    ask(meter, asked, who="ci", rows=1)


def test_all_callers_share_what_there_is_in_all() -> None:
    timer = ManualTimer()
    meter, asked = Meter(timer), plan(quota(rows_per_second=10, caller_rows_per_second=10))
    for who in ("a", "b"):
        ask(meter, asked, who=who, rows=5)
    with pytest.raises(QuotaError, match="in all"):
        meter.check(asked, "c")


def test_an_endpoint_that_is_behind_takes_no_more_and_others_do() -> None:
    timer = ManualTimer()
    meter = Meter(timer, queue_seconds=2.0)
    first = meter.begin(plan(), "ci", rows=1)
    timer.sleep(1.0)
    second = meter.begin(plan(), "ci", rows=1)
    timer.sleep(1.5)
    with pytest.raises(OverloadedError):
        meter.check(plan(), "night")
    meter.check(plan(name="other"), "night")
    meter.end(plan(), first)
    meter.check(plan(), "night")
    meter.end(plan(), second)
    assert not meter._waiting


@pytest.mark.parametrize(
    "given",
    [{"rows_per_second": 0}, {"rows_per_second": -1}, {"rows_per_second": float("nan")}, {"caller_rows_per_second": float("inf")},
     {"alarm_rows_per_day": True}, {"rows_per_second": 1, "caller_rows_per_second": 2}],
)  # fmt: skip
def test_a_quota_that_cannot_hold_is_refused(given: dict[str, float]) -> None:
    with pytest.raises(QuotaSpecError):
        quota(**given)  # type: ignore[arg-type]  # what is tested
