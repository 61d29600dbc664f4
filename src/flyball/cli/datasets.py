"""The commands about datasets, as they are typed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flyball.cli.exits import told

ProjectOption = Annotated[
    Path | None,
    typer.Option("--project", envvar="FLYBALL_PROJECT", metavar="FILE.py", help="The project. Default: the only one in this directory."),
]
HomeOption = Annotated[
    Path | None, typer.Option("--home", envvar="FLYBALL_HOME", help="Where everything is kept. Default: .flyball beside the project file.")
]


def ingest(
    datasets: Annotated[list[str] | None, typer.Argument(metavar="[DATASET]...", help="Which. Default: all of the project.")] = None,
    *,
    project: ProjectOption = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    home: Annotated[
        Path | None,
        typer.Option("--home", envvar="FLYBALL_HOME", help="Where everything is kept. Default: .flyball beside the project file."),
    ] = None,
) -> None:
    """Take in what is new in the sources of datasets.

    One pull each, checked and kept as a version.
    """
    with told():
        from flyball.cli import ingesting

        ingesting.ingest(ingesting.Wanted(tuple(datasets or ()), project, home), as_json=json)
