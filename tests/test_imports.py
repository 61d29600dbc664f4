"""What is loaded when, and by whom: the linter sees import statements, this sees what they load."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HEAVY = frozenset({
    "alembic", "cloudpickle", "deltalake", "lightgbm", "msgspec", "numpy", "optuna", "polars", "pyarrow", "rich", "scipy", "sklearn",
    "sqlalchemy", "typer",
})  # fmt: skip
BEHIND_AN_EXTRA = frozenset({"alembic", "deltalake", "lightgbm", "optuna", "sklearn", "sqlalchemy"})
UNPICKLERS = frozenset({"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "shelve", "marshal", "joblib"})
ONE_UNPICKLER = "flyball/runtimes/_pickle.py"


def loaded_by(code: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after `code`."""
    script = f"{code}\nimport sys, json; print(json.dumps(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def imported_modules(path: Path) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of every import statement of a module, those inside functions with them."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.lineno, node.module


def foreign_to_core(source: Path) -> list[str]:
    """Imports of a `core` module that are neither the standard library nor core itself."""
    return [
        f"{source.name}:{line} {name}"
        for line, name in imported_modules(source)
        if name.partition(".")[0] not in sys.stdlib_module_names and not name.startswith("flyball.core")
    ]


def unpicklers(source: Path) -> list[str]:
    """Imports of a module through which bytes could become code."""
    return [f"{source.name}:{line} {name}" for line, name in imported_modules(source) if name.partition(".")[0] in UNPICKLERS]


def test_import_flyball_loads_nothing_heavy() -> None:
    assert loaded_by("import flyball") & HEAVY == set()


def test_core_loads_nothing_but_itself() -> None:
    assert loaded_by("import flyball.core.canonical, flyball.core.events, flyball.core.rand, flyball.core.optional") & HEAVY == set()


def test_help_loads_no_room_s_libraries() -> None:
    assert loaded_by("import flyball.cli.main") & (HEAVY - {"typer", "rich"}) == set()


def test_declaring_a_model_needs_no_extra() -> None:
    assert loaded_by("import flyball as fb\nfor word in fb.__all__: getattr(fb, word)") & BEHIND_AN_EXTRA == set()


def test_the_model_server_needs_neither_a_database_nor_tables_nor_what_trains() -> None:
    loaded = loaded_by("import flyball.predict.server, flyball.serving.worker")
    assert loaded & {*BEHIND_AN_EXTRA, "scipy", "pandas", "pyarrow", "fastapi", "httpx", "nicegui"} == set()


def test_core_stands_on_the_standard_library(repository: Path) -> None:
    found = [item for path in sorted((repository / "src/flyball/core").rglob("*.py")) for item in foreign_to_core(path)]
    assert found == []


def test_one_module_may_unpickle(repository: Path) -> None:
    source = repository / "src"
    guilty = {path.relative_to(source).as_posix() for path in source.rglob("*.py") if unpicklers(path)}
    assert guilty <= {ONE_UNPICKLER}


@pytest.mark.parametrize("line", ["import requests", "from flyball.kernels import metrics", "def f():\n    import numpy.linalg"])
def test_a_foreign_import_in_core_is_caught(tmp_path: Path, line: str) -> None:
    sample = tmp_path / "sample.py"
    sample.write_text(f"import json\nfrom flyball.core.ids import Ids\n{line}\n")
    assert len(foreign_to_core(sample)) == 1


@pytest.mark.parametrize("line", ["import pickle", "from cloudpickle import loads", "def f():\n    import joblib.numpy_pickle"])
def test_another_unpickler_is_caught(tmp_path: Path, line: str) -> None:
    sample = tmp_path / "sample.py"
    sample.write_text(f"import json\n{line}\n")
    assert len(unpicklers(sample)) == 1


def test_a_heavy_import_is_caught() -> None:
    assert loaded_by("import flyball, numpy") & HEAVY == {"numpy"}
