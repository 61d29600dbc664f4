"""A model server as a process of its own and a control plane that only hands out plans, for tests over real sockets."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from flyball.core.trust import Trust
from flyball.serving.plan import ServingPlan
from flyball.serving.record import Answered, decode
from flyball.storage._localjournal import LocalJournal

_START_SECONDS = 120.0


@dataclass(frozen=True)
class Answer:
    """What the server said."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The error's code."""
        return str(self.json["error"]["code"])

    @property
    def message(self) -> str:
        """The error's sentence."""
        return str(self.json["error"]["message"])


class ServerProcess:
    """``python -m flyball.predict`` on a home, on a free port."""

    def __init__(self, home: Path, *options: str, environment: Mapping[str, str] | None = None) -> None:
        self.home, self._options, self._environment = home, options, environment or {}
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def start(self) -> Self:
        """The server listens when this returns."""
        place = self.home / "run" / "predict.json"
        place.unlink(missing_ok=True)
        command = [sys.executable, "-m", "flyball.predict", "--home", str(self.home), "--port", str(self.port), *self._options]
        with (self.home / "predict.log").open("ab") as log:
            environment = {**os.environ, **self._environment}
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)  # noqa: S603 - our own module
        until = time.perf_counter() + _START_SECONDS
        while not place.exists():
            if self._process.poll() is not None or time.perf_counter() > until:
                raise RuntimeError(f"the model server does not listen:\n{self.log}")
            time.sleep(0.01)
        said = json.loads(place.read_text())
        self.port, shown = said["port"], said.get("certificate")
        self.url = f"http{'s' if shown else ''}://127.0.0.1:{self.port}"
        self._trust = Trust.pinning(Path(shown) if shown else None)
        return self

    @property
    def log(self) -> str:
        return (self.home / "predict.log").read_text()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def token(self) -> str:
        return (self.home / "token").read_text().strip()

    def request(self, method: str, path: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Answer:
        """One request as its owner would send it; a header of "" is left out."""
        usual = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", **(headers or {})}
        connection = self._trust.connect(self.url, 30)
        try:
            connection.request(method, path, body=body, headers={name: value for name, value in usual.items() if value})
            answer = connection.getresponse()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def predict(self, *rows: Mapping[str, Any], endpoint: str = "late") -> Answer:
        """One request for predictions."""
        return self.request("POST", f"/predict/{endpoint}", body=json.dumps({"rows": rows}).encode())

    def journal(self) -> list[Answered]:
        """All that was journalled, in order."""
        journal = LocalJournal.read(self.home / "journal" / "predictions")
        return [decode(entry.payload) for entry in journal.read_after(0, 1_000_000)]

    def send_signal(self, number: signal.Signals) -> None:
        """Send it the signal, if it still runs."""
        assert self._process is not None
        with suppress(ProcessLookupError):
            self._process.send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Signal it, and its exit code."""
        assert self._process is not None
        self.send_signal(number)
        return self._process.wait(30)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process is not None and self._process.poll() is None:
            self.stop(signal.SIGKILL)


class PlanServer:
    """A control plane that knows one plan; `heard` are the revisions that servers said they run, in order."""

    def __init__(self, plan: ServingPlan | None = None) -> None:
        self._changed = threading.Condition()
        self._plan = plan
        self.heard: list[int] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def set(self, plan: ServingPlan) -> None:
        """From now on this is the plan."""
        with self._changed:
            self._plan = plan
            self._changed.notify_all()

    def wait(self, revision: int, seconds: float = 20.0) -> None:
        """A server runs that revision when this returns."""
        with self._changed:
            if not self._changed.wait_for(lambda: revision in self.heard, seconds):
                raise TimeoutError(f"no server took up revision {revision}; heard: {self.heard}")

    def _find(self, revision: int, seconds: float) -> ServingPlan | None:
        with self._changed:
            self.heard.append(revision)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._plan is not None and self._plan.revision > revision, seconds)
            return self._plan if self._plan is not None and self._plan.revision > revision else None

    def _handler(plans) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - the handler's own is `self`
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = parse_qs(urlsplit(self.path).query)
                plan = plans._find(int(asked["revision"][0]), min(float(asked["wait"][0]), 2.0))
                data = b"" if plan is None else plan.encode()
                with suppress(OSError):
                    self.send_response(304 if plan is None else 200)
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)

            def log_message(self, *arguments: object) -> None:
                del arguments

        return Handler

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()


class Load:
    """Threads that ask without pause, each over one connection that is kept alive; `answers` are (body asked, answer)."""

    def __init__(self, server: ServerProcess, bodies: Sequence[bytes], *, threads: int = 4, endpoint: str = "late") -> None:
        self._server, self._bodies, self._endpoint = server, bodies, endpoint
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self.answers: list[tuple[bytes, Answer]] = []
        self.broken = 0
        self._threads = [threading.Thread(target=self._run, args=(number, threads), daemon=True) for number in range(threads)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def wait(self, answers: int, seconds: float = 30.0) -> None:
        """So many answers more have come when this returns."""
        wanted, until = len(self.answers) + answers, time.perf_counter() + seconds
        while len(self.answers) < wanted:
            if time.perf_counter() > until:
                raise TimeoutError(f"{len(self.answers)} answers of {wanted}")
            time.sleep(0.005)

    def _run(self, number: int, step: int) -> None:
        headers = {"Authorization": f"Bearer {self._server.token}", "Content-Type": "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", self._server.port, timeout=30)
        with closing(connection):
            while not self._stop.is_set():
                body = self._bodies[number % len(self._bodies)]
                number += step
                try:
                    connection.request("POST", f"/predict/{self._endpoint}", body=body, headers=headers)
                    found = connection.getresponse()
                    answer = Answer(found.status, {}, found.read())
                except (OSError, http.client.HTTPException):
                    connection.close()
                    with self._lock:
                        self.broken += 1
                    time.sleep(0.01)
                    continue
                with self._lock:
                    self.answers.append((body, answer))


def memory_bytes(pid: int) -> int:
    """The memory of a process that is in use, as Linux counts it."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
