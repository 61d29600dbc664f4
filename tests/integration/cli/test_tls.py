"""`flyball server` over TLS, as one types it: its processes know each other, a person's commands know it, and others by its authority."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from typer.testing import CliRunner

from flyball.app.settings import Settings
from flyball.cli.main import app
from flyball.cli.remote import connect, exports
from flyball.client import Client
from flyball.core.trust import CA_FILE, Trust
from flyball.governance import OwnerToken
from tests.certificates import DAY, Authority
from tests.integration.cli.test_up import PORTS, Terminal


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def server(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    home = tmp_path_factory.mktemp("served") / "home"
    shown = authority.issue("flyball", "flyball.example", "localhost")
    terminal = Terminal("server", "--home", home, "--port", "0", "--console-port", "0", *shown.options())
    try:
        terminal.until("Ctrl-C ends it", 240)
        yield home, "\n".join(terminal.seen)
    finally:
        terminal.close()


def test_what_it_says_is_said_by_a_name_of_the_certificate(server: tuple[Path, str], authority: Authority) -> None:
    home, screen = server
    port = Settings.load(home).control_port
    assert f"https://flyball.example:{port}" in screen
    told = exports(home, {})
    assert f"export FLYBALL_URL=https://flyball.example:{port}\n" in told
    assert f"export {CA_FILE}={authority.folder / 'flyball.pem'}\n" in told
    assert f"export MLFLOW_TRACKING_SERVER_CERT_PATH={authority.path}\n" in exports(home, {CA_FILE: str(authority.path)})


def test_a_person_s_commands_know_it_by_its_certificate(server: tuple[Path, str]) -> None:
    with connect(server[0]) as client:
        assert client.get_status()["phase"] == "keeping runs and models"


def test_others_know_it_by_its_authority(server: tuple[Path, str], authority: Authority) -> None:
    token = OwnerToken.find(server[0])
    assert token is not None
    with Client(f"https://localhost:{Settings.load(server[0]).control_port}", token.value, trust=authority.path) as client:
        assert client.list_tokens() == []


def test_the_console_speaks_tls_and_keeps_its_cookie_to_that(server: tuple[Path, str], authority: Authority) -> None:
    home, screen = server
    link = re.search(r"https://flyball.example\S+/login\?code=\S+", screen)
    assert link is not None
    place = urlsplit(link[0])
    connection = http.client.HTTPSConnection("localhost", place.port, timeout=60, context=Trust(authority.path).context())
    connection.request("GET", f"{place.path}?{place.query}", headers={"Host": place.netloc})
    answer = connection.getresponse()
    connection.close()
    assert answer.status == 303
    assert "; Secure" in str(answer.getheader("Set-Cookie"))
    assert Settings.load(home).console_url.startswith("https://127.0.0.1")


@pytest.mark.parametrize("command", ["up", "server", "serve"])
def test_what_cannot_be_shown_is_said_before_anything_starts(authority: Authority, tmp_path: Path, command: str) -> None:
    old = authority.issue("old", lasts=(-3 * DAY, -DAY))
    project = tmp_path / "project.py"
    project.write_text("")
    named = {"up": [str(project), *PORTS], "server": ["--port", "0", "--no-console"], "serve": ["models:/m/1"]}[command]
    for options, words in (
        (old.options(), "old.pem has expired. Renew it."),
        (old.options()[:2], "Name the other with --tls-key FILE or FLYBALL_TLS_KEY"),
        ([*old.options()[:2], "--tls-key", str(tmp_path / "none.key")], "none.key cannot be read: No such file"),
    ):
        done = CliRunner().invoke(app, [command, *named, *options, "--home", str(tmp_path / "home")])
        assert done.exit_code == 2, done.output
        assert words in done.output
    assert not (tmp_path / "home" / "logs").exists()
