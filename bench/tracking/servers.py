"""The two servers that are compared, each on an empty store of its own below one directory: `flyball server` and MLflow's."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

from bench.tracking.wire import Wire

ROOT = Path(__file__).resolve().parents[2]
PEER = ROOT / ".venv-clients" / "mlflow" / "bin"
START_SECONDS = 180
FIRST = "/api/2.0/mlflow/experiments/get?experiment_id=0"


@dataclass(frozen=True)
class Served:
    """A running server: where it answers, with which token, its process, and how long it took to answer at first."""

    name: str
    url: str
    token: str | None
    pid: int
    start_seconds: float
    place: Path

    def wire(self, *, quick: bool = True) -> Wire:
        """A connection to it."""
        return Wire(self.url, self.token, quick=quick)

    def memory_bytes(self) -> int:
        """The proportional share of memory of the process and all below it."""
        return sum(_pss(pid) for pid in _family(self.pid))

    def processes(self) -> int:
        """How many it consists of."""
        return len(_family(self.pid))


@contextmanager
def ours(place: Path, *, database: str | None = None) -> Iterator[Served]:
    """`flyball server` without its console, on SQLite or on the PostgreSQL at `database`."""
    port, home = _free_port(), place / "home"
    command = [sys.executable, "-m", "flyball", "server", "--home", str(home), "--port", str(port), "--no-console"]
    limits = {"FLYBALL_RATE_LIMITS": "off"}  # what a flood may take is bench/limits.py's question
    more = limits | ({"FLYBALL_DATABASE_URL": database} if database else {})

    def token() -> str | None:
        path = home / "token"
        return path.read_text(encoding="utf-8").strip() if path.exists() else None

    with _running("flyball", command, port=port, more=more, place=place) as (process, url):
        seconds = _until(
            lambda: _answers(f"{url}/api/2.0/mlflow/experiments/get?experiment_id=0", token()), process, log=place / "flyball.log"
        )
        yield Served("flyball", url, token(), process.pid, seconds, home)


@contextmanager
def peer(place: Path, *, database: str | None = None) -> Iterator[Served]:
    """MLflow's own server in its own environment, as its documentation starts it; its job runner of GenAI is left out where it can be."""
    port = _free_port()
    store = database or f"sqlite:///{place / 'mlflow.db'}"
    command = [str(PEER / "mlflow"), "server", "--host", "127.0.0.1", "--port", str(port), "--backend-store-uri", store]
    command += ["--default-artifact-root", str(place / "artifacts")]
    more = {"PATH": f"{PEER}:{os.environ['PATH']}", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    with _running("mlflow", command, port=port, more=more, place=place) as (process, url):
        seconds = _until(lambda: _answers(f"{url}{FIRST}", None), process, log=place / "mlflow.log")
        yield Served("mlflow", url, None, process.pid, seconds, place)


@contextmanager
def _running(
    name: str, command: list[str], *, port: int, more: Mapping[str, str], place: Path
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    place.mkdir(parents=True, exist_ok=True)
    with (place / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=place, env={**os.environ, **more}, start_new_session=True
        )
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)  # its workers too
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _until(answers: Callable[[], bool], process: subprocess.Popen[bytes], *, log: Path) -> float:
    begun = time.perf_counter()
    while not answers():
        if process.poll() is not None or time.perf_counter() - begun > START_SECONDS:
            sys.exit(f"{log.stem} does not start: {log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.02)
    return time.perf_counter() - begun


def _answers(url: str, token: str | None) -> bool:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with urlopen(Request(url, headers=headers), timeout=5) as found:  # noqa: S310 - loopback
            return bool(found.status == 200)
    except (URLError, OSError):
        return False


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _family(pid: int) -> list[int]:
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += _family(int(child))
    return found


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))
