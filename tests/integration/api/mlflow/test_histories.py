"""Histories of metrics by raw HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.asking import Door

COUNT = 60_000


@pytest.fixture(scope="module")
def long(door: Door) -> str:
    """A run with more points than one page holds."""
    run = door.run()
    for start in range(0, COUNT, 1000):
        metrics = [{"key": "m", "value": step / 8, "timestamp": step, "step": step} for step in range(start, start + 1000)]
        door.say("POST runs/log-batch", {"run_id": run, "metrics": metrics})
    return run


def steps(found: Any) -> list[int]:
    return [metric["step"] for metric in found["metrics"]]


def test_a_history_comes_page_by_page(door: Door, long: str) -> None:
    found: list[int] = []
    asked: dict[str, Any] = {"run_id": long, "metric_key": "m", "max_results": 25_000}
    page = door.say("GET metrics/get-history", **asked)
    sizes = [len(page["metrics"])]
    found += steps(page)
    while "next_page_token" in page:
        page = door.say("GET metrics/get-history", **asked, page_token=page["next_page_token"])
        sizes.append(len(page["metrics"]))
        found += steps(page)
    assert sizes == [25_000, 25_000, 10_000]
    assert found == list(range(COUNT))


def test_a_whole_history_comes_at_once(door: Door, long: str) -> None:
    found = door.say("GET metrics/get-history", run_id=long, metric_key="m")
    assert steps(found) == list(range(COUNT))
    assert found["metrics"][9] == {"key": "m", "value": 9 / 8, "timestamp": 9, "step": 9}
    assert "next_page_token" not in found


def test_a_long_page_goes_on_where_it_ended(door: Door, long: str) -> None:
    asked = {"run_id": long, "metric_key": "m"}
    first = door.say("GET metrics/get-history", **asked, max_results=30_000)
    rest = door.say("GET metrics/get-history", **asked, page_token=first["next_page_token"])
    assert steps(first) + steps(rest) == list(range(COUNT))


def test_a_metric_that_was_never_logged_has_no_points(door: Door, long: str) -> None:
    assert door.say("GET metrics/get-history", run_id=long, metric_key="none") == {"metrics": []}
    assert door.say("GET metrics/get-history", run_id=long, metric_key="none", max_results=5) == {"metrics": []}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"max_results": 0}, "'max_results'"), ({"max_results": "x"}, "'max_results'"), ({"page_token": "zzz"}, "token"),
        ({"metric_key": ""}, "'metric_key'"), ({"run_id": ""}, "'run_id'"),
    ],
    ids=range(5),
)  # fmt: skip
def test_a_history_that_cannot_be_asked_for(door: Door, long: str, given: dict[str, Any], said: str) -> None:
    assert said in door.refuse("GET metrics/get-history", **{"run_id": long, "metric_key": "m", **given})


def test_the_history_of_no_run(door: Door) -> None:
    for most in ({}, {"max_results": 5}):
        door.refuse("GET metrics/get-history", status=404, code="RESOURCE_DOES_NOT_EXIST", run_id="0" * 32, metric_key="m", **most)


def test_curves_are_sampled(door: Door, long: str) -> None:
    other = door.run()
    door.say("POST runs/log-metric", {"run_id": other, "key": "m", "value": "NaN", "timestamp": 1, "step": 7})
    found = door.say("GET metrics/get-history-bulk-interval", run_ids=[long, other], metric_key="m", max_results=100)["metrics"]
    assert {metric["run_id"] for metric in found} == {long, other}
    assert found[-1] == {"key": "m", "value": "NaN", "timestamp": 1, "step": 7, "run_id": other}
    mine = [metric["step"] for metric in found if metric["run_id"] == long]
    assert mine[0] == 0
    assert mine[-1] == COUNT - 1
    assert len(mine) <= 101
    asked = {"run_ids": [long], "metric_key": "m", "start_step": 100, "end_step": 110}
    assert steps(door.say("GET metrics/get-history-bulk-interval", **asked)) == list(range(100, 111))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"start_step": 0}, "'end_step'"), ({"end_step": 0}, "'start_step'"),
        ({"start_step": 1, "end_step": 0}, "end_step must be greater"),
        ({"max_results": 0}, "between 1 and 2500"), ({"max_results": 2501}, "between 1 and 2500"), ({"run_ids": []}, "'run_ids'"),
        ({"run_ids": ["x"] * 101}, "at most 100"), ({"metric_key": ""}, "'metric_key'"),
    ],
    ids=range(8),
)  # fmt: skip
def test_curves_that_cannot_be_asked_for(door: Door, long: str, given: dict[str, Any], said: str) -> None:
    assert said in door.refuse("GET metrics/get-history-bulk-interval", **{"run_ids": [long], "metric_key": "m", **given})


def test_pages_ask_for_the_first_points_of_several_runs(door: Door, long: str) -> None:
    other = door.run()
    door.say("POST runs/log-metric", {"run_id": other, "key": "m", "value": 1, "timestamp": 1, "step": 7})
    path = "GET /ajax-api/2.0/mlflow/metrics/get-history-bulk"
    found = door.say(path, run_id=[long, other], metric_key="m")["metrics"]
    assert len(found) == 25_000
    assert {metric["run_id"] for metric in found} <= {long, other}
    assert len(door.say(path, run_id=[long], metric_key="m", max_results=7)["metrics"]) == 7
    assert "'run_id'" in door.refuse(path, metric_key="m")
    assert "'metric_key'" in door.refuse(path, run_id=long)
    assert "100" in door.refuse(path, run_id=["x"] * 101, metric_key="m")
