"""Shadows answer nobody: what they say is logged beside the answers, and whatever they do, no caller notices."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest

from flyball.serving.plan import ServingPlan
from flyball.serving.policies import Weights
from flyball.testing.model_server import PlanServer, ServerProcess
from flyball.testing.serving_home import ServingHome, trip


class Raises:
    def predict_proba(self, frame: pl.DataFrame) -> np.ndarray:
        raise ValueError(f"cannot answer {frame.height} rows")


class Hangs:
    def predict_proba(self, frame: pl.DataFrame) -> np.ndarray:
        time.sleep(3600)
        return np.zeros(frame.height)


@pytest.fixture
def home(tmp_path: Path) -> ServingHome:
    made = ServingHome.trips(tmp_path)
    for number, intercept in ((1, -2.0), (2, 0.5), (3, 2.0)):
        made.add_linear(number, intercept=intercept)
    return made


def watched(home: ServingHome, *shadows: int, weights: dict[int, float] | None = None) -> ServingPlan:
    """Version 1 is champion, `shadows` watch."""
    plan = home.plan(1)
    (endpoint,) = plan.endpoints
    numbers = (1, *(number for number in weights or {} if number != 1), *shadows)
    changed = msgspec.structs.replace(
        endpoint, shadows=shadows, policy=Weights(weights) if weights else None, versions=tuple(home.versions[number] for number in numbers)
    )
    return ServingPlan(revision=plan.revision, endpoints=(changed,))


def soon(holds: Callable[[], bool]) -> None:
    until = time.perf_counter() + 60
    while not holds():
        assert time.perf_counter() < until
        time.sleep(0.02)


def said(server: ServerProcess, version: int) -> dict[str, float | None]:
    """By id, what the shadow said."""
    found = [record for record in server.journal() if record.route == "shadow" and record.version == version]
    return {name: score for record in found for name, score in zip(record.ids, record.scores, strict=True)}


def test_what_shadows_say_is_logged_under_the_ids_of_the_answers(home: ServingHome) -> None:
    home.keep(watched(home, 2, 3))
    with ServerProcess(home.path) as server:
        asked = [server.predict(trip(number), trip(number + 500)) for number in range(20)]
        rows = [row for answer in asked for row in answer.json["predictions"]]
        assert {(row["version"], row["route"]) for row in rows} == {(1, "champion")}
        soon(lambda: len(said(server, 2)) == len(said(server, 3)) == 40)
        for version, least in ((2, 0.55), (3, 0.8)):
            assert set(said(server, version)) == {row["id"] for row in rows}
            assert min(score or 0 for score in said(server, version).values()) > least
        assert 'flyball_predictions_total{endpoint="late",version="2",route="shadow"} 40' in server.request("GET", "/metrics").body.decode()


def test_whoever_answered_is_mirrored_and_a_version_that_was_asked_for_is_not(home: ServingHome) -> None:
    home.keep(watched(home, 3, weights={1: 0.5, 2: 0.5}))
    with ServerProcess(home.path) as server:
        rows = server.predict(*(trip(number) for number in range(50))).json["predictions"]
        assert {(row["version"], row["route"]) for row in rows} == {(1, "champion"), (2, "challenger")}
        soon(lambda: len(said(server, 3)) == 50)
        assert set(said(server, 3)) == {row["id"] for row in rows}


def test_a_shadow_that_fails_is_told_in_the_log_and_to_nobody_else(home: ServingHome) -> None:
    home.add_pickle(4, Raises())
    home.keep(watched(home, 4))
    with ServerProcess(home.path) as server:
        assert {server.predict(trip(number)).status for number in range(10)} == {200}
        soon(lambda: len(said(server, 4)) == 10)
        assert set(said(server, 4).values()) == {None}
        assert {record.error is None for record in server.journal() if record.route == "shadow"} == {False}


def test_a_shadow_that_hangs_keeps_nobody_and_what_it_cannot_take_is_counted(home: ServingHome) -> None:
    home.add_pickle(4, Hangs())
    home.keep(watched(home, 4))
    with ServerProcess(home.path) as server:
        for start in range(12):
            assert server.predict(*(trip(start * 1000 + number) for number in range(1000))).status == 200
        soon(lambda: 'flyball_shadow_dropped_total{endpoint="late",version="4"}' in server.request("GET", "/metrics").body.decode())
        assert server.predict(trip(1)).json["version"] == 1
        assert server.stop() == 0


def test_a_shadow_that_is_let_go_is_asked_no_more(home: ServingHome) -> None:
    home.keep(watched(home, 2))
    with PlanServer() as control, ServerProcess(home.path, "--control", control.url) as server:
        server.predict(trip(1))
        soon(lambda: len(said(server, 2)) == 1)
        control.set(home.plan(1))
        control.wait(home.revision)
        server.predict(trip(2))
        assert server.stop() == 0
        assert len(said(server, 2)) == 1
