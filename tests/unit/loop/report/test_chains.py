"""The chain of causes that a decision opens onto."""

from __future__ import annotations

from typing import Any

import pytest

from flyball.loop.report.chains import SHOWN, causes, event_list
from flyball.loop.report.model import PolicyReport, read_report


@pytest.fixture
def policy(result: dict[str, Any]) -> PolicyReport:
    return read_report(result).policies[1]


def test_a_chain_runs_down_to_what_has_no_cause(policy: PolicyReport) -> None:
    released = policy.events[-1]
    assert [step.type for step in causes(policy, released)] == ["training.started", "alert.raised", "window.closed", "loop.started"]


def test_a_chain_ends_where_the_report_ends(result: dict[str, Any]) -> None:
    result["policies"][1]["windows"][1]["events"][2]["cause"] = "event-elsewhere"
    policy = read_report(result).policies[1]
    assert [step.type for step in causes(policy, policy.events[-1])] == ["training.started", "alert.raised"]


def test_events_that_cause_each_other_end_the_chain(result: dict[str, Any]) -> None:
    result["policies"][1]["windows"][1]["events"][0]["cause"] = "event-5"
    policy = read_report(result).policies[1]
    assert len(causes(policy, policy.events[-1])) == 4


def test_a_long_chain_shows_its_near_end_and_its_root(result: dict[str, Any]) -> None:
    events = result["policies"][1]["windows"][1]["events"]
    template = dict(events[1])
    for number in range(100, 140):
        cause = f"event-{number - 1}" if number > 100 else "event-0"
        events.append({**template, "id": f"event-{number}", "cause": cause, "summary": f"window {number}"})
    events.append({**template, "id": "event-200", "cause": "event-139", "type": "alert.raised", "summary": "at last"})
    policy = read_report(result).policies[1]
    text = event_list(policy)
    last = text[text.rindex("<details>") :]
    assert last.count("<li>") == SHOWN + 1
    assert f"{41 - SHOWN - 1} earlier causes" in last
    assert "declared loop.started 0" in last


def test_decisions_open_and_routine_events_wait(policy: PolicyReport) -> None:
    text = event_list(policy)
    assert text.count("<details>") == 4
    assert text.count('class="routine"') == 1
    assert "Show 1 routine event too" in text
