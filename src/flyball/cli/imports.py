"""The commands of `flyball import`: what they are called and what they take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flyball.cli.exits import told

group = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Bring in what another tracking server holds.")


@group.callback()
def root() -> None:
    """Bring in what another tracking server holds."""


@group.command()
def mlflow(
    source: Annotated[str, typer.Argument(metavar="URL|FILE", help="The URL of an MLflow server, or its SQLite file.")],
    *,
    artifacts: Annotated[
        Path | None,
        typer.Option("--artifacts", metavar="DIR", help="With FILE: where its server kept artifacts. Default: mlartifacts beside it."),
    ] = None,
    run_code: Annotated[
        bool, typer.Option("--run-code", help="You trust the models: Flyball may load those that carry code, pickles among them.")
    ] = False,
    home: Annotated[
        Path, typer.Option("--home", envvar="FLYBALL_HOME", help="Where everything is kept; made when it is not there.")
    ] = Path(".flyball"),
) -> None:
    """Copy experiments, runs, metrics, artifacts and models.

    Ids, times and numbers stay. What is here already is left as it is, so that the same command goes on where it was ended. A server is
    asked with MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD.
    """
    with told():
        from flyball.cli import importing

        raise SystemExit(importing.import_mlflow(source, home=home, artifacts=artifacts, run_code=run_code))
