"""The stock clients, unmodified, against the door: each script of tests/clients in each client's environment.

The same scripts hold against MLflow's own server: start one, say where it is in MLFLOW_TRACKING_URI, and run
`.venv-clients/mlflow/bin/python -m tests.clients.NAME`.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from flyball.storage.database import open_database
from flyball.testing.mlflow import open_mlflow_door, open_services
from tests.postgres import PostgresServer

ROOT = Path(__file__).parents[4]
CLIENTS = ROOT / ".venv-clients"
TOKEN = "c" * 43
BOTH = ("tracking", "registering", "filing")
RUNS = [*((client, script) for client in ("mlflow", "skinny") for script in BOTH), ("mlflow", "learning")]

GENAI = {
    "prompt", "trace", "traces", "span", "dataset", "datasets", "webhook", "webhooks", "workspace", "workspaces", "mcp", "prompts",
}  # fmt: skip
"""Words of methods for what Flyball does not keep."""
LOCAL = {"get_workspace_store_uri", "parse_prompt_uri", "tracking_uri"}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with open_services(tmp_path_factory.mktemp("home")) as services, open_mlflow_door(services, token=TOKEN) as address:
        yield address


@pytest.fixture(scope="module")
def called() -> dict[str, set[str]]:
    """Which methods the scripts have called, by client."""
    return {"mlflow": set(), "skinny": set()}


def python(client: str) -> str:
    found = CLIENTS / client / "bin" / "python"
    if not found.exists():
        pytest.skip(f".venv-clients/{client} is not there: make clients")
    return str(found)


def run(url: str, client: str, *arguments: str, seconds: float = 280) -> str:
    """The last line that the script said, when all was as it claims."""
    environment = {
        "PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "MLFLOW_TRACKING_URI": url, "MLFLOW_TRACKING_TOKEN": TOKEN,
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_DISABLE_TELEMETRY": "true", "MPLBACKEND": "Agg",
    }  # fmt: skip
    done = subprocess.run(
        [python(client), "-m", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=seconds, check=False
    )
    assert done.returncode == 0, done.stderr[-5000:]
    return done.stdout.splitlines()[-1]


@pytest.mark.slow
@pytest.mark.parametrize(("client", "script"), RUNS, ids=["-".join(each) for each in RUNS])
def test_a_stock_client_finds_what_it_knows(url: str, called: dict[str, set[str]], client: str, script: str) -> None:
    called[client] |= set(json.loads(run(url, client, f"tests.clients.{script}")))


@pytest.mark.slow
def test_every_method_of_tracking_and_registry_was_called(called: dict[str, set[str]]) -> None:
    listing = "import mlflow, json; print(json.dumps([n for n in dir(mlflow.MlflowClient) if not n.startswith('_')]))"
    done = subprocess.run([python("mlflow"), "-c", listing], capture_output=True, text=True, timeout=120, check=True)
    wanted = {name for name in json.loads(done.stdout.splitlines()[-1]) if not GENAI & set(name.split("_"))} - LOCAL
    if not called["mlflow"]:
        pytest.skip("the scripts have not run before this")
    assert wanted - called["mlflow"] == set()


@pytest.mark.slow
def test_several_processes_log_at_once(url: str) -> None:
    run(url, "mlflow", "tests.clients.together", "4", "25")


@pytest.mark.slow
def test_a_stock_client_finds_the_same_on_postgresql(postgres: PostgresServer, postgres_template: str, tmp_path: Path) -> None:
    database = open_database(postgres.url(postgres.create(template=postgres_template)))
    with open_services(tmp_path, database=database) as services, open_mlflow_door(services, token=TOKEN) as address:
        for script in BOTH:
            run(address, "mlflow", f"tests.clients.{script}")
        run(address, "skinny", "tests.clients.together", "4", "10")
