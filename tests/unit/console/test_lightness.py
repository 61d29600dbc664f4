"""The console's process loads the page's framework and the client, and nothing that stores or computes."""

from __future__ import annotations

import json
import subprocess
import sys

FOREIGN = {
    "sqlalchemy",
    "alembic",
    "deltalake",
    "polars",
    "numpy",
    "pyarrow",
    "scipy",
    "sklearn",
    "lightgbm",
    "optuna",
    "cloudpickle",
    "matplotlib",
    "pandas",
}
ROOMS = {"app", "loop", "data", "serving", "registry", "releases", "monitoring", "kernels", "features", "pipelines", "training", "tracking"}


def loaded(code: str) -> set[str]:
    script = f"{code}\nimport json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_console_loads_no_store_and_no_arithmetic() -> None:
    modules = loaded("import flyball.console.server, flyball.console.controlplane, flyball.console.command")
    assert {name.partition(".")[0] for name in modules} & FOREIGN == set()
    assert {name.split(".")[1] for name in modules if name.startswith("flyball.")} & ROOMS == set()


def test_its_help_loads_no_framework() -> None:
    modules = loaded("from flyball.console.command import parser; parser()")
    assert not {"nicegui", "fastapi", "httpx"} & modules
