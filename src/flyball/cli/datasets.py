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


def profile(
    dataset: Annotated[str, typer.Argument(metavar="DATASET[@N]", help="A version; without @N the latest accepted one.")],
    *,
    against: Annotated[int | None, typer.Option("--against", metavar="M", help="What is different from version M.")] = None,
    added: Annotated[bool, typer.Option("--added", help="Only the rows that the version added, not its whole content.")] = False,
    label: Annotated[str | None, typer.Option("--label", metavar="MODEL", help="What each column says of this model's label.")] = None,
    project: ProjectOption = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    home: Annotated[
        Path | None,
        typer.Option("--home", envvar="FLYBALL_HOME", help="Where everything is kept. Default: the .flyball here, above or below."),
    ] = None,
) -> None:
    """Show what the rows of a dataset are like.

    Distributions, missing and distinct values, from the sketches that ingests kept.
    """
    with told():
        from flyball.cli import profiling

        wanted = profiling.Wanted(dataset=dataset, against=against, added=added, label=label, project=project, home=home)
        profiling.profile(wanted, as_json=json)
