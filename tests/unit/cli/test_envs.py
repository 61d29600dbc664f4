"""What `flyball env` says of a home in which a model server alone runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from flyball.app.listening import announce
from flyball.cli.envs import find_served
from flyball.cli.main import app
from flyball.governance import OwnerToken


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home whose model server is this process."""
    OwnerToken.open(tmp_path)
    announce(tmp_path, "predict", port=8501)
    return tmp_path


def test_a_model_server_alone_has_a_token_and_no_control_plane(home: Path) -> None:
    found = CliRunner().invoke(app, ["env", "--home", str(home)])
    token = OwnerToken.find(home)
    assert token is not None
    assert (found.exit_code, found.stdout) == (0, f"export FLYBALL_TOKEN={token.value}\n")
    assert "http://127.0.0.1:8501/predict/ENDPOINT" in found.stderr


@pytest.mark.parametrize("said", ["", "[]", '{"pid": "x", "port": 1}', '{"pid": 99999999, "port": 1}'])
def test_one_that_has_died_is_none(home: Path, said: str) -> None:
    (home / "run" / "predict.json").write_text(said)
    assert find_served(home) is None
    assert CliRunner().invoke(app, ["env", "--home", str(home)]).exit_code == 4
