"""A canary that fails or dawdles is told from one that had bad luck, whenever one looks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from flyball.kernels.sequential import least_count
from flyball.monitoring.traffic import traffic_stats
from flyball.releases.errors import GuardrailSpecError
from flyball.releases.guardrails import GuardrailSpec, check, guardrails
from flyball.serving.volume import VersionVolume

NOW = datetime(2013, 12, 1, tzinfo=UTC)


def volume(requests: int, failed: int = 0, **given: Any) -> VersionVolume:
    facts: dict[str, Any] = {
        "version": 2, "route": "canary", "rows": requests, "errors": failed, "stood_in": 0, "p50_seconds": 0.002, "p99_seconds": 0.01,
        "p99_at_least_seconds": 0.008, "last": NOW,
    }  # fmt: skip
    return VersionVolume(requests=requests, failed_requests=failed, **{**facts, **given})


def champion(requests: int, failed: int = 0, **given: Any) -> VersionVolume:
    return volume(requests, failed, **{"version": 1, "route": "champion", **given})


def test_a_canary_that_fails_always_is_caught_at_the_fifth_request() -> None:
    assert not check(volume(4, 4), champion(80))
    (found,) = check(volume(5, 5), champion(100))
    assert found == (
        "Version 2 failed 5 of 5 requests (100.0%), the champion 0 of 100 (0.0%); at most 1.0% or 3 times the champion's share may."
    )
    assert check(volume(5, 5), None) == ("Version 2 failed 5 of 5 requests (100.0%); at most 1.0% may.",)
    assert check(volume(5, 5), champion(0)) == check(volume(5, 5), None)


def test_what_both_fail_is_not_the_canarys_fault() -> None:
    assert not check(volume(1000, 300), champion(19_000, 5700))
    assert not check(volume(1000, 300), champion(19_000, 2000))  # 2.85 times as often
    assert check(volume(1000, 300), champion(19_000, 1000))


def test_a_few_failures_are_luck() -> None:
    assert not check(volume(400, 6), champion(8000))
    assert not check(volume(10_000, 105), champion(190_000))
    assert check(volume(400, 25), champion(8000))


def test_nothing_was_answered() -> None:
    assert check(None, None) == check(None, champion(10)) == check(volume(0), champion(10)) == ()


def test_one_request_of_many_rows_fails_once() -> None:
    assert not check(volume(1, 1, rows=10_000, errors=10_000), champion(100))


def test_slowness_must_be_sure_relative_and_felt() -> None:
    slow: dict[str, Any] = {"p99_seconds": 0.3, "p99_at_least_seconds": 0.2}
    assert check(volume(300, **slow), champion(300)) == (
        "Version 2 needs at least 200 ms for one request in a hundred, the champion 10 ms; up to 50 ms is allowed.",
    )
    assert not check(volume(199, **slow), champion(300))
    assert not check(volume(300, **slow), champion(199))
    assert not check(volume(300, **slow), champion(300, p99_seconds=0.1))  # twice as slow
    assert not check(volume(300, p99_seconds=0.04, p99_at_least_seconds=0.04), champion(300, p99_seconds=0.001))  # nobody feels it
    assert not check(volume(300, p99_seconds=9.0, p99_at_least_seconds=0.02), champion(300))  # a pause or two
    assert not check(volume(300, **slow), None)
    assert len(check(volume(300, 200, **slow), champion(300))) == 2


def test_of_a_thousand_canaries_no_worse_than_allowed_hardly_one_is_ever_rolled_back() -> None:
    """Looked at after every request of the canary's; it fails 1 %, the champion 0.4 %: both limits are nearly reached."""
    random, caught, runs = np.random.default_rng(5), 0, 400
    for _ in range(runs):
        bad, good = (random.random(600) < 0.01).cumsum(), (random.random(600) < 0.004).cumsum()
        looks = np.flatnonzero((np.diff(bad, prepend=0) > 0) & (bad >= 5))  # evidence grows with a failure only
        caught += any(check(volume(int(n) + 1, int(bad[n])), champion(int(n) + 1, int(good[n]))) for n in looks)
    assert caught <= 2


def test_specs_are_values() -> None:
    spec = guardrails(errors=0.05, latency="200ms", ratio=2)
    assert GuardrailSpec.from_json(spec.to_json()) == spec
    assert (spec.error_share, spec.latency_seconds, spec.error_ratio, spec.latency_ratio) == (0.05, 0.2, 2, 2)
    assert check(volume(100, 4), None, spec=spec) == ()
    for wrong in ({"errors": 0.0}, {"errors": 1.0}, {"latency": "0s"}, {"ratio": 0.5}, {"errors": float("nan")}):
        with pytest.raises(GuardrailSpecError, match="guardrails"):
            guardrails(**wrong)


def test_traffic_is_shown_by_shares() -> None:
    first, second = traffic_stats([champion(300), volume(100, 2, p50_seconds=None)])
    assert (first.share, second.share, second.error_share) == (0.75, 0.25, 0.02)
    assert first.to_json() == {
        "version": 1, "route": "champion", "rows": 300, "share": 0.75, "errors": 0, "requests": 300, "stood_in": 0,
        "latency_ms": {"p50": 2.0, "p99": 10.0}, "last": NOW.isoformat(),
    }  # fmt: skip
    assert second.p50_milliseconds is None
    assert traffic_stats([]) == ()
    assert traffic_stats([champion(0)])[0].share == 0.0


def test_the_sure_percentile_needs_enough_requests() -> None:
    assert least_count(200, limit=0.01, chance=0.001) == 11
    assert least_count(3, limit=0.01, chance=0.001) == 3
