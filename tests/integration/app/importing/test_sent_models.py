"""A model file that goes to a control plane elsewhere: the same checks and the same outcome as in a home of one's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from flyball.cli.main import app
from flyball.client.tracking import Query, TrackingClient
from tests.live import Server

FUNCTION = "import polars as pl\n\n\ndef price(rows: pl.DataFrame) -> pl.Series:\n    return rows['age'] * 2\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server.start(tmp_path_factory.mktemp("server") / "home")
    yield running
    assert running.end() == 0


@pytest.fixture(scope="module")
def booster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    draw = np.random.default_rng(0)
    rows = draw.normal(size=(200, 2))
    path = tmp_path_factory.mktemp("model") / "leaving.txt"
    data = lightgbm.Dataset(rows, rows[:, 0] > 0, feature_name=["age", "visits"])
    lightgbm.train({"objective": "binary", "verbose": -1, "num_threads": 1}, data, 3).save_model(path)
    return path


def imported(server: Server, path: Path | str, *options: str, token: str = "") -> Result:
    """What the command says to somebody who has the server's address and a token, and no home."""
    environment = {"FLYBALL_URL": server.url, "FLYBALL_TOKEN": token or server.token(), "FLYBALL_HOME": None}
    return CliRunner().invoke(app, ["import", "model", str(path), *options], env=environment)


def versions(server: Server, name: str) -> list[dict[str, Any]]:
    with server.client() as client:
        return TrackingClient(client).search_versions(Query(f"name = '{name}'")).items


def test_a_file_becomes_the_next_version_and_is_converted_there(server: Server, booster: Path, tmp_path: Path) -> None:
    signature = ["--signature", "age: double, visits: double -> probabilities(stays, leaves)"]
    first = imported(server, booster, "--name", "leaving", *signature, "--json")
    assert first.exit_code == 0, first.output
    here = CliRunner().invoke(
        app, ["import", "model", str(booster), "--name", "leaving", *signature, "--json", "--home", str(tmp_path / "home")]
    )
    there, own = json.loads(first.output), json.loads(here.output)
    for told in (there, own):
        assert told["conversion"].pop("cost")["rows"] > 0
    assert there == own
    assert there["conversion"]["servable"]
    second = imported(server, booster, "--name", "leaving", *signature)
    assert second.exit_code == 0, second.output
    assert "models:/leaving/2 was imported: LightGBM's own text" in second.output
    assert sorted(int(one["version"]) for one in versions(server, "leaving")) == [1, 2]
    with server.client() as client:
        runs = TrackingClient(client).search_runs(["0"], Query(), view="ALL").items
    assert {run["info"]["status"] for run in runs} == {"FINISHED"}
    assert {tag["value"] for run in runs for tag in run["data"]["tags"] if tag["key"] == "flyball.imported-from"} == {"leaving.txt"}


def test_what_is_no_model_or_may_not_be_sent_makes_nothing(server: Server, booster: Path, tmp_path: Path) -> None:
    code, rubbish = tmp_path / "pricing.py", tmp_path / "rubbish.onnx"
    code.write_text(FUNCTION)
    rubbish.write_bytes(b"rubbish")
    with server.client() as client:
        looks = client.create_token("looks", role="viewer")["secret"]
    for path, token, exit_code, words in (
        (f"{code}:price", "", 2, "import it with --run-code"),
        (rubbish, "", 6, "cannot be read"),
        (tmp_path / "none.txt", "", 4, "no file or directory"),
        (booster, "wrong", 1, "opens nothing here"),
        (booster, looks, 1, "viewer"),
    ):
        done = imported(server, path, "--name", "nothing", token=token)
        assert (done.exit_code, words in done.output) == (exit_code, True), done.output
    assert versions(server, "nothing") == []
    nobody = CliRunner().invoke(
        app, ["import", "model", str(booster), "--name", "nothing"], env={"FLYBALL_URL": "http://127.0.0.1:1", "FLYBALL_HOME": None}
    )
    assert nobody.exit_code == 5, nobody.output


def test_whether_code_runs_there_the_server_decides(server: Server, tmp_path: Path) -> None:
    code = tmp_path / "pricing.py"
    code.write_text(FUNCTION)
    with server.client() as client:
        secret = client.create_token("writes", role="editor")["secret"]
    done = imported(server, f"{code}:price", "--name", "price", "--run-code", "--signature", "age: double -> double", token=secret)
    assert done.exit_code == 1, done.output
    assert "models:/price/1 was imported" in done.output
    assert "cannot be asked here: This model carries code" in done.output
