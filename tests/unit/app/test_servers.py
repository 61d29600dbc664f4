"""Which model servers time waits for: those that live, until they have the plan or have shown that they cannot take it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from flyball.app.servers import FETCH_SECONDS, REFUSED_TIMES, SEEN_SECONDS, Servers
from flyball.core.clock import ManualTimer


@dataclass
class Plans:
    """A planner, as far as servers ask it."""

    stands: int = 1

    def revision(self) -> int:
        return self.stands


@pytest.fixture
def timer() -> ManualTimer:
    return ManualTimer()


@pytest.fixture
def plans() -> Plans:
    return Plans()


@pytest.fixture
def servers(plans: Plans, timer: ManualTimer) -> Servers:
    return Servers(plans, timer)


def test_nobody_is_waited_for_where_nobody_asks(servers: Servers) -> None:
    assert servers.caught_up()


def test_who_asks_is_waited_for_until_it_answers_from_the_plan(servers: Servers, plans: Plans) -> None:
    servers.heard("one", 1)
    servers.heard("two", 1)
    assert servers.caught_up()
    plans.stands = 2
    assert not servers.caught_up()
    servers.heard("one", 2)
    assert not servers.caught_up()
    servers.heard("two", 2)
    assert servers.caught_up()


def test_who_is_gone_is_not_waited_for_and_not_remembered(servers: Servers, plans: Plans, timer: ManualTimer) -> None:
    plans.stands = 2
    for number in range(1000):
        servers.heard(f"server-{number}", 1)
        timer.sleep(SEEN_SECONDS / 10)
    assert not servers.caught_up()
    assert len(servers.names()) <= 10
    timer.sleep(SEEN_SECONDS)
    assert servers.caught_up()


def test_who_refuses_a_plan_again_and_again_stops_nobody(servers: Servers, plans: Plans, caplog: pytest.LogCaptureFixture) -> None:
    plans.stands = 2
    for _ in range(REFUSED_TIMES):
        servers.heard("one", 1)
        assert not servers.caught_up()
        servers.given("one", 2)
    servers.heard("one", 1)
    assert servers.caught_up()
    assert "does not take over plan 2" in caplog.text
    plans.stands = 3
    assert not servers.caught_up()  # another plan may suit it
    servers.given("one", 3)
    assert not servers.caught_up()
    servers.heard("one", 3)
    assert servers.caught_up()


def test_a_plan_is_acknowledged_when_all_that_are_there_answer_from_it(servers: Servers) -> None:
    for name in ("one", "two"):
        servers.heard(name, 1)
    assert servers.wait(1, seconds=60).to_json() == {
        "acknowledged": True, "servers": ["one", "two"], "refused": {}, "late": [], "absent": [],
    }  # fmt: skip
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(servers.wait, 2, seconds=60)
        for name in ("one", "two"):
            servers.given(name, 2)
            servers.heard(name, 2)
        assert waiting.result(60).whole


def test_a_refusal_is_told_at_once_with_its_reason(servers: Servers) -> None:
    servers.heard("one", 1)
    servers.given("one", 2)
    servers.heard("one", 1, refusal="no such blob")
    found = servers.wait(2, seconds=60)
    assert (found.whole, found.refused, found.servers, found.late) == (False, {"one": "no such blob"}, [], [])
    assert servers.list() == [{"name": "one", "revision": 1, "refusal": "no such blob"}]
    servers.given("one", 3)
    assert servers.wait(3, seconds=0).late == ["one"]


def test_who_does_not_fetch_the_plan_is_not_waited_for_but_told(servers: Servers, timer: ManualTimer) -> None:
    servers.heard("gone", 1)
    timer.sleep(SEEN_SECONDS / 2)
    servers.heard("here", 2)
    assert servers.wait(2, seconds=0).absent == ["gone"]
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(servers.wait, 2, seconds=600)
        while not waiting.done():  # it began to wait at some moment of these
            timer.sleep(FETCH_SECONDS)
            servers.heard("gone", 1)
            servers.heard("here", 2)
        assert waiting.result(60).absent == ["gone"]
    assert Servers(Plans(), timer).wait(9, seconds=60).whole
