"""`flyball check` on a terminal."""

from __future__ import annotations

import os
from pathlib import Path
from shlex import quote
from tempfile import TemporaryDirectory

from rich.console import Console

from flyball.app.sources import open_source
from flyball.data.sources.port import Surroundings
from flyball.loop.check import check_project
from flyball.loop.projectfile import load_project


def check(path: Path) -> None:
    """Print what the project consists of; a problem ends the process with 2 and all problems named."""
    project = load_project(path)
    console = Console()
    with TemporaryDirectory() as scratch:
        around = Surroundings(root=path.resolve().parent, scratch=Path(scratch), environment=os.environ)
        checked = check_project(project, around, sources=open_source)
    for found in checked:
        tables = ", ".join(
            f"{name} ({len([c for c in schema if not c.startswith('__')])} columns)" for name, schema in found.datasets.items()
        )
        console.print(f"model {found.model}: {len(found.features.names)} features from {tables}", highlight=False, soft_wrap=True)
        for name, dtype in found.features.dtypes.items():
            console.print(f"  {name}: {dtype}", highlight=False, soft_wrap=True)
    console.print(
        f"{path} is right. Replay its history with: flyball backtest {quote(str(path))}", highlight=False, soft_wrap=True, markup=False
    )
