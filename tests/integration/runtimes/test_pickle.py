"""A model whose class stands in a project's file is loaded where that file cannot be imported, and is the same bytes each time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SAVE = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import mine
from flyball.runtimes import ModelManifest, save_archive
from flyball.runtimes._pickle import PickledPredictor
manifest = ModelManifest(format="pickle", features=("a",), dtypes=("Int64",), task="regression", carries_code=True)
save_archive(PickledPredictor(manifest, mine.Doubles()), Path(sys.argv[2]))
"""

LOAD = """
import sys
from pathlib import Path
import polars as pl
from flyball.runtimes import load
print(load(Path(sys.argv[1]), allow_code=True).predict(pl.DataFrame({"a": [1, 2]})).tolist())
"""


def test_a_projects_class_travels_and_is_stable(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "near.py").write_text("class Base:\n    factor = 2\n")
    (project / "mine.py").write_text(
        "import near\n\n\nclass Doubles(near.Base):\n    def predict(self, rows):\n        return rows['a'].to_numpy() * self.factor\n"
    )
    for name in ("one", "two"):
        command = [sys.executable, "-c", SAVE, str(project), str(tmp_path / name)]
        subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": "0"})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    ran = subprocess.run([sys.executable, "-c", LOAD, str(tmp_path / "one")], check=True, capture_output=True, text=True)
    assert ran.stdout == "[2.0, 4.0]\n"
