"""Two model servers of one control plane on hosts of their own: no disk is shared, plans come and journals go over TLS."""

from __future__ import annotations

import http.client
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flyball.app import steering
from flyball.app.deed import Json
from flyball.app.remotejournals import RemoteJournals
from flyball.client import Client
from flyball.client.endpoints import EndpointsClient
from flyball.governance.certificates import Credentials
from flyball.testing.controlplane import StillInbox
from flyball.testing.doors import open_door
from flyball.testing.livehome import opened_live_home
from flyball.testing.model_server import ServerProcess
from flyball.testing.serving_home import MODEL, ServingHome, trip
from flyball.testing.steered import SteeredPlane
from tests.certificates import Authority

TOKEN = "t" * 43
SECONDS = 60.0


class Journals(StillInbox):
    """Takes journals as a control plane does."""

    def __init__(self, home: Path) -> None:
        super().__init__()
        self.kept = RemoteJournals(home)

    def get_position(self, server: str) -> Json:
        return {"position": self.kept.get_position(server)}

    def take_journal(self, server: str, content: bytes) -> Json:
        return {"position": self.kept.take(server, content)}


@dataclass
class Hosts:
    plane: SteeredPlane
    endpoints: EndpointsClient
    east: ServerProcess
    west: ServerProcess

    def names(self) -> list[str]:
        """The two, as the control plane calls them."""
        return [f"east-{self.east.port}", f"west-{self.west.port}"]

    def logged(self) -> Counter[str]:
        """How often each prediction is in the log."""
        self.plane.log.drain()
        found = self.plane.log.read(MODEL, datetime.min.replace(tzinfo=UTC), end=datetime.max.replace(tzinfo=UTC))
        return Counter(found["id"])


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hosts]:
    monkeypatch.setattr(steering, "TAKE_OVER_SECONDS", SECONDS / 2)  # a server that is stopped here is not given up before
    serving = ServingHome.trips(tmp_path / "serving")
    serving.add_linear(1, intercept=-1.0)
    serving.add_linear(2, intercept=1.0)
    authority = Authority(tmp_path / "certificates")
    with ExitStack() as stack:
        plane = SteeredPlane(stack.enter_context(opened_live_home(tmp_path / "control")), serving)
        plane.inbox = journals = Journals(serving.path)
        stack.callback(journals.kept.close)
        url = stack.enter_context(open_door(plane, token=TOKEN, credentials=Credentials(authority.issue("control", "127.0.0.1"))))
        east, west = (stack.enter_context(_host(tmp_path / name, serving, url=url, authority=authority)) for name in ("east", "west"))
        client = stack.enter_context(Client(url, TOKEN, trust=authority.path))
        found = Hosts(plane, EndpointsClient(client), east, west)
        until(lambda: plane.steering.servers.names() == found.names())
        until(lambda: plane.steering.servers.wait(plane.revision(), seconds=1).whole)
        yield found


def _host(home: Path, serving: ServingHome, *, url: str, authority: Authority) -> ServerProcess:
    """A model server with nothing but the control plane's address, its token, its authority and where blobs are."""
    home.mkdir()
    shutil.copyfile(serving.path / "online.db", home / "online.db")
    environment = {
        "FLYBALL_SHIP_LOG": home.name, "FLYBALL_TOKEN": TOKEN, "FLYBALL_CA_FILE": str(authority.path),
        "FLYBALL_BLOBS_URL": f"file:{serving.path / 'blobs'}",
    }  # fmt: skip
    return ServerProcess(home, "--control", url, environment=environment)


def until(holds: Callable[[], bool]) -> None:
    """It holds, within a minute."""
    end = time.perf_counter() + SECONDS
    while not holds():
        assert time.perf_counter() < end
        time.sleep(0.02)


class Asking(threading.Thread):
    """Asks a server row by row until it does not answer; `ids` are those that it answered."""

    def __init__(self, server: ServerProcess, first: int) -> None:
        super().__init__(daemon=True)
        self._server, self._next = server, first
        self.ids: list[str] = []

    def run(self) -> None:
        while True:
            try:
                answer = self._server.predict(trip(self._next))
            except (OSError, http.client.HTTPException):
                return
            assert answer.status == 200, answer.body
            self.ids.append(answer.json["predictions"][0]["id"])
            self._next += 1


def version_of(server: ServerProcess) -> int:
    """Who answers there now."""
    return int(server.predict(trip(1)).json["predictions"][0]["version"])


def test_each_host_has_the_plan_before_it_is_acknowledged_and_each_answer_is_logged_once(hosts: Hosts) -> None:
    plane, east, west = hosts.plane, hosts.east, hosts.west
    assert not (west.home / "blobs").exists(), "nothing lies on its own disk but what it was given"
    shared = hosts.endpoints.set_weights(MODEL, {1: 0.5, 2: 0.5})["servers"]
    assert (shared["acknowledged"], shared["servers"]) == (True, hosts.names())
    for server in (east, west):
        answered = server.predict(*[trip(number) for number in range(40)]).json["predictions"]
        assert {one["version"] for one in answered} == {1, 2}

    with ThreadPoolExecutor(1) as pool:
        west_pid = west.pid
        try:
            west.send_signal(signal.SIGSTOP)
            promoted = pool.submit(hosts.endpoints.promote, MODEL, version=2)
            until(lambda: version_of(east) == 2)
            assert not promoted.done(), "one of two has it"
        finally:
            west.send_signal(signal.SIGCONT)
        told = promoted.result(SECONDS)["servers"]
    assert (told["acknowledged"], told["servers"], west.pid) == (True, hosts.names(), west_pid)
    assert version_of(west) == 2

    asking = [Asking(east, 1000), *(Asking(west, first) for first in (2000, 3000))]
    for one in asking:
        one.start()
    until(lambda: all(len(one.ids) > 20 for one in asking))
    west.stop(signal.SIGKILL)
    for one in asking[1:]:
        one.join(SECONDS)
    gone = hosts.endpoints.promote(MODEL, version=1)["servers"]
    assert gone["acknowledged"] is False
    assert gone["servers"] == hosts.names()[:1]
    assert [*gone["late"], *gone["absent"]] == hosts.names()[1:]
    west.start()
    until(lambda: plane.steering.servers.wait(plane.revision(), seconds=1).whole)
    assert version_of(west) == version_of(east) == 1
    answered_by_west = [name for one in asking[1:] for name in one.ids]
    answered_by_east = list(asking[0].ids)
    until(lambda: hosts.logged().keys() >= {*answered_by_west, *answered_by_east})
    east.stop()
    west.stop()
    asking[0].join(SECONDS)
    found = hosts.logged()
    assert found.keys() >= {name for one in asking for name in one.ids}, "what was answered until the end was sent at the end"
    assert set(found.values()) == {1}
