"""A model server over TLS: alone and of several processes, over HTTP and gRPC, following a control plane that shows a certificate too."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import grpc  # type: ignore[import-untyped]  # it ships no types
import pytest

from flyball.app.trying import Trials
from flyball.client import Client
from flyball.core.clock import MonotonicTimer
from flyball.core.trust import Trust
from flyball.governance import OwnerToken
from flyball.governance.certificates import Credentials
from flyball.predict.grpc.messages import methods, of_inference
from flyball.predict.grpc.routes import INFERENCE
from flyball.testing.controlplane import StillPlane
from flyball.testing.doors import open_door
from flyball.testing.model_server import ServerProcess
from flyball.testing.serving_home import ServingHome, trip
from tests.certificates import DAY, Authority


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> ServingHome:
    made = ServingHome.trips(tmp_path_factory.mktemp("served"))
    made.add_linear(1)
    made.keep(made.plan(1))
    return made


class Followed(StillPlane):
    """Whom a model server asks for plans."""

    asked = 0

    def find_plan(self, revision: int, *, server: str | None, refusal: str = "") -> None:
        del revision, server, refusal
        self.asked += 1


@pytest.fixture(scope="module", params=["1", "2"])
def server(request: pytest.FixtureRequest, authority: Authority, home: ServingHome) -> Iterator[tuple[ServerProcess, Followed]]:
    plane, shown = Followed(), authority.issue(f"models-{request.param}", "models.example", "127.0.0.1")
    with open_door(plane, token=OwnerToken.open(home.path).value, credentials=Credentials(authority.issue("control", "127.0.0.1"))) as url:
        options = ["--control", url, "--ca-file", str(authority.path), "--workers", request.param, "--grpc-port", "0"]
        with ServerProcess(home.path, *shown.options(), *options) as found:
            yield found, plane


def test_rows_are_answered_and_the_control_plane_is_followed(server: tuple[ServerProcess, Followed], authority: Authority) -> None:
    found, plane = server
    assert found.url.startswith("https://")
    assert found.predict(trip(1)).status == 200
    with Client(found.url, found.token, trust=authority.path) as client:
        assert client.is_alive()
    host = {"Host": f"models.example:{found.port}"}
    assert found.request("GET", "/v2/health/ready", headers=host).status == 200
    timer = MonotonicTimer()
    until = timer.seconds() + 60
    while not plane.asked:
        assert timer.seconds() < until, found.log


def test_the_console_can_try_a_row(server: tuple[ServerProcess, Followed]) -> None:
    found, _ = server
    assert Trials(found.home).try_rows("late", [trip(2)])["version"] == 1


def test_a_renewed_certificate_is_shown_over_http_and_grpc(server: tuple[ServerProcess, Followed], authority: Authority) -> None:
    found, _ = server
    calls = f"127.0.0.1:{json.loads((found.home / 'run' / 'grpc.json').read_text())['port']}"
    assert _is_ready(calls, found.token, authority=authority.path)
    shown = Path(json.loads((found.home / "run" / "predict.json").read_text())["certificate"])
    other = Authority(shown.parent / "others")
    renewed = other.issue("renewed", "127.0.0.1")
    authority.folder.joinpath(shown.with_suffix(".key").name).write_bytes(renewed.key.read_bytes())
    shown.write_bytes(renewed.chain.read_bytes())
    with Client(found.url, found.token, trust=Trust(other.path)) as client:
        assert client.is_alive()
    assert _is_ready(calls, found.token, authority=other.path)
    assert not _is_ready(calls, found.token, authority=authority.path)


def _is_ready(place: str, token: str, *, authority: Path) -> bool:
    method = methods(INFERENCE)["ModelReady"]
    shown = grpc.ssl_channel_credentials(authority.read_bytes())
    with grpc.secure_channel(place, shown, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
        ask = channel.unary_unary(
            method.path, request_serializer=method.request.SerializeToString, response_deserializer=method.response.FromString
        )
        try:
            answer = ask(of_inference("ModelReadyRequest")(name="late"), timeout=60, metadata=(("authorization", f"Bearer {token}"),))
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.UNAVAILABLE:
                raise
            return False
        return bool(answer.ready)


def test_what_cannot_be_shown_ends_the_server_with_a_sentence(home: ServingHome, authority: Authority) -> None:
    old = authority.issue("old", lasts=(-2 * DAY, -timedelta(hours=1)))
    command = [sys.executable, "-m", "flyball.predict", "--home", str(home.path), "--port", "0", "--workers", "2", *old.options()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert f"The certificate {old.chain} has expired. Renew it." in done.stderr
    assert "Traceback" not in done.stderr
