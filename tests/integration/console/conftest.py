"""A real console process before a control plane that answers what was recorded, and a real browser."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from flyball.app.settings import Settings
from tests.browser.chromium import Browser, chromium
from tests.integration.console.filled import Filled, fill
from tests.integration.console.standin import TOKEN, StandIn
from tests.integration.console.visiting import Visit
from tests.live import Server


@dataclass
class ConsoleProcess:
    """One `python -m flyball.console`; `start` after `stop` listens on the same port."""

    control_url: str
    folder: Path
    port: int = 0
    child: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def run_file(self) -> Path:
        """Where it says so."""
        return self.folder / "run" / "console.json"

    def start(self, *options: str) -> None:
        """Run it, and return when it listens."""
        command = [sys.executable, "-m", "flyball.console", "--control-url", self.control_url, "--port", str(self.port)]
        environment = {**os.environ, "FLYBALL_TOKEN": TOKEN}
        self.child = subprocess.Popen([*command, "--run-file", str(self.run_file), *options], cwd=self.folder, env=environment)
        until = time.monotonic() + 60  # noqa: TID251  the test's own patience
        while not self.run_file.exists():
            assert self.child.poll() is None, "the console ended at once"
            assert time.monotonic() < until, "the console does not listen"  # noqa: TID251  as above
            time.sleep(0.02)
        self.port = json.loads(self.run_file.read_text())["port"]

    def stop(self, *, kill: bool = False) -> int:
        """End it; its exit code."""
        assert self.child is not None
        if kill:
            self.child.kill()
            self.run_file.unlink(missing_ok=True)
        else:
            self.child.terminate()
        return self.child.wait(60)


@pytest.fixture
def control() -> Iterator[StandIn]:
    standin = StandIn()
    standin.start()
    yield standin
    standin.stop()


@pytest.fixture
def console(control: StandIn, tmp_path: Path) -> Iterator[ConsoleProcess]:
    process = ConsoleProcess(control.url, tmp_path)
    process.start()
    yield process
    process.stop()


@pytest.fixture
def anonymous(console: ConsoleProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=console.url, trust_env=False) as client:
        yield client


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def browser(chrome: Browser, console: ConsoleProcess, control: StandIn) -> Iterator[Browser]:
    """A browser that has come by a login link and sees the page with its figures."""
    chrome.look()
    chrome.complaints(), chrome.requested()  # what another test left
    chrome.open(f"{console.url}/login?code={control.create_code()}")
    chrome.one(".event")
    yield chrome
    chrome.open("about:blank")
    chrome.chrome.delete_all_cookies()


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    return fill(tmp_path_factory.mktemp("runs") / "home")


@pytest.fixture(scope="session")
def server(filled: Filled) -> Iterator[Server]:
    """A real `flyball server` on the filled home, with its console."""
    running = Server.start(filled.home, console=True)
    yield running
    assert running.end() == 0


@pytest.fixture(scope="session")
def console_url(server: Server) -> str:
    return Settings.load(server.home).console_url


@pytest.fixture(scope="module")
def visit(chrome: Browser, server: Server, console_url: str) -> Iterator[Visit]:
    """Opens pages of the console in a browser that is logged in."""
    with server.client() as client:
        chrome.open(f"{console_url}/login?code={client.create_login_code()}")
    assert chrome.says("Runs", 60)
    yield Visit(chrome, console_url)
    chrome.open("about:blank")
    chrome.chrome.delete_all_cookies()
