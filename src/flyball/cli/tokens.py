"""The commands of `flyball token`: what they are called and what they take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flyball.cli.exits import told

group = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Give tokens to people and programs, list them, and take them back.")

_Home = Annotated[
    Path | None, typer.Option("--home", envvar="FLYBALL_HOME", help="Where everything is kept. Default: the .flyball here, above or below.")
]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@group.command()
def create(
    *,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="The principal that records keep; a Basic login's user name.")],
    role: Annotated[str, typer.Option("--role", metavar="viewer|editor|approver|admin", help="What it may do.")],
    expires: Annotated[str, typer.Option("--expires", metavar="DURATION", help="How long it is good; a year at most.")] = "90d",
    run_code: Annotated[
        bool, typer.Option("--run-code", help="What it uploads may be loaded by Flyball, though it carries code: pickles.")
    ] = False,
    json: _Json = False,
    home: _Home = None,
) -> None:
    """Make a token, and print its secret, once."""
    with told():
        from flyball.cli import giving

        giving.create(giving.Wanted(name, role, expires=expires, run_code=run_code), as_json=json, home=home)


@group.command("list")
def list_tokens(*, json: _Json = False, home: _Home = None) -> None:
    """List the project's tokens, those that have ended too."""
    with told():
        from flyball.cli import giving

        giving.show(as_json=json, home=home)


@group.command()
def revoke(
    name: Annotated[str, typer.Argument(metavar="NAME|ID", help="The token's name, or its id.")], *, json: _Json = False, home: _Home = None
) -> None:
    """Take a token back; within a second it opens nothing."""
    with told():
        from flyball.cli import giving

        giving.revoke(name, as_json=json, home=home)
