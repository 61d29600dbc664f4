"""A model server of several processes: one port, one plan, one set of figures; a worker may die, the master may, all may be told to end."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flyball.serving.record import Answered, decode
from flyball.storage._localjournal import LocalJournal
from flyball.testing.model_server import Load, PlanServer, ServerProcess
from flyball.testing.serving_home import ServingHome, trip

SECONDS = 60.0


@pytest.fixture
def home(tmp_path: Path) -> ServingHome:
    made = ServingHome.trips(tmp_path)
    made.add_linear(1, intercept=-1.0)
    made.add_linear(2, intercept=1.0)
    made.keep(made.plan(1))
    return made


@pytest.fixture
def server(home: ServingHome) -> Iterator[ServerProcess]:
    with ServerProcess(home.path, "--workers", "2") as started:
        yield started


def workers_of(server: ServerProcess) -> list[int]:
    """The processes of the workers; a child of one is none."""
    found = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    return [int(pid) for pid in found]


def journals(home: Path) -> list[Answered]:
    """What all workers journalled."""
    places = sorted((home / "journal").glob("predictions*"))
    return [decode(entry.payload) for place in places for entry in LocalJournal.read(place).read_after(0, 1_000_000)]


def ids_of(load: Load) -> list[str]:
    """The ids of all that was answered."""
    return [one["id"] for _, answer in load.answers if answer.status == 200 for one in answer.json["predictions"]]


def metric(server: ServerProcess, name: str) -> int:
    """The sum of the figures of that name."""
    lines = server.request("GET", "/metrics").body.decode().splitlines()
    return int(sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith((f"{name} ", f"{name}{{"))))


def until(holds: Callable[[], bool]) -> None:
    """It holds, within a minute."""
    end = time.perf_counter() + SECONDS
    while not holds():
        assert time.perf_counter() < end
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_connections_are_shared_and_figures_added_up(home: ServingHome, server: ServerProcess) -> None:
    with Load(server, home.requests(500), threads=8) as load:
        load.wait(300)
    assert load.broken == 0
    answered = len(load.answers)
    until(lambda: metric(server, "flyball_predictions_total") == answered)  # a worker that is late is told of as it was
    assert metric(server, "flyball_workers") == 2
    assert server.stop() == 0
    assert sorted(ids_of(load)) == sorted(found for record in journals(home.path) for found in record.ids)
    shares = [len(LocalJournal.read(place).read_after(0, 100_000)) for place in (home.path / "journal").glob("predictions*")]
    assert len(shares) == 2
    assert min(shares) > 0


def test_a_killed_worker_costs_its_own_connections_and_comes_back(home: ServingHome, server: ServerProcess) -> None:
    server.predict(trip(1))
    with Load(server, home.requests(500, rows=2), threads=6) as load:
        load.wait(100)
        first, second = workers_of(server)
        os.kill(first, signal.SIGKILL)
        load.wait(200)
        until(lambda: len(workers_of(server)) == 2 and first not in workers_of(server))
        load.wait(200)
    assert alive(second)
    assert load.broken <= 6
    assert {answer.status for _, answer in load.answers} == {200}
    until(lambda: metric(server, "flyball_workers") == 2)
    assert metric(server, "flyball_worker_restarts_total") == 1
    assert server.stop() == 0
    kept = [found for record in journals(home.path) for found in record.ids]
    assert set(ids_of(load)) <= set(kept)
    assert len(set(kept)) == len(kept)


def test_what_a_killed_worker_counted_still_counts(server: ServerProcess) -> None:
    for number in range(20):
        assert server.predict(trip(number)).status == 200
    until(lambda: metric(server, "flyball_predictions_total") == 20)
    pids = workers_of(server)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    assert server.predict(trip(1)).status == 200  # who comes meanwhile waits
    until(lambda: metric(server, "flyball_predictions_total") == 21)


def test_a_killed_master_takes_its_workers_with_it_and_another_goes_on(home: ServingHome) -> None:
    server = ServerProcess(home.path, "--workers", "2").start()
    with Load(server, home.requests(500, rows=2)) as load:
        load.wait(50)
        pids = workers_of(server)
        server.stop(signal.SIGKILL)
        until(lambda: not any(map(alive, pids)))
        answered = ids_of(load)
    other = ServerProcess(home.path, "--workers", "2")
    other.port = server.port
    with other:
        assert other.predict(trip(1)).status == 200
        other.stop()
    assert set(answered) <= {found for record in journals(home.path) for found in record.ids}


def test_told_to_end_it_answers_what_it_has(home: ServingHome, server: ServerProcess) -> None:
    with Load(server, home.requests(500), threads=6) as load:
        load.wait(100)
        assert server.stop(signal.SIGTERM) == 0
    assert {answer.status for _, answer in load.answers} == {200}
    assert set(ids_of(load)) == {found for record in journals(home.path) for found in record.ids}
    assert "Traceback" not in server.log


def test_a_plan_is_in_force_on_all_workers_when_the_control_plane_hears_of_it(home: ServingHome) -> None:
    with PlanServer() as plans, ServerProcess(home.path, "--workers", "2", "--control", plans.url) as server:
        for number in range(6):
            wanted = 1 + number % 2
            plan = home.plan(wanted)
            plans.set(plan)
            plans.wait(plan.revision, SECONDS)
            assert {server.predict(trip(row)).json["version"] for row in range(8)} == {wanted}
        with Load(server, home.requests(500), threads=4) as load:
            for _ in range(5):
                load.wait(20)
                plan = home.plan(2 - len(load.answers) % 2)
                plans.set(plan)
                plans.wait(plan.revision, SECONDS)
        assert load.broken == 0
        assert {answer.status for _, answer in load.answers} == {200}


def test_what_one_worker_refuses_no_worker_takes_up(home: ServingHome) -> None:
    with PlanServer() as plans, ServerProcess(home.path, "--workers", "2", "--control", plans.url) as server:
        assert server.predict(trip(1)).json["version"] == 1
        broken = home.plan(2)
        path = home.blobs.open_path(broken.endpoints[0].versions[0].model_digest)
        path.chmod(0o644)
        path.write_bytes(b"something else")
        plans.set(broken)
        until(lambda: "version 2" in server.log.lower())
        assert {server.predict(trip(row)).json["version"] for row in range(8)} == {1}
        os.kill(workers_of(server)[0], signal.SIGKILL)  # who comes back serves what the others serve
        until(lambda: metric(server, "flyball_worker_restarts_total") >= 1 and metric(server, "flyball_workers") == 2)
        assert {server.predict(trip(row)).json["version"] for row in range(8)} == {1}


def test_an_endpoint_is_unloaded_and_loaded_on_all_workers(server: ServerProcess) -> None:
    assert server.request("POST", "/v2/repository/models/late/unload", body=b"{}").status == 200
    assert {server.predict(trip(row)).status for row in range(8)} != {200}
    assert all(server.predict(trip(row)).status >= 400 for row in range(8))
    assert server.request("POST", "/v2/repository/models/late/load", body=b"{}").status == 200
    assert {server.predict(trip(row)).status for row in range(8)} == {200}


def test_a_plan_that_cannot_be_served_ends_the_server_with_the_reason(home: ServingHome) -> None:
    plan = home.path.parent / "plan.json"
    plan.write_bytes(home.plan(1).encode())
    with pytest.raises(RuntimeError, match="'late' is refused"):  # its blobs are not beside the plan
        ServerProcess(home.path, "--workers", "2", "--plan", str(plan)).start()


def test_it_grows_while_requests_wait_and_the_new_worker_gets_its_share(home: ServingHome) -> None:
    with ServerProcess(home.path, "--workers", "1-2") as server:
        assert len(workers_of(server)) == 1
        bodies = home.requests(200, rows=400)
        with Load(server, bodies, threads=8) as load:
            until(lambda: metric(server, "flyball_workers") == 2)
            before = len(load.answers)
            load.wait(before and 60, SECONDS)
        assert load.broken == 0
        assert {answer.status for _, answer in load.answers} == {200}
        server.stop()
    assert len(list((home.path / "journal").glob("predictions-1/SEGMENT-*"))) > 0


def test_all_processes_log_as_json_where_that_is_asked_for(home: ServingHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLYBALL_LOG_FORMAT", "json")
    with ServerProcess(home.path, "--workers", "2") as server:
        assert server.predict(trip(1)).status == 200
        os.kill(workers_of(server)[0], signal.SIGKILL)
        until(lambda: metric(server, "flyball_worker_restarts_total") == 1)
        assert server.stop() == 0
        lines = [json.loads(line) for line in server.log.splitlines()]
    assert any("starts again" in line["message"] and line["process"] == "predict" for line in lines)
