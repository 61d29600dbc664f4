"""Replicas on a cluster of Ray on this host: they answer at one address, come back when they are killed, drain, and forget no answer."""

from __future__ import annotations

import http.client
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from flyball.app.remotejournals import RemoteJournals
from flyball.app.replicas.errors import NoRoomError, ReplicasHeldError
from flyball.app.replicas.keeper import Keeper, Told
from flyball.app.replicas.order import Bounds, Order
from flyball.app.replicas.running import Around, Wanted, keep, open_ray
from flyball.app.replicas.standing import Standing
from flyball.serving.record import HOLE, decode
from flyball.storage._localjournal import LocalJournal
from flyball.testing.serving_home import ServingHome, trip
from tests.live import wait_for

pytest.importorskip("ray", reason="the extra `ray` is not installed")

TOKEN = "t" * 43
SECONDS = 120
PAUSE = threading.Event()
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")  # Ray's own


class Control(ThreadingHTTPServer):
    """A control plane that hands out one plan and takes journals; while it is `gone` it does neither."""

    daemon_threads = True

    def __init__(self, home: ServingHome) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.plan = home.plan(1)
        self.journals, self.gone = RemoteJournals(home.path / "control"), False
        self.folder = home.path / "control" / "journal" / "servers"
        self.url = f"http://127.0.0.1:{self.server_port}"

    def logged(self) -> list[str]:
        """The ids of all that was answered, as often as they came."""
        entries = [entry for path in sorted(self.folder.iterdir()) for entry in LocalJournal.read(path).read_after(0, 1_000_000)]
        return [one for entry in entries if entry.payload != HOLE for one in decode(entry.payload).ids]


class _Handler(BaseHTTPRequestHandler):
    server: Control

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        if self.server.gone:
            self.send_error(503)
        elif "/journals/" in self.path:
            self._say(json.dumps({"position": self.server.journals.get_position(name)}).encode())
        elif int(parse_qs(urlsplit(self.path).query)["revision"][0]) < self.server.plan.revision:
            self._say(self.server.plan.encode())
        else:
            PAUSE.wait(1.0)  # a long poll
            self._say(b"", 304)

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.gone:
            self.send_error(503)
        else:
            self._say(json.dumps({"position": self.server.journals.take(self.path.rpartition("/")[2], content)}).encode())

    def _say(self, data: bytes, status: int = 200) -> None:
        with suppress(OSError):  # who asked was killed
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@dataclass
class Kept:
    """Replicas that a thread keeps, and who asks them; `ids` are those of all answers, `failures` what else came."""

    home: ServingHome
    control: Control
    address: str
    stop: threading.Event = field(default_factory=threading.Event)
    lines: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def standing(self) -> Standing:
        return Standing(self.home.path, "tested")

    def run(self) -> None:
        wanted = Wanted(
            group="tested", bounds=Bounds.parse("2"), cluster=self.address, control_url=self.control.url, token=TOKEN, home=self.home.path,
            port=0, root=str(self.home.path / "nodes"), bind="127.0.0.1",
        )  # fmt: skip
        environment = {"FLYBALL_BLOBS_URL": (self.home.path / "blobs").as_uri()}
        keep(wanted, Around(stop=self.stop, say=self.lines.append, environment=environment, open=open_ray))

    def table(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.standing.get()["replicas"]
        return found

    def wait(self, what: Callable[[list[dict[str, Any]]], bool], *, told: str) -> None:
        """Until the table is so."""

        def so() -> bool:
            with suppress(LookupError):
                return what(self.table())
            return False

        wait_for(so, SECONDS, told=f"{told}: {self.lines}")

    def wait_up(self, count: int) -> list[dict[str, Any]]:
        """Until so many are up, and no more are there; they."""
        self.wait(lambda table: [one["state"] for one in table] == ["up"] * count, told=f"{count} replicas")
        return self.table()

    def wait_answers(self, count: int) -> None:
        """Until so many more have come."""
        wanted = len(self.ids) + count
        wait_for(lambda: len(self.ids) >= wanted, SECONDS, told=f"answers: {self.failures[-3:]}")

    def ask(self, number: int) -> None:
        """One request over a line of its own, at the one address."""
        host, _, port = self.standing.get()["address"].rpartition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=60)
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        try:
            connection.request("POST", "/predict/late", json.dumps({"rows": [trip(number)]}), headers)
            answer = connection.getresponse()
            found = json.loads(answer.read())
            if answer.status == 200:
                self.ids.append(found["predictions"][0]["id"])
            else:
                self.failures.append(f"{answer.status} {found}")
        except (OSError, http.client.HTTPException) as error:
            self.failures.append(repr(error))
        finally:
            connection.close()

    def load(self, until: threading.Event) -> None:
        number = 0
        while not until.wait(0.01):
            number += 1
            self.ask(number)


