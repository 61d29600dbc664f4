"""How to serve: what was said, else what the home's `up` was told, else what the environment says."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from flyball.app.settings import Settings
from flyball.core.trust import CA_FILE, CaFileError
from flyball.governance.certificates import Certificate
from flyball.governance.errors import HalfCertificateError
from flyball.predict.options import SHIP_LOG, Options, parse

OWN, SAID, SET = (Certificate(Path(f"/made/up/{name}.pem"), Path(f"/made/up/{name}.key")) for name in ("own", "said", "set"))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("FLYBALL_TLS_CERT", "FLYBALL_TLS_KEY", "FLYBALL_TOKEN", CA_FILE, SHIP_LOG):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def parsed(home: Path, *arguments: str) -> Options:
    return parse(["--home", str(home), *arguments])


def test_a_certificate_is_the_one_that_was_said_last(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert parsed(home).certificate is None
    monkeypatch.setenv("FLYBALL_TLS_CERT", str(SET.chain))
    with pytest.raises(HalfCertificateError):
        parsed(home)
    monkeypatch.setenv("FLYBALL_TLS_KEY", str(SET.key))
    assert parsed(home).certificate == SET
    assert parsed(home, *SAID.options()).certificate == SAID
    assert parsed(home, "--plan", "plan.json").certificate is None, "flyball serve says itself what it was told"
    Settings(project=Path("project.py"), home=home, certificate=OWN).save()
    assert parsed(home).certificate == OWN
    assert parsed(home).control_url == "https://127.0.0.1:8500"
    assert parsed(home, *SAID.options()).certificate == SAID


def test_what_is_believed_must_be_there_where_it_is_needed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CA_FILE, str(home / "none.pem"))
    assert parsed(home, "--control", "http://control:8500").control_url == "http://control:8500"
    with pytest.raises(CaFileError, match=r"none.pem"):
        parsed(home, "--control", "https://control:8500")
    with pytest.raises(CaFileError, match=r"other.pem"):
        parsed(home, "--control", "https://control:8500", "--ca-file", str(home / "other.pem"))


def test_servers_of_several_hosts_are_several_however_they_listen(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert parsed(home).name_at(8501) == "127.0.0.1-8501"
    assert parsed(home, "--host", "::1").name_at(8501) == "-1-8501"
    assert parsed(home, "--host", "0.0.0.0").name_at(8501) == f"{socket.gethostname()}-8501"  # noqa: S104 - nothing listens
    monkeypatch.setenv(SHIP_LOG, "east")
    assert parsed(home, "--host", "0.0.0.0").name_at(8501) == "east-8501"  # noqa: S104 - nothing listens


def test_another_control_plane_is_asked_with_its_own_token(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLYBALL_TOKEN", "secret")
    assert parsed(home).control_token is None
    assert parsed(home, "--control", "http://control:8500").control_token == "secret"  # noqa: S105 - of a test
