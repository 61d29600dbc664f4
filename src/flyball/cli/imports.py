"""The commands of `flyball import`: what they are called and what they take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flyball.cli.exits import told

group = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Bring in a model's file, or what another tracking server holds.")


@group.callback()
def root() -> None:
    """Bring in a model's file, or what another tracking server holds."""


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


@group.command()
def model(
    source: Annotated[str, typer.Argument(metavar="FILE|DIR", help="The model: see the docs for the forms. Of Python: FILE.py:FUNCTION.")],
    *,
    name: Annotated[str, typer.Option("--name", help="The registered model that it is the next version of; made where there is none.")],
    signature: Annotated[
        str,
        typer.Option(
            "--signature", metavar="TEXT|@FILE", help="What it takes and gives: 'age: double, plan: string? -> probabilities(no, yes)'."
        ),
    ] = "",
    run_code: Annotated[
        bool, typer.Option("--run-code", help="You trust it: it may be loaded though it carries code, as pickles and functions do.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    home: Annotated[
        Path | None,
        typer.Option(
            "--home",
            envvar="FLYBALL_HOME",
            help="Where everything is kept; made when it is not there.",
            show_default="the server of FLYBALL_URL, if that is set; else .flyball",
        ),
    ] = None,
) -> None:
    """Register a model that was built elsewhere.

    Converts it where a form without code answers the same, and measures what it costs.
    """
    with told():
        from flyball.cli import modelimporting

        wanted = modelimporting.Wanted(signature=signature, run_code=run_code, as_json=as_json)
        raise SystemExit(modelimporting.import_model(source, name=name, wanted=wanted, home=home))
