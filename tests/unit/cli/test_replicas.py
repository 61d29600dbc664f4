"""`flyball replicas` where something is wrong: one sentence, the exit code, and nothing was begun."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flyball.cli.main import app


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("FLYBALL_HOME", "FLYBALL_URL", "FLYBALL_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "home"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["run", "--name", "No Name"], 2, "no name of replicas"),
        (["run", "--replicas", "4-2"], 2, "bounds like 2-8"),
        (["run"], 4, "flyball up"),
        (["set", "3"], 4, "No `flyball replicas run` keeps replicas 'main'"),
        (["ls"], 0, "No replicas are kept from here"),
    ],
    ids=["name", "bounds", "no-control-plane", "set-nothing", "ls-nothing"],
)
def test_what_is_wrong_is_said(home: Path, words: list[str], code: int, told: str) -> None:
    found = CliRunner().invoke(app, ["replicas", *words, "--home", str(home)])
    assert (found.exit_code, told in found.output) == (code, True), found.output


def test_without_ray_the_extra_is_named_and_a_control_plane_that_is_gone_hinders_nobody(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setenv("FLYBALL_BLOBS_URL", "s3://bucket/models")
    monkeypatch.setitem(sys.modules, "ray", None)
    for module in ("flyball.pipelines._ray", "flyball.app.replicas._ray"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    words = ["replicas", "run", "--control", "http://127.0.0.1:1", "--port", "0", "--home", str(home)]
    found = CliRunner().invoke(app, words)
    assert found.exit_code == 1
    assert "Replicas answer from what they were told last" in found.output
    assert "flyball[ray]" in found.output


def test_where_nodes_would_find_no_models_it_is_said_before_anything_begins(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLYBALL_BLOBS_URL", raising=False)
    found = CliRunner().invoke(app, ["replicas", "run", "--control", "http://127.0.0.1:1", "--port", "0", "--home", str(home)])
    assert found.exit_code == 2
    assert "FLYBALL_BLOBS_URL" in found.output
