"""Policies in a real model server: who answers, what stands in, and what vectors and single workers make of it."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest

from flyball.kernels.routing import rendezvous
from flyball.serving.plan import ServingPlan
from flyball.serving.policies import Policy, Segments, Weights
from flyball.testing.model_server import PlanServer, ServerProcess
from flyball.testing.serving_home import ServingHome, trip


class Raises:
    def predict_proba(self, frame: pl.DataFrame) -> np.ndarray:
        raise ValueError(f"cannot answer {frame.height} rows")


@pytest.fixture
def home(tmp_path: Path) -> ServingHome:
    made = ServingHome.trips(tmp_path)
    for number, intercept in ((1, -2.0), (2, 0.5)):
        made.add_linear(number, intercept=intercept)
    return made


def shared(home: ServingHome, policy: Policy) -> ServingPlan:
    """Version 1 is champion and shares its rows by the policy."""
    plan = home.plan(1)
    (endpoint,) = plan.endpoints
    numbers = dict.fromkeys((1, *policy.versions))
    changed = msgspec.structs.replace(endpoint, policy=policy, versions=tuple(home.versions[number] for number in numbers))
    return ServingPlan(revision=plan.revision, endpoints=(changed,))


def test_the_keys_of_each_version_are_those_of_the_law_and_stand_in_answer_and_log(home: ServingHome) -> None:
    home.keep(shared(home, Weights({1: 0.7, 2: 0.3})))
    with ServerProcess(home.path) as server:
        together = server.predict(*(trip(number) for number in range(200))).json["predictions"]
        alone = [server.predict(trip(number)).json["predictions"][0] for number in range(20)]
        records = server.journal()
    law = [int(name) for name in rendezvous([f"t{number}" for number in range(200)], "late", weights={"1": 0.7, "2": 0.3})]
    assert [row["version"] for row in together] == law
    assert [row["version"] for row in alone] == law[:20]
    assert {(row["version"], row["route"]) for row in together} == {(1, "champion"), (2, "challenger")}
    logged = {name: (record.version, record.route) for record in records for name in record.ids}
    assert logged == {row["id"]: (row["version"], row["route"]) for row in [*together, *alone]}


def test_the_champion_stands_in_for_a_challenger_that_fails(home: ServingHome) -> None:
    home.add_pickle(4, Raises())
    home.keep(shared(home, Segments(column="line", values={"L1": 4})))
    with ServerProcess(home.path) as server:
        rows = server.predict(*(trip(number) for number in range(10))).json["predictions"]
        assert [(row["version"], row["route"]) for row in rows] == [(1, "champion"), (1, "fallback"), *[(1, "champion")] * 3] * 2
        failed = [record for record in server.journal() if record.error]
        assert [(record.version, record.route, record.answered_by) for record in failed] == [(4, "challenger", 1)]


def test_finished_features_go_by_weights_and_never_by_a_column_that_they_have_not(home: ServingHome) -> None:
    names = home.features().dtypes
    row = dict.fromkeys(names)
    body = json.dumps({"rows": [row] * 300}).encode()
    home.keep(shared(home, Weights({1: 0.5, 2: 0.5})))
    with PlanServer() as control, ServerProcess(home.path, "--control", control.url) as server:
        found = server.request("POST", "/predict/late.vector", body=body).json["predictions"]
        assert {one["version"] for one in found} == {1, 2}
        control.set(shared(home, Segments(column="line", values={"L1": 2})))
        control.wait(home.revision)
        found = server.request("POST", "/predict/late.vector", body=body).json["predictions"]
        assert {one["version"] for one in found} == {1}
