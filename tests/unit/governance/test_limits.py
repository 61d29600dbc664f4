"""Buckets: what one caller has had is not taken from another, and time fills them again."""

from __future__ import annotations

import pytest

from flyball.core.clock import ManualTimer
from flyball.governance import Caller, Permission, Role
from flyball.governance.buckets import Rate
from flyball.governance.errors import LimitSettingError, RateLimitedError
from flyball.governance.limits import DEFAULT_RATES, DEFAULT_STRANGERS, Limiter, Rates

READ = Permission.READ
EDITOR = Caller(Role.EDITOR, "ci", principal="ci")
OTHER = Caller(Role.EDITOR, "night", principal="night")
STRANGER = Caller(Role.ANONYMOUS, "anonymous")


def limiter(timer: ManualTimer) -> Limiter:
    return Limiter(Rates({READ: Rate(2, 4), Permission.LIVENESS: Rate(1, 1), Permission.TRACK: None}, Rate(0.25, 2)), timer)


def spend(limits: Limiter, caller: Caller, *, number: int, address: str = "a", permission: Permission = READ) -> None:
    for _ in range(number):
        limits.check(caller, permission, address=address)


def test_a_bucket_is_a_callers_and_a_permissions_own_and_fills_again() -> None:
    timer = ManualTimer()
    limits = limiter(timer)
    spend(limits, EDITOR, number=4)
    with pytest.raises(RateLimitedError, match=r"'ci'.*Try again in 1 s"):
        spend(limits, EDITOR, number=1, address="b")
    spend(limits, OTHER, number=4)
    spend(limits, EDITOR, number=100, permission=Permission.TRACK)
    timer.sleep(1)
    spend(limits, EDITOR, number=2)
    with pytest.raises(RateLimitedError):
        spend(limits, EDITOR, number=1)
    timer.sleep(3600)
    spend(limits, EDITOR, number=4)
    with pytest.raises(RateLimitedError):
        spend(limits, EDITOR, number=1)


def test_strangers_share_the_bucket_of_their_address_and_liveness_is_apart() -> None:
    limits = limiter(ManualTimer())
    spend(limits, STRANGER, number=2)
    with pytest.raises(RateLimitedError) as refused:
        spend(limits, STRANGER, number=1)
    assert refused.value.retry_seconds == 4
    spend(limits, STRANGER, number=1, permission=Permission.LIVENESS)
    spend(limits, STRANGER, number=2, address="b")
    spend(limits, EDITOR, number=4)


def test_refused_requests_cost_nothing() -> None:
    timer = ManualTimer()
    limits = limiter(timer)
    spend(limits, EDITOR, number=4)
    for _ in range(10):
        timer.sleep(0.1)
        with pytest.raises(RateLimitedError):
            spend(limits, EDITOR, number=5)
    timer.sleep(2)
    spend(limits, EDITOR, number=4)


def test_settings_change_the_rates_one_by_one() -> None:
    rates = Rates.of(
        {
            "FLYBALL_RATE_LIMIT_READ": "5",
            "FLYBALL_RATE_LIMIT_TRACK": "off",
            "FLYBALL_RATE_LIMIT_STRANGERS": "1/3",
            "FLYBALL_RATE_LIMIT": "x",
        }
    )
    assert (rates.known[READ], rates.known[Permission.TRACK], rates.strangers) == (Rate(5, 50), None, Rate(1, 3))
    assert rates.known[Permission.ADMIN] == DEFAULT_RATES[Permission.ADMIN]
    assert Rates.of({"FLYBALL_RATE_LIMITS": "off"}) == Rates({}, None)
    assert Rates.of({}) == Rates(dict(DEFAULT_RATES), DEFAULT_STRANGERS)
    assert set(DEFAULT_RATES) == set(Permission)


@pytest.mark.parametrize("text", ["", "fast", "0", "-1", "5/0", "nan", "inf", "5/x", "0.01"])
def test_a_setting_that_is_no_rate_is_named(text: str) -> None:
    with pytest.raises(LimitSettingError, match="FLYBALL_RATE_LIMIT_READ"):
        Rates.of({"FLYBALL_RATE_LIMIT_READ": text})
