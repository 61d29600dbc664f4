"""The stock clients of the Open Inference Protocol over HTTP, each in its own environment, as their users start them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from flyball.testing.model_server import ServerProcess
from flyball.testing.serving_home import ServingHome, trip
from tests.stock import ROOT, run_script

ROWS = [trip(number) for number in range(8)]
COLUMNS = {name: [row[name] for row in ROWS] for name in ROWS[0]}


@pytest.fixture(scope="module", params=[(), ("--no-auth",)], ids=["token", "no-auth"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServerProcess, str]]:
    home = ServingHome.trips(tmp_path_factory.mktemp("serving"))
    home.add_linear(1)
    home.keep(home.plan(1))
    with ServerProcess(home.path, *request.param) as running:
        yield running, "" if request.param else running.token


def own(server: ServerProcess, token: str) -> list[dict[str, Any]]:
    body = json.dumps({"rows": ROWS}).encode()
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    with urlopen(Request(f"http://127.0.0.1:{server.port}/predict/late", body, headers), timeout=60) as answer:
        found: list[dict[str, Any]] = json.load(answer)["predictions"]
    return found


def test_tritons_client_works_with_its_defaults(server: tuple[ServerProcess, str]) -> None:
    running, token = server
    expected = [one["score"] for one in own(running, token)]
    found = json.loads(run_script("triton_http", f"127.0.0.1:{running.port}", token, json.dumps(COLUMNS), "load", client="triton"))
    assert [found[name] for name in ("live", "ready", "model", "absent")] == [True, True, True, False]
    assert found["metadata"]["versions"] == ["1"]
    assert "binary_tensor_data" in found["server"]["extensions"]
    assert found["index"] == [{"name": "late", "version": "1", "state": "READY", "reason": ""}]
    assert found["statistics"]["model_stats"][0]["name"] == "late"
    for name in ("default", "json", "named", "gzip", "deflate", "async"):
        assert found[name] == expected, name
    assert found["predictions"] == [score >= 0.5 for score in expected]
    assert (found["id"], found["route"], found["config"]) == ("one", ["pinned"] * 8, "late")
    assert found["error"][0] == "404"
    assert "Did you mean" in found["error"][1] or "Known: late" in found["error"][1]
    assert (found["unloaded"], found["loaded"]) == (False, True)


def test_kserves_client_works_with_its_defaults(server: tuple[ServerProcess, str]) -> None:
    running, token = server
    answered = own(running, token)
    expected = [one["score"] for one in answered]
    found = json.loads(run_script("kserve_rest", f"http://127.0.0.1:{running.port}", token, json.dumps(COLUMNS), client="kserve"))
    assert [found[name] for name in ("live", "ready", "model", "absent", "v1 model", "v1 live")] == [True, True, True, False, True, True]
    assert (found["json"], found["binary"]) == (expected, expected)
    assert (found["id"], found["name"]) == ("one", "late")
    assert "'none'" in found["error"]
    assert found["v1"] == [one["prediction"] for one in answered]


def test_mlservers_command_scores_a_file(server: tuple[ServerProcess, str], tmp_path: Path) -> None:
    running, token = server
    command = ROOT / ".venv-peers" / "mlserver" / "bin" / "mlserver"
    if not command.exists():
        pytest.skip("the stock client 'mlserver' is not installed; run `make clients`")
    kinds = {name: "FP64" if isinstance(values[0], float) else "BYTES" for name, values in COLUMNS.items()}
    requests = [
        {"id": str(number), "inputs": [{"name": name, "shape": [1, 1], "datatype": kinds[name], "data": [row[name]]} for name in row]}
        for number, row in enumerate(ROWS)
    ]
    given, made = tmp_path / "requests.jsonl", tmp_path / "answers.jsonl"
    given.write_text("\n".join(map(json.dumps, requests)) + "\n")
    options = ["infer", "-u", f"127.0.0.1:{running.port}", "-m", "late", "-i", str(given), "-o", str(made)]
    options += ["-H", f"Authorization: Bearer {token}"] if token else []
    done = subprocess.run([str(command), *options], capture_output=True, text=True, timeout=240, check=False, env=dict(os.environ))
    assert done.returncode == 0, done.stderr
    answers = sorted((json.loads(line) for line in made.read_text().splitlines()), key=lambda one: one["id"])
    scores = [next(one["data"] for one in answer["outputs"] if one["name"] == "score") for answer in answers]
    assert scores == [[one["score"]] for one in own(running, token)]
