"""What of a loop's events is told on a terminal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flyball.app.settings import Settings
from flyball.cli.following import is_news, line_of, pace


@pytest.mark.parametrize(
    "kind", ["training.started", "alert.raised", "rollout.finished", "dataset.version.held", "run.failed", "rows.quarantined"]
)
def test_what_the_loop_does_is_news(kind: str) -> None:
    assert is_news({"type": kind})


@pytest.mark.parametrize("kind", ["dataset.version.accepted", "timer.fired", "contract.inferred", "run.started", "window.waiting"])
def test_rows_that_arrive_are_none(kind: str) -> None:
    assert not is_news({"type": kind})


def test_a_comparison_of_nothing_is_none() -> None:
    assert is_news({"type": "parity.checked", "data": {"rows": 3}})
    assert not is_news({"type": "parity.checked", "data": {"rows": 0}})


BEGAN = datetime(2025, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("settings", "since", "says"),
    [
        ({}, BEGAN, "the system's"),
        ({"epoch": BEGAN}, BEGAN, "from 2025-11-01 00:00 UTC, as fast as real time"),
        ({"epoch": BEGAN, "speed": 60.0}, BEGAN, "from 2025-11-01 00:00 UTC, 60 times as fast as real time"),
        (
            {"epoch": BEGAN},
            BEGAN + timedelta(days=9),
            "from 2025-11-10 00:00 UTC, as fast as real time; this home was there already, one that begins at --clock has another --home",
        ),
    ],
    ids=["wall", "real", "fast", "further"],
)
def test_it_is_said_what_time_it_is(tmp_path: Path, settings: dict[str, Any], since: datetime, says: str) -> None:
    assert pace(Settings(project=None, home=tmp_path, **settings), since=since, now=BEGAN) == says


def test_times_are_told_in_utc() -> None:
    event = {"time": "2013-12-01T06:00:00+02:00", "subject": "home", "text": "a sentence"}
    assert line_of(event) == "2013-12-01 04:00  a sentence"


def test_experiments_are_told_by_name_and_not_by_number() -> None:
    event = {"time": "2013-12-01T06:00:00+02:00", "subject": "experiment/7", "text": "experiment churn was created"}
    assert line_of(event) == "2013-12-01 04:00  experiment churn was created"
