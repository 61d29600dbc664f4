"""A notebook user logs a model with the stock client, and `flyball serve` answers: no project file, no platform team."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flyball.app.stores import Stores
from flyball.core.clock import WallClock
from flyball.core.ids import RandomIds
from flyball.serving.converting import get_conversion
from tests.live import COMMAND, Server, wait_for
from tests.serving import Served
from tests.stock import run_script

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    started = Server.start(tmp_path_factory.mktemp("team") / "home")
    yield started
    started.end()


@pytest.fixture(scope="module")
def told(server: Server) -> dict[str, Any]:
    """What the models themselves say, as the notebook printed it."""
    environment = {"MLFLOW_TRACKING_URI": server.url, "MLFLOW_TRACKING_TOKEN": server.token()}
    found: dict[str, Any] = json.loads(run_script("leaving", environment=environment).splitlines()[-1])
    return found


def agree(served: Served, told: dict[str, Any], *, tolerance: float) -> None:
    for name, own in told.items():
        found = served.predict(name, own["rows"])["predictions"]
        assert [one["prediction"] for one in found] == own["predictions"], name
        for one, chances in zip(found, own["probabilities"], strict=True):
            assert one["score"] == pytest.approx(chances[1] if len(chances) == 2 else max(chances), abs=tolerance), name
            if len(chances) > 2:
                assert sum(one["probabilities"].values()) == pytest.approx(1.0)


def test_what_was_logged_is_converted_by_itself_and_answers_as_in_the_notebook(server: Server, told: dict[str, Any]) -> None:
    names = ["leaving", "boosted", "plans"]
    stores = Stores.at_home(server.home, clock=WallClock(), ids=RandomIds(), actor="test")
    try:
        log = stores.journal.log
        wait_for(lambda: all(get_conversion(log, name, number=1) for name in names), 240, told=f"conversions; {server.told()[-2000:]}")
        found = {name: get_conversion(log, name, number=1) for name in names}
    finally:
        stores.close()
    for name, made in found.items():
        assert made is not None
        assert made.verdict == "converted", (name, made.reason)
        assert made.likeness is None or made.likeness["rows"] > 256
    with Served.start(server.home, "models:/leaving@best", "models:/boosted/latest", "models:/plans/1") as served:
        agree(served, told, tolerance=1e-5)
        assert "runs in a process of its own" not in served.told()  # nothing that carries code is loaded any more
        refused = served.ask("leaving", [{"age": 30, "visits": 2, "pln": "basic"}])
        assert refused.status == 422
        assert "Did you mean 'plan'?" in refused.message


def test_a_version_of_a_server_elsewhere_is_fetched_and_its_code_runs_by_this_person_s_word(
    server: Server, told: dict[str, Any], tmp_path: Path
) -> None:
    elsewhere = {"FLYBALL_URL": server.url, "FLYBALL_TOKEN": server.token()}
    with Served.start(tmp_path / "laptop", "models:/leaving@best", "--run-code", environment=elsewhere) as served:
        agree(served, {"leaving": told["leaving"]}, tolerance=1e-9)
        assert "runs in a process of its own" in served.told()  # as it was uploaded: what it was converted to stays where it is
    command = [*COMMAND, "serve", "models:/plans/latest", "--home", str(tmp_path / "other")]
    done = subprocess.run(command, env={**os.environ, **elsewhere}, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert "was not allowed to run code here" in done.stderr
    command[len(COMMAND) + 1] = "models:/nobody/1"
    done = subprocess.run(command, env={**os.environ, **elsewhere}, capture_output=True, text=True, timeout=120, check=False)
    assert "nobody" in done.stderr


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("models:/leaving/7", "has no version 7"),
        ("models:/nobody/1", "nobody"),
        ("models:/leaving@worst", "has no alias 'worst'"),
        ("leaving", "names no version"),
    ],
)
def test_what_is_not_there_is_said(server: Server, told: dict[str, Any], model: str, words: str) -> None:
    assert told
    done = subprocess.run([*COMMAND, "serve", model, "--home", str(server.home)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode in {2, 4}
    assert words in done.stderr


def test_a_server_that_is_told_to_end_ends_with_what_it_started(server: Server, told: dict[str, Any]) -> None:
    with Served.start(server.home, "models:/leaving/1") as served:
        assert served.predict("leaving", told["leaving"]["rows"])["version"] == 1
        assert served.end() == 0
    wait_for(lambda: not list((server.home / "serving" / "scratch").glob("*")), 60, told="nothing left of its processes")
