"""A control plane that steers a real model server, without a loop: deployments, plans, acknowledgements and rewards are the real ones.

Its versions are those of a `ServingHome`, registered and validated by the services that make them so.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from flyball.app.controlplane import Deed, Json, Pulse
from flyball.app.endpointview import EndpointView
from flyball.app.learning import Learning
from flyball.app.predictionlog import open_log
from flyball.app.releasing import Releasing
from flyball.app.servers import Servers
from flyball.app.steering import Steering
from flyball.app.trafficdesk import TrafficDesk
from flyball.client.client import Client
from flyball.client.endpoints import EndpointsClient
from flyball.core.clock import MonotonicTimer
from flyball.governance import OwnerToken
from flyball.loop.projectfile import load_project
from flyball.releases._sqlrewards import SqlRewards
from flyball.serving.plan import EndpointPlan, ServingPlan
from flyball.storage._delta import DeltaTables
from flyball.testing.controlplane import StillPlane
from flyball.testing.doors import open_door
from flyball.testing.livehome import LiveHome, opened_live_home
from flyball.testing.model_server import ServerProcess
from flyball.testing.serving_home import ServingHome


class SteeredPlane(StillPlane):
    """Version 1 is the champion of the home's one endpoint at first."""

    def __init__(self, live: LiveHome, serving: ServingHome) -> None:
        super().__init__()
        self.live, self.serving = live, serving
        self.steering = Steering(Releasing(live.stores), Servers(self, MonotonicTimer()), self._published)
        self.log = open_log(serving.path, DeltaTables(live.path / "answers"), stores=live.stores)
        rewards = SqlRewards(live.stores.database)
        self.learning = Learning(self.steering.releasing, rewards, {}, self._published)
        view = EndpointView(load_project(serving.project), live.stores, self.log, self.steering.servers)
        self.traffic = TrafficDesk(view, self.steering, self.log, rewards, live.clock, self.learning, self._columns)  # type: ignore[assignment]  # the real one
        self._told: list[Callable[[], None]] = []
        for number in sorted(serving.versions):
            live.validated(f"version-{number}")
        live.releases.start(1, None)

    def revision(self) -> int:
        return self.live.releases.get().revision

    def pulse(self) -> Pulse:
        return Pulse(0, self.revision())

    def listen(self, told: Callable[[], None]) -> None:
        self._told.append(told)

    def promote(self, endpoint: str, version: int | None, *, deed: Deed) -> Json:
        return self.steering.carry_out(endpoint, lambda: self.steering.releasing.promote(endpoint, version, deed=deed), deed=deed)

    def rollback(self, endpoint: str, *, deed: Deed) -> Json:
        return self.steering.carry_out(endpoint, lambda: self.steering.releasing.rollback(endpoint, deed=deed), deed=deed)

    def find_plan(self, revision: int, *, server: str | None, refusal: str = "") -> ServingPlan | None:
        if server is not None:
            self.steering.servers.heard(server, revision, refusal=refusal)
        plan = self._planned()
        if plan.revision == revision:
            return None
        if server is not None:
            self.steering.servers.given(server, plan.revision)
        return plan

    def _planned(self) -> ServingPlan:
        here = self.live.releases.get()
        plan = EndpointPlan(
            endpoint=here.endpoint, model=here.model, revision=here.revision, champion=here.champion, canary=here.canary, share=here.share,
            versions=tuple(self.serving.versions[number] for number in here.held), policy=here.policy, shadows=here.shadows,
        )  # fmt: skip
        return ServingPlan(revision=here.revision, endpoints=(plan,))

    def _columns(self, endpoint: str) -> Sequence[str]:
        del endpoint
        return list(self.serving.versions[1].schemas["trips"])

    def _published(self) -> int:
        for told in self._told:
            told()
        return self.revision()


@dataclass
class Steered:
    """A control plane with model servers that follow it; `endpoints` is a client of the one, `servers` are the others."""

    plane: SteeredPlane
    endpoints: EndpointsClient
    servers: Sequence[ServerProcess]

    @property
    def server(self) -> ServerProcess:
        return self.servers[0]


@contextmanager
def steered(place: Path, serving: ServingHome, *, options: Sequence[str] = ()) -> Iterator[Steered]:
    """The versions of `serving`, steered over real sockets."""
    token = OwnerToken.open(serving.path).value
    with ExitStack() as stack:
        plane = SteeredPlane(stack.enter_context(opened_live_home(place)), serving)
        url = stack.enter_context(open_door(plane, token=token))
        server = stack.enter_context(ServerProcess(serving.path, "--control", url, *options))
        client = stack.enter_context(Client(url, token, actor="user:ada"))
        until = time.perf_counter() + 60
        while not plane.steering.servers.wait(plane.revision(), seconds=1).servers:
            assert time.perf_counter() < until, server.log
            time.sleep(0.01)
        yield Steered(plane, EndpointsClient(client), [server])


@dataclass(frozen=True, slots=True)
class Seen:
    """One answer as its caller saw it, in seconds of real time."""

    sent: float
    received: float
    status: int
    version: int | None


@dataclass
class Callers:
    """Threads that ask one row at a time, each no oftener than every `pause` seconds; `seen` is what came of it."""

    server: ServerProcess
    bodies: Sequence[bytes]
    threads: int = 4
    pause: float = 0.0
    seen: list[Seen] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _running: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        for number in range(self.threads):
            thread = threading.Thread(target=self._run, args=(number,), daemon=True)
            self._running.append(thread)
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._running:
            thread.join()

    def _run(self, number: int) -> None:
        headers = {"Authorization": f"Bearer {self.server.token}", "Content-Type": "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        while not self._stop.is_set():
            body = self.bodies[number % len(self.bodies)]
            number += self.threads
            sent = time.perf_counter()
            status, version = 0, None
            try:
                connection.request("POST", "/predict/late", body=body, headers=headers)
                answer = connection.getresponse()
                status, data = answer.status, answer.read()
                version = json.loads(data).get("version") if status == http.client.OK else None
            except (OSError, http.client.HTTPException):
                connection.close()
            received = time.perf_counter()
            self.seen.append(Seen(sent, received, status, version))
            with suppress(ValueError):
                time.sleep(sent + self.pause - received)
        connection.close()


@dataclass
class Timeline:
    """Which versions might answer when: a change may count from its call on, and does when that has returned."""

    legal: frozenset[int]
    _changes: list[tuple[float, float, frozenset[int], frozenset[int]]] = field(default_factory=list)

    def change(self, act: Callable[[], object], *, to: set[int]) -> float:
        """Do it; how many seconds it took until it was acknowledged."""
        began = time.perf_counter()
        act()
        ended = time.perf_counter()
        self._changes.append((began, ended, self.legal, frozenset(to)))
        self.legal = frozenset(to)
        return ended - began

    def illegal(self, seen: Sequence[Seen]) -> list[Seen]:
        """The answers of versions that might not give them: after the change was acknowledged, or before it was asked for."""
        return [one for one in seen if one.version is not None and one.version not in self._possible(one)]

    def _possible(self, one: Seen) -> set[int]:
        found: set[int] = set()
        since = -1.0  # when the state before the change began to count at the earliest
        for began, ended, before, _ in self._changes:
            if since <= one.received and one.sent <= ended:
                found |= before
            since = began
        if since <= one.received:
            found |= self.legal
        return found
