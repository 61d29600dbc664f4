"""`flyball graph`: graphs of models that a Python file declares, registered, and shown as pictures."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from flyball.cli.exits import told

group = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Register graphs of models, and look at them.")
_HOME = typer.Option("--home", envvar="FLYBALL_HOME", help="The home. Default: the nearest .flyball.")


@group.callback()
def root() -> None:
    """Register graphs of models, and look at them."""


@group.command()
def add(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A Python file that declares graphs: fb.Graph(NAME, STEP).")],
    *,
    home: Annotated[Path | None, _HOME] = None,
) -> None:
    """Register each graph of FILE as the next version of the model of its name.

    What its calls mean is looked up now, and stays. A graph that has not changed since its last version makes no new one.
    """
    with told():
        from flyball.app.actor import person
        from flyball.app.graphs import Graphs
        from flyball.app.location import find_home
        from flyball.loop.projectfile import load_graphs

        declared = load_graphs(file)
        with Graphs.at_home(find_home(home, Path.cwd()), actor=person()) as graphs:
            for graph in declared:
                number = graphs.add(graph)
                sys.stdout.write(f"models:/{graph.name}/{number}\n")


@group.command()
def show(
    model: Annotated[str, typer.Argument(metavar="models:/NAME/VERSION", help="The version: a number, `latest`, or models:/NAME@ALIAS.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the graph's own file.")] = False,
    home: Annotated[Path | None, _HOME] = None,
) -> None:
    """Print a graph as a flow chart in Mermaid's language, which code hosts and the console draw."""
    with told():
        from flyball.app.actor import person
        from flyball.app.graphs import Graphs
        from flyball.app.location import find_home
        from flyball.serving.byhand import ModelReference
        from flyball.serving.graphs.picture import mermaid

        with Graphs.at_home(find_home(home, Path.cwd()), actor=person()) as graphs:
            _, spec = graphs.get(ModelReference.parse(model))
        sys.stdout.write((spec.encode().decode() if as_json else mermaid(spec)) + "\n")
