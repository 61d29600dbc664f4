"""What `flyball up` was told reaches its processes as it was told, and what cannot be right is refused at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from flyball.app.settings import PortTakenError, Settings
from flyball.app.supervisor import free_ports, programs
from flyball.core.errors import InvalidError, NaiveTimeError, NotFoundError
from flyball.governance.certificates import Certificate

EPOCH = datetime(2013, 12, 1, tzinfo=UTC)


def _settings(home: Path, **changes: Any) -> Settings:
    return Settings(project=home / "project.py", home=home, **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"epoch": EPOCH, "speed": 30_000.0, "hold": True},
        {"auth": False, "console": False, "host": "::1", "control_port": 0},
        {"certificate": Certificate(Path("/made/up.pem"), Path("/made/up.key"))},
    ],
)
def test_what_is_saved_is_loaded(tmp_path: Path, changes: dict[str, Any]) -> None:
    settings = _settings(tmp_path, **changes)
    settings.save()
    assert Settings.load(tmp_path) == settings


def test_a_home_that_was_never_up_has_none(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="flyball up"):
        Settings.load(tmp_path)


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"epoch": 1}', '{"epoch": null, "project": "x", "home": "y", "more": 1}'])
def test_a_damaged_file_is_refused(tmp_path: Path, text: str) -> None:
    _settings(tmp_path).save()
    (tmp_path / "run" / "settings.json").write_text(text)
    with pytest.raises(InvalidError, match="damaged"):
        Settings.load(tmp_path)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"control_port": 70_000}, "--control-port"), ({"serve_port": -1}, "--serve-port"), ({"serve_port": 8500}, "used twice"),
        ({"speed": 2.0}, "--clock"), ({"epoch": EPOCH, "speed": 0.0}, "--speed"), ({"epoch": EPOCH, "speed": float("nan")}, "--speed"),
        ({"hold": True}, "--hold"),
    ],
)  # fmt: skip
def test_what_cannot_be_right_is_named(tmp_path: Path, changes: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidError, match=named):
        _settings(tmp_path, **changes)


def test_a_clock_is_utc_and_runs_at_real_speed_unless_told_otherwise(tmp_path: Path) -> None:
    there = datetime(2013, 12, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    settings = _settings(tmp_path, epoch=there)
    assert (settings.epoch, settings.speed) == (EPOCH, 1.0)
    assert settings.epoch is not None
    assert settings.epoch.tzinfo is UTC
    with pytest.raises(NaiveTimeError):
        _settings(tmp_path, epoch=datetime(2013, 12, 1))  # noqa: DTZ001 - what is refused


@pytest.mark.parametrize(
    ("host", "url"),
    [("127.0.0.1", "http://127.0.0.1:8500"), ("0.0.0.0", "http://127.0.0.1:8500"), ("::1", "http://[::1]:8500")],  # noqa: S104 - never bound here
)
def test_a_url_is_one_that_can_be_called(tmp_path: Path, host: str, url: str) -> None:
    assert _settings(tmp_path, host=host).control_url == url


def test_free_ports_are_found_and_differ(tmp_path: Path) -> None:
    found = free_ports(_settings(tmp_path, control_port=0, serve_port=0, console_port=0))
    assert len({found.control_port, found.serve_port, found.console_port, 0}) == 4


def test_a_host_that_is_not_ours_is_no_taken_port(tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match="--host"):
        free_ports(_settings(tmp_path, host="192.0.2.1"))


def test_the_console_is_left_out_and_its_port_with_it(tmp_path: Path) -> None:
    settings = _settings(tmp_path, console=False, control_port=0, serve_port=0)
    assert [program.name for program in programs(settings)] == ["control", "predict"]
    assert free_ports(settings).console_port == 8502


def test_the_error_names_option_and_variable() -> None:
    assert "--console-port PORT or FLYBALL_CONSOLE_PORT=PORT" in str(PortTakenError("127.0.0.1", 8502, field="console_port"))


def test_with_a_certificate_all_speak_tls_and_know_each_other_by_it(tmp_path: Path) -> None:
    certificate = Certificate(tmp_path / "a.pem", tmp_path / "a.key")
    settings = _settings(tmp_path, certificate=certificate, host="0.0.0.0")  # noqa: S104 - a setting, nothing listens
    assert settings.control_url == "https://127.0.0.1:8500"
    console = programs(settings)[-1]
    assert [str(certificate.chain), "--tls-key", str(certificate.key)] == list(console.arguments)[
        list(console.arguments).index("--tls-cert") + 1 :
    ][:3]
    assert console.arguments[-2:] == ("--control-certificate", str(certificate.chain))
    assert not any("--tls-cert" in program.arguments for program in programs(_settings(tmp_path)))
