"""The stock gRPC clients, unmodified and with their defaults, each in a process and an environment of its own.

Triton's and KServe's cannot live in one process: both define the same messages.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from flyball.testing.model_server import ServerProcess
from flyball.testing.serving_home import ServingHome, trip
from tests.stock import run_script

ROWS = [trip(number) for number in range(3)]
COLUMNS = {name: [row[name] for row in ROWS] for name in ROWS[0]}


@pytest.fixture(scope="module", params=[(), ("--no-auth",)], ids=["token", "no-auth"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServerProcess, bool]]:
    home = ServingHome.trips(tmp_path_factory.mktemp("serving"))
    home.add_linear(1, intercept=-1.0)
    home.add_linear(2, intercept=1.0)
    home.keep(home.plan(1, 2, share=0.25))
    options: Sequence[str] = request.param
    if options:
        (home.path / "token").write_text("unused")
    with ServerProcess(home.path, "--grpc-port", "0", *options) as running:
        yield running, not options


def told(server: tuple[ServerProcess, bool], client: str) -> tuple[Any, list[float]]:
    """What the client printed, and the scores that HTTP tells of the same rows."""
    running, asks = server
    port = json.loads((running.home / "run" / "grpc.json").read_text())["port"]
    token = running.token if asks else ""
    said = json.loads(run_script(f"{client}_grpc", f"127.0.0.1:{port}", token, json.dumps(COLUMNS), client=client).splitlines()[-1])
    return said, [one["score"] for one in running.predict(*ROWS).json["predictions"]]


def test_tritons_client(server: tuple[ServerProcess, bool]) -> None:
    said, scores = told(server, "triton")
    assert (said["live"], said["ready"], said["model"], said["server"], said["backend"]) == (True, True, True, "flyball", "flyball")
    assert said["score"] == said["packed"] == scores
    assert said["prediction"] == [score >= 0.5 for score in scores]
    assert (said["id"], said["versions"], said["routes"]) == ("mine", [2, 2, 2], ["pinned"] * 3)
    assert said["refused"].startswith("StatusCode.NOT_FOUND: There is no endpoint 'nowhere'")
    assert said["index"] == [["late", "1", "READY"], ["late", "2", "READY"]]
    assert said["counted"] >= 6
    assert said["inputs"] == list(COLUMNS)
    assert [said["stream"][0], said["stream"][2]] == [scores, scores]
    assert "There is no endpoint 'nowhere'" in said["stream"][1]
    assert said["loaded"] is True or "loads and unloads no models" in said["loaded"]


def test_kserves_client(server: tuple[ServerProcess, bool]) -> None:
    said, scores = told(server, "kserve")
    assert (said["live"], said["ready"], said["model"]) == (True, True, True)
    assert (
        said["raw"] == said["typed"] == {"score": scores, "prediction": [score >= 0.5 for score in scores], "id": "mine", "model": "late"}
    )
    assert said["refused"].startswith("NOT_FOUND: There is no endpoint 'nowhere'")
