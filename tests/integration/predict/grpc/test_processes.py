"""gRPC where several processes answer at one port: all of them are met, and what concerns all reaches all."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from flyball.predict.grpc.messages import of_inference
from flyball.testing.model_server import ServerProcess
from flyball.testing.serving_home import ServingHome, trip
from tests.grpccalls import Refusal, asked, listening
from tests.live import wait_for

pytestmark = pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="several processes need several processors")


def home(place: Path) -> Path:
    found = ServingHome.trips(place)
    found.add_linear(1, intercept=0.0)
    found.keep(found.plan(1))
    return found.path


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(home(tmp_path), "--grpc-port", "0", "--workers", "2") as running:
        wait_for((running.home / "run" / "grpc.json").exists, 60, told="gRPC")
        yield running


def answers(server: ServerProcess) -> bool:
    """Whether a channel of its own gets a prediction."""
    with listening(server) as caller:
        return not isinstance(caller.call("ModelInfer", asked([trip(1)])), Refusal)


def journals(server: ServerProcess) -> int:
    """How many processes have answered."""
    return sum(any(place.glob("*")) and any(part.stat().st_size > 64 for part in place.iterdir() if part.is_file()) for place in
               (server.home / "journal").iterdir() if place.name.startswith("predictions"))  # fmt: skip


def test_all_processes_are_met_and_end_well(server: ServerProcess) -> None:
    def met() -> bool:
        assert answers(server)
        return journals(server) == 2

    wait_for(met, 60, told="both processes")
    assert server.stop(signal.SIGTERM) == 0


def test_loading_and_unloading_reaches_all(server: ServerProcess) -> None:
    with listening(server) as caller:
        unloaded = caller.call("RepositoryModelUnload", of_inference("RepositoryModelUnloadRequest")(model_name="late"))
        assert unloaded.isUnloaded
        assert not any(answers(server) for _ in range(20))
        assert caller.call("RepositoryIndex").models[0].state == "UNAVAILABLE"
        loaded = caller.call("RepositoryModelLoad", of_inference("RepositoryModelLoadRequest")(repository_name="late"))
        assert (loaded.isLoaded, loaded.model_name) == (True, "late")
        assert all(answers(server) for _ in range(20))


def test_a_port_that_is_taken_is_said_at_the_start(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(RuntimeError, match=f"Port {port} of 127.0.0.1"):
            ServerProcess(home(tmp_path), "--grpc-port", str(port), "--workers", "2").start()
