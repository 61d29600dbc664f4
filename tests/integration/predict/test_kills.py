"""What the server answered is in the journal, however it ends; what it cannot keep it does not answer."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from flyball.storage._localjournal import LocalJournal
from flyball.testing.model_server import Load, ServerProcess, memory_bytes
from flyball.testing.serving_home import ServingHome, trip


@pytest.fixture
def home(tmp_path: Path) -> ServingHome:
    made = ServingHome.trips(tmp_path)
    made.add_linear(1, intercept=-1.0)
    made.add_linear(2, intercept=1.0)
    made.keep(made.plan(1, 2, share=0.3))
    return made


def test_a_kill_under_load_loses_no_answered_prediction(home: ServingHome) -> None:
    server = ServerProcess(home.path).start()
    answered: list[str] = []
    for pause in (0.15, 0.3, 0.05):
        with Load(server, home.requests(500, rows=3)) as load:
            load.wait(20)
            time.sleep(pause)
            server.stop(signal.SIGKILL)
        answered += [one["id"] for _, answer in load.answers for one in answer.json["predictions"]]
        server.start()
    assert server.predict(trip(1)).status == 200
    server.stop()
    kept = [found for record in server.journal() for found in record.ids]
    assert set(answered) <= set(kept)
    assert len(set(kept)) == len(kept)


def test_a_server_that_is_told_to_end_answers_what_it_has_and_ends(home: ServingHome) -> None:
    server = ServerProcess(home.path).start()
    with Load(server, home.requests(500)) as load:
        load.wait(50)
        assert server.stop(signal.SIGTERM) == 0
    assert {answer.status for _, answer in load.answers} == {200}
    answered = {one["id"] for _, answer in load.answers for one in answer.json["predictions"]}
    assert answered <= {found for record in server.journal() for found in record.ids}
    assert "Traceback" not in server.log


def test_a_full_journal_answers_nothing_until_it_is_read(home: ServingHome) -> None:
    with ServerProcess(home.path, "--journal-bytes", "200000") as server:
        full = None
        for number in range(200):
            full = server.predict(*(trip(number * 100 + place) for place in range(100)))
            if full.status != 200:
                break
        assert full is not None
        assert (full.status, full.code) == (503, "journal-full")
        assert int(full.headers["retry-after"]) > 0
        before = len(server.journal())
        assert server.predict(trip(1)).status == 200 or len(server.journal()) == before  # a small one may still fit
        reader = LocalJournal.read(home.path / "journal" / "predictions")
        reader.acknowledge(reader.last)
        reader.close()
        assert server.predict(*(trip(number) for number in range(100))).status == 200


def test_a_second_server_of_a_home_is_refused(home: ServingHome) -> None:
    with ServerProcess(home.path) as server:
        with pytest.raises(RuntimeError, match="in use"):
            ServerProcess(home.path).start()
        assert server.predict(trip(1)).status == 200


def test_a_taken_port_is_named_with_the_setting_that_changes_it(home: ServingHome, tmp_path: Path) -> None:
    with ServerProcess(home.path) as server:
        other = ServerProcess(ServingHome.trips(tmp_path / "other").path)
        other.port = server.port
        with pytest.raises(RuntimeError, match=rf"Port {server.port}.*--serve-port"):
            other.start()


def test_the_server_is_small(home: ServingHome) -> None:
    with ServerProcess(home.path) as server:
        assert server.predict(trip(1)).status == 200
        assert memory_bytes(server.pid) < 200 << 20


def test_answers_go_on_while_the_online_store_is_gone(home: ServingHome) -> None:
    with ServerProcess(home.path) as server:
        before = server.predict(trip(1)).json["predictions"][0]
        for file in home.path.glob("online.db*"):
            file.unlink()
        after = server.predict(trip(1)).json["predictions"][0]
        assert (after["score"], after.get("warnings")) == (before["score"], before.get("warnings"))
