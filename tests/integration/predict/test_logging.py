"""What a model server keeps of its answers, as its plan declares: over real sockets, and whoever is killed."""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path

import pytest
from msgspec import structs

from flyball.serving.logspec import LogPlan
from flyball.serving.plan import ServingPlan
from flyball.testing.model_server import Load, ServerProcess
from flyball.testing.serving_home import ServingHome, trip


@pytest.fixture
def home(tmp_path: Path) -> ServingHome:
    made = ServingHome.trips(tmp_path)
    made.add_linear(1)
    return made


def declared(home: ServingHome, log: LogPlan) -> ServingPlan:
    plan = home.plan(1)
    return structs.replace(plan, endpoints=tuple(structs.replace(found, log=log) for found in plan.endpoints))


def test_what_is_hidden_is_in_no_file_of_the_home_and_the_answer_is_the_same(home: ServingHome) -> None:
    home.keep(home.plan(1))
    row = trip(1, station="S2")
    with ServerProcess(home.path) as server:
        plain = server.predict(row).json["predictions"][0]["score"]
    home.keep(declared(home, LogPlan(hash=("station",), mask=("leaves_at",))))
    with ServerProcess(home.path) as server:
        answers = [server.predict(row) for _ in range(2)]
        assert [answer.json["predictions"][0]["score"] for answer in answers] == [plain, plain]
        first, second = server.journal()[-2:]
    assert first.request["station"] == second.request["station"] != ["S2"]
    assert first.request["leaves_at"] == [None]
    assert first.request["distance"] == [1.0]
    assert (home.path / "keys" / "predictions.secret").stat().st_mode & 0o777 == 0o600


def test_a_full_journal_sheds_where_that_is_declared_and_counts_what_is_lost(home: ServingHome) -> None:
    home.keep(declared(home, LogPlan(overload="shed")))
    with ServerProcess(home.path, "--journal-bytes", "20000") as server:
        codes = Counter(server.predict(trip(number)).status for number in range(120))
        assert codes == {200: 120}
        kept = len(server.journal())
        assert 0 < kept < 120
        metrics = server.request("GET", "/metrics").body.decode()
        assert f'flyball_log_lost_rows_total{{endpoint="late",how="shed"}} {120 - kept}' in metrics


def test_every_answer_is_on_the_disk_when_it_leaves_where_that_is_declared(home: ServingHome) -> None:
    home.keep(declared(home, LogPlan(fsync=True)))
    with ServerProcess(home.path) as server:
        with Load(server, home.requests(200)) as load:
            load.wait(100, seconds=60)
            server.stop(signal.SIGKILL)
        journalled = Counter(name for record in server.journal() for name in record.ids)
    answered = [prediction["id"] for _, answer in load.answers if answer.status == 200 for prediction in answer.json["predictions"]]
    assert len(answered) >= 100
    assert all(journalled[name] == 1 for name in answered)
