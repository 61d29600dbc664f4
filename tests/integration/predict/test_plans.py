"""Versions are swapped while requests run: none fails, and each is answered by a plan that was in force."""

from __future__ import annotations

import json
import time
from pathlib import Path

import msgspec
import pytest

from flyball.kernels import route
from flyball.serving.plan import ServingPlan
from flyball.testing.model_server import Load, PlanServer, ServerProcess
from flyball.testing.serving_home import ServingHome, trip

Phase = tuple[int, int | None, float]


@pytest.fixture
def home(tmp_path: Path) -> ServingHome:
    made = ServingHome.trips(tmp_path)
    for number, intercept in ((1, -2.0), (2, 0.5), (3, 2.0)):
        made.add_linear(number, intercept=intercept)
    return made


def test_promotion_and_rollback_under_load_fail_nothing_and_each_answer_fits_a_plan_in_force(home: ServingHome) -> None:
    home.keep(home.plan(1))
    steps: list[Phase] = [(1, 2, 0.25), (1, 2, 0.5), (2, None, 0.0), (1, None, 0.0), (1, 3, 0.1), (3, None, 0.0)]
    bodies = home.requests(600)
    with PlanServer() as control, ServerProcess(home.path, "--control", control.url) as server, Load(server, bodies) as load:
        phases: list[tuple[int, Phase]] = [(0, (1, None, 0.0))]
        for champion, canary, share in steps:
            load.wait(60)
            plan = home.plan(champion, canary, share=share)
            phases.append((len(load.answers), (champion, canary, share)))
            control.set(plan)
            control.wait(plan.revision)
        phases.append((len(load.answers), steps[-1]))
        load.wait(60)
    assert load.broken == 0
    assert {answer.status for _, answer in load.answers} == {200}
    for place, (body, answer) in enumerate(load.answers):
        # An answer may have been on its way when the next plan came: it fits that of before or the next one.
        now = max(index for index, (start, _) in enumerate(phases) if start <= place)
        possible = [who for _, who in phases[max(0, now - 1) : now + 2]]
        key = json.loads(body)["rows"][0]["trip_id"]
        found = answer.json["predictions"][0]
        assert found["version"] in {expected(key, who) for who in possible}, (place, found, possible)
    assert load.answers[-1][1].json["version"] == 3


def expected(key: str, phase: Phase) -> int:
    champion, canary, share = phase
    if canary is None:
        return champion
    return [canary, champion][int(route([key], "late", shares=[share, 1 - share])[0])]


def test_the_canary_s_keys_are_those_of_the_routing_law(home: ServingHome) -> None:
    home.keep(home.plan(1, 2, share=0.25))
    with ServerProcess(home.path) as server:
        found = server.predict(*(trip(number) for number in range(800))).json["predictions"]
    chosen = route([f"t{number}" for number in range(800)], "late", shares=[0.25, 0.75])
    assert [one["version"] for one in found] == [[2, 1][share] for share in chosen]
    assert 150 < sum(one["version"] == 2 for one in found) < 250


def test_rows_that_agree_in_what_they_stick_to_are_answered_by_one_version(home: ServingHome) -> None:
    plan = home.plan(1, 2, share=0.4)
    (endpoint,) = plan.endpoints
    home.keep(ServingPlan(revision=plan.revision, endpoints=(msgspec.structs.replace(endpoint, sticky=("line",)),)))
    with ServerProcess(home.path) as server:
        found = server.predict(*(trip(number) for number in range(100))).json["predictions"]
    shares = route([f"L{number % 5}" for number in range(100)], "late", shares=[0.4, 0.6])
    assert [one["version"] for one in found] == [[2, 1][share] for share in shares]
    assert {one["version"] for one in found} == {1, 2}


def test_without_a_control_plane_the_last_plan_is_served_on_and_by_the_next_process_too(home: ServingHome) -> None:
    with PlanServer(home.plan(2)) as control:
        server = ServerProcess(home.path, "--control", control.url).start()
        control.wait(1)
    assert server.predict(trip(1)).json["version"] == 2
    assert server.stop() == 0
    with server as again:
        assert again.predict(trip(1)).json["version"] == 2


def test_before_the_first_plan_callers_are_told_to_come_back(home: ServingHome) -> None:
    with PlanServer() as control, ServerProcess(home.path, "--control", control.url) as server:
        answer = server.predict(trip(1))
        assert (answer.status, answer.code) == (503, "not-deployed")
        assert int(answer.headers["retry-after"]) > 0
        control.set(home.plan(None))
        control.wait(1)
        assert server.predict(trip(1)).status == 503
        assert server.predict(trip(1), endpoint="other").status == 404
        control.set(home.plan(1))
        control.wait(2)
        assert server.predict(trip(1)).status == 200


def test_a_version_that_is_not_what_the_plan_says_is_refused_and_the_old_one_goes_on(home: ServingHome) -> None:
    home.keep(home.plan(1))
    home.project.write_text(home.project.read_text().replace("FAR = 500.0", "FAR = 400.0"))
    home.versions[4] = msgspec.structs.replace(home.add_linear(4), features=home.versions[1].features)
    home.project.write_text(home.project.read_text().replace("FAR = 400.0", "FAR = 500.0"))
    with PlanServer(home.plan(4)) as control, ServerProcess(home.path, "--control", control.url) as server:
        assert server.predict(trip(1)).json["version"] == 1
        until = time.perf_counter() + 60
        while "is refused" not in server.log and time.perf_counter() < until:
            time.sleep(0.05)
        assert server.predict(trip(1)).json["version"] == 1
        control.set(home.plan(2))
        control.wait(3)
        assert server.predict(trip(1)).json["version"] == 2
        assert "Version 4 for endpoint 'late' is refused" in server.log
        assert "flyball_refused_plans_total 0" not in server.request("GET", "/metrics").body.decode()


def test_two_versions_of_the_project_s_code_live_side_by_side(home: ServingHome) -> None:
    folder = home.project.parent
    (folder / "distances.py").write_text("FAR = 500.0\n")
    home.project.write_text(home.project.read_text().replace("FAR = 500.0", "from distances import FAR"))
    home.add_linear(6)
    (folder / "distances.py").write_text("FAR = 10.0\n")
    home.add_linear(7)
    assert home.versions[6].features != home.versions[7].features
    home.keep(home.plan(6, 7, share=0.5))
    with ServerProcess(home.path) as server:
        assert {one["version"] for one in server.predict(*(trip(number) for number in range(100))).json["predictions"]} == {6, 7}
        for record in server.journal():
            limit = {6: 500.0, 7: 10.0}[record.version]
            assert record.features["calendar.far"] == [value > limit for value in record.request["distance"]]
