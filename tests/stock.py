"""The stock MLflow client and server, each run by its own environment's Python; skips, with the reason, where that was not made."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tests.live import wait_for

ROOT = Path(__file__).resolve().parent.parent
QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "GIT_PYTHON_REFRESH": "quiet"}


def python_of(client: str) -> Path:
    """The Python of `.venv-clients/CLIENT`."""
    found = ROOT / ".venv-clients" / client / "bin" / "python"
    if not found.exists():
        pytest.skip(f"the stock client {client!r} is not installed; run `make clients`")
    return found


def run_script(
    name: str, *arguments: str, client: str = "mlflow", environment: Mapping[str, str] | None = None, seconds: float = 240
) -> str:
    """What `tests/clients/NAME.py` prints when the client's Python runs it; fails where it fails."""
    command = [str(python_of(client)), str(ROOT / "tests" / "clients" / f"{name}.py"), *arguments]
    done = subprocess.run(
        command, env={**_plain(), **QUIET, **(environment or {})}, capture_output=True, text=True, timeout=seconds, check=False
    )
    assert done.returncode == 0, f"{name} ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-6000:]}"
    return done.stdout


@contextmanager
def mlflow_server(place: Path) -> Iterator[str]:
    """MLflow's own server on a database and artifacts below `place`; its URL."""
    python = python_of("mlflow")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    command = [str(python.with_name("mlflow")), "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{place / 'mlflow.db'}", "--artifacts-destination", str(place / "mlartifacts")]
    environment = {**_plain(), **QUIET, "PATH": f"{python.parent}:{os.environ['PATH']}"}
    with (place / "server.log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=place, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
        )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(lambda: _answers(f"{url}/health"), 180, told="an answer of MLflow's server")
        yield url
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _plain() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("FLYBALL_", "MLFLOW_", "PYTHON"))}


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=30) as found:  # noqa: S310 - loopback
            return bool(found.status == 200)
    except (URLError, OSError):
        return False