@pytest.fixture
def kept(tmp_path: Path, ray_here: str) -> Iterator[Kept]:
    home = ServingHome.trips(tmp_path)
    home.add_linear(1)
    with Control(home) as control:
        threading.Thread(target=control.serve_forever, daemon=True).start()
        found = Kept(home, control, ray_here)
        thread = threading.Thread(target=found.run)
        thread.start()
        yield found
        found.stop.set()
        thread.join()
        control.shutdown()
        control.journals.close()


@pytest.mark.timeout(600)
@pytest.mark.slow
def test_replicas_answer_come_back_drain_and_forget_nothing(kept: Kept) -> None:
    first, second = kept.wait_up(2)
    assert first["server"] != second["server"]
    with pytest.raises(ReplicasHeldError, match="another --name"):
        kept_by_another(kept)
    asking = threading.Event()
    load = threading.Thread(target=kept.load, args=(asking,))
    load.start()
    try:
        kept.wait_answers(20)
        os.kill(first["pid"], signal.SIGKILL)  # the model server
        kept.wait(lambda table: any(one["restarts"] for one in table), told="a restart")
        kept.wait_up(2)
        os.kill(parent_of(second["pid"]), signal.SIGKILL)  # the process that owns the other one
        kept.wait(lambda table: len(table) == 2 and table[1]["pid"] not in {0, second["pid"]}, told="a new process")
        again = kept.wait_up(2)
        assert {one["server"] for one in again} == {first["server"], second["server"]}  # each goes on with its journal
        failed = len(kept.failures)
        kept.standing.set_count(1)
        kept.wait_up(1)
        assert kept.failures[failed:] == []
        kept.control.gone = True
        kept.wait_answers(20)
        assert kept.failures[failed:] == []
    finally:
        asking.set()
        load.join()
    kept.control.gone = False
    kept.stop.set()
    wait_for(lambda: sorted(set(kept.ids) - set(kept.control.logged())) == [], SECONDS, told="a whole log")
    logged = kept.control.logged()
    assert len(logged) == len(set(logged))


def kept_by_another(kept: Kept) -> None:
    cluster = open_ray(kept.address, "tested", keeper="another")
    Keeper(cluster, order(kept), wanted=lambda: 5, told=silent()).step()


def order(kept: Kept, *, cpus: int = 1) -> Order:
    return Order(group="tested", control_url=kept.control.url, token=TOKEN, cpus=cpus)


def silent() -> Told:
    return Told(table=lambda _: None, say=lambda _: None)


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_a_cluster_without_room_says_so_and_keeps_nothing(ray_here: str) -> None:
    cluster = open_ray(ray_here, "big", keeper="me")
    order = Order(group="big", control_url="http://127.0.0.1:1", token=TOKEN, cpus=1000)
    keeper = Keeper(cluster, order, wanted=lambda: 2, told=silent())
    with pytest.raises(NoRoomError, match="1000 processor"):
        keeper.run(threading.Event(), start_seconds=0.0)
    assert cluster.look(0.1) == {}
