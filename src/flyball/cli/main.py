"""The `flyball` command. A command parses, calls one service and renders; what it means stands in the rooms below."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flyball.cli.exits import told

app = typer.Typer(
    name="flyball",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # help with Rich imports a Markdown renderer: a quarter of a second for frames
    context_settings={"help_option_names": ["-h", "--help"]},
)

ProjectArgument = Annotated[Path, typer.Argument(metavar="PROJECT.py", help="The file that declares the project.")]
HomeOption = Annotated[
    Path | None, typer.Option("--home", envvar="FLYBALL_HOME", help="Where everything is kept. Default: .flyball beside the project file.")
]
WorldOption = Annotated[
    str | None, typer.Option("--backtest", metavar="NAME/POLICY", help="Look into this backtest instead of the live loop.")
]


def _version(wanted: bool) -> None:  # noqa: FBT001 - Typer calls it with the flag's value by place
    if wanted:
        from importlib.metadata import version

        typer.echo(f"flyball {version('flyball')}")
        raise typer.Exit


@app.callback()
def root(
    *, version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False
) -> None:
    """Declare a model once; Flyball keeps it in production, from raw rows to retraining."""
    del version


@app.command()
def check(project: ProjectArgument) -> None:
    """Validate a project file against its data.

    Names every problem, and the near name.
    """
    with told():
        from flyball.cli import checking

        checking.check(project)


@app.command()
def init(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The new project's directory; must be empty or not exist.")],
    csv: Annotated[Path, typer.Option("--csv", metavar="FILE", help="Your rows, one per line, with a header.")],
    label: Annotated[str, typer.Option("--label", metavar="COLUMN", help="The column to predict.")],
    time: Annotated[str, typer.Option("--time", metavar="COLUMN", help="The column that says when the row happened.")],
    key: Annotated[
        str | None, typer.Option("--key", metavar="COLUMN", help="What names a row. Default: a digest of the row and its ordinal.")
    ] = None,
    label_after: Annotated[
        str, typer.Option("--label-after", metavar="DURATION", help="How long after the time the label is known.")
    ] = "0s",
) -> None:
    """Scaffold a project that runs on your own CSV at once."""
    with told():
        from flyball.cli import scaffolding

        scaffolding.init(directory, csv=csv, label=label, time=time, key=key, label_after=label_after)


@app.command()
def backtest(
    project: ProjectArgument,
    policy: Annotated[
        list[str] | None, typer.Option("--policy", metavar="never|every:30d|declared", help="Repeat for several. Default: these three.")
    ] = None,
    start: Annotated[
        str | None, typer.Option("--start", metavar="TIME", help="When the first training happens (ISO 8601). Default: by `history`.")
    ] = None,
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the figures and events as JSON.")] = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write one self-contained page.")] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="What `ls`, `show` and `why` call this backtest. Default: the project's name.")
    ] = None,
    model: Annotated[str | None, typer.Option("--model", help="Which model, if the project has several.")] = None,
    home: HomeOption = None,
) -> None:
    """Replay your history under several retraining policies.

    The code is the one that runs live; only the clock differs. Interrupted, it continues where it was.
    """
    with told():
        from flyball.cli import backtesting

        request = backtesting.Request(project, tuple(policy or ()), start=start, name=name, model=model, home=home)
        backtesting.backtest(request, json_file=json, html_file=html)


@app.command()
def accept(
    dataset: Annotated[str, typer.Argument(metavar="DATASET@VERSION", help="A held version, for example flights@3.")],
    home: HomeOption = None,
) -> None:
    """Take a held dataset version as it is."""
    with told():
        from flyball.cli import deciding

        deciding.accept(dataset, home=home)


@app.command()
def reject(
    dataset: Annotated[str, typer.Argument(metavar="DATASET@VERSION", help="A held version, for example flights@3.")],
    home: HomeOption = None,
) -> None:
    """Never take a held dataset version."""
    with told():
        from flyball.cli import deciding

        deciding.reject(dataset, home=home)


@app.command()
def why(
    event: Annotated[str, typer.Argument(metavar="EVENT", help="An event's id, or enough of its beginning.")],
    home: HomeOption = None,
    backtest: WorldOption = None,
) -> None:
    """Print the causes of an event, down to the rows."""
    with told():
        from flyball.cli import looking

        looking.why(event, home=home, world=backtest)


@app.command()
def ls(
    kind: Annotated[
        str, typer.Argument(metavar="KIND", help="datasets, views, runs, versions, deployments, windows, backtests or events.")
    ],
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Only those of this model, dataset or subject.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many; the newest of events.")] = 50,
    home: HomeOption = None,
    backtest: WorldOption = None,
) -> None:
    """List what a home holds."""
    with told():
        from flyball.cli import looking

        looking.ls(kind, name, limit=limit, home=home, world=backtest)


@app.command()
def show(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="dataset, view, run, version, deployment, window, event or backtest.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name as `ls` says it; of an id the beginning is enough.")],
    home: HomeOption = None,
    backtest: WorldOption = None,
) -> None:
    """Show one thing whole."""
    with told():
        from flyball.cli import looking

        looking.show(kind, name, home=home, world=backtest)


def main() -> None:
    """The entry point of the `flyball` script."""
    app()
