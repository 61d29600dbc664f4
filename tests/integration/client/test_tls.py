"""Whom a client believes: the door shows a certificate, and nobody speaks to anybody else."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from flyball.cli.sending import Line
from flyball.client import Client, UnreachableError
from flyball.client.errors import UntrustedError
from flyball.core.clock import MonotonicTimer
from flyball.core.trust import CA_FILE, CaFileError, Trust
from flyball.governance import certificates
from flyball.governance.certificates import Credentials
from flyball.serving.following import ControlPlaneError, HttpPlans
from flyball.testing.controlplane import StillPlane
from flyball.testing.doors import open_door
from tests.certificates import Authority

TOKEN = "t" * 43


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def url(authority: Authority) -> Iterator[str]:
    with open_door(StillPlane(), token=TOKEN, credentials=Credentials(authority.issue("door", "localhost", "flyball.example"))) as found:
        yield found.replace("127.0.0.1", "localhost")


def test_a_client_knows_the_server_by_its_authority_and_its_name(authority: Authority, url: str) -> None:
    with Client(url, TOKEN, trust=authority.path) as client:
        assert client.get_status()["project"] == "still"
    with Client(url, TOKEN, trust=str(authority.folder / "door.pem")) as client:
        assert client.is_alive()
    with Client.from_environment({"FLYBALL_URL": url, "FLYBALL_TOKEN": TOKEN, CA_FILE: str(authority.path)}) as client:
        assert client.list_datasets()


def test_nobody_else_is_told_the_token(authority: Authority, url: str, tmp_path: Path) -> None:
    by_number = url.replace("localhost", "127.0.0.1")
    for where, trust in ((url, Trust()), (url, Trust(Authority(tmp_path).path)), (by_number, Trust(authority.path))):
        with Client(where, TOKEN, trust=trust) as client, pytest.raises(UntrustedError, match=f"is believed here .*{CA_FILE}"):
            client.get_status()
    with Client(url.replace("https", "http"), TOKEN) as client, pytest.raises(UnreachableError):
        client.get_status()
    with pytest.raises(CaFileError, match="No such file"):
        Client(url, TOKEN, trust=tmp_path / "none.pem")


def test_a_name_of_the_certificate_is_one_of_the_server(authority: Authority, url: str) -> None:
    port = urlsplit(url).port
    connection = http.client.HTTPSConnection("localhost", port, timeout=30, context=Trust(authority.path).context())
    for host, status in (("flyball.example", 200), ("other.example", 403)):
        connection.request("GET", "/healthz", headers={"Host": f"{host}:{port}"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == status
    connection.close()


def test_plans_and_rows_are_asked_for_and_sent_over_tls(authority: Authority, url: str, tmp_path: Path) -> None:
    plans = HttpPlans(url, token=TOKEN, server="east", wait_seconds=0, trust=Trust(authority.path))
    plan = plans.find(0)
    assert plan is not None
    assert plan.revision == 1
    with pytest.raises(ControlPlaneError, match="CERTIFICATE_VERIFY_FAILED"):
        HttpPlans(url, token=TOKEN, server="east", wait_seconds=0, trust=Trust(Authority(tmp_path).path)).find(0)
    line = Line(url, TOKEN, timer=MonotonicTimer(), goes_on=lambda: None, trust=Trust.pinning(authority.folder / "door.pem"))
    assert line.post("/api/v1/login-codes", b"{}").status == 201
    line.close()


def test_who_does_not_speak_tls_is_hung_up_on(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificates, "HANDSHAKE_SECONDS", 0.2)
    with open_door(StillPlane(), token=TOKEN, credentials=Credentials(authority.issue("quick", "127.0.0.1"))) as url:
        port = urlsplit(url).port
        for said in (b"", b"\x16\x03\x01", b"GET /healthz HTTP/1.1\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", port), timeout=60) as line:
                line.sendall(said)
                with suppress(ConnectionResetError):
                    assert b"HTTP/1.1 200" not in line.recv(1000)
        with Client(url, TOKEN, trust=authority.path) as client:
            assert client.is_alive()


def test_a_renewed_certificate_is_shown_to_the_next_client(authority: Authority) -> None:
    shown = authority.issue("renewed", "localhost")
    pinned = Trust.pinning(shown.chain)
    with open_door(StillPlane(), token=TOKEN, credentials=Credentials(shown)) as url, Client(url, TOKEN, trust=pinned) as client:
        assert client.is_alive()
        before = ssl.get_server_certificate(("127.0.0.1", urlsplit(url).port or 0))
        authority.issue("renewed", "localhost")
        assert ssl.get_server_certificate(("127.0.0.1", urlsplit(url).port or 0)) == shown.chain.read_text() != before
        client._http.close()
    with open_door(StillPlane(), token=TOKEN, credentials=Credentials(shown)) as url, Client(url, TOKEN, trust=pinned) as client:
        assert client.is_alive(), "one that was opened before has read the file again"
