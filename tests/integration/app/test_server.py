"""`flyball server`: a home without a project."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from flyball.app.running import get_up
from tests.live import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server.start(tmp_path_factory.mktemp("server") / "home")
    yield running
    assert running.end() == 0


@pytest.fixture
def owner(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {server.token()}"}) as client:
        yield client


def test_it_makes_its_home_and_runs_nothing_but_the_control_plane(server: Server, owner: httpx.Client) -> None:
    assert (server.home / "flyball.db").is_file()
    assert set(get_up(server.home)["children"]) == {"control"}
    status = owner.get("/api/v1/status").json()
    assert (status["models"], status["phase"]) == ([], "keeping runs and models")


def test_its_home_is_its_owner_s_alone(server: Server) -> None:
    assert server.home.stat().st_mode & 0o777 == 0o700


def test_what_there_is_can_be_looked_at(owner: httpx.Client) -> None:
    assert owner.get("/api/v1/models").json() == {"models": []}
    assert owner.get("/api/v1/datasets").json() == {"datasets": []}
    assert owner.get("/api/v1/parity").json() == {"report": None}
    assert owner.get("/api/v1/events").status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v1/endpoints/late/promote", {"version": 1, "why": ""}),
        ("/api/v1/endpoints/late/rollback", {"why": ""}),
        ("/api/v1/datasets/flights/rows", {"rows": [{"a": 1}]}),
        ("/api/v1/parity", None),
    ],
)
def test_what_takes_a_project_says_so(owner: httpx.Client, path: str, body: object) -> None:
    answer = owner.post(path, json=body)
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "no-project"
    assert "flyball up PROJECT.py" in answer.json()["error"]["message"]


def test_nothing_is_predicted_here(owner: httpx.Client) -> None:
    assert owner.get("/api/v1/models/late").status_code == 404
    assert owner.get("/api/v1/predictions/pred-1").status_code == 404
