"""What `flyball gc` and `flyball delete` are called, and what they take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flyball.cli.exits import told

_Home = Annotated[
    Path | None, typer.Option("--home", envvar="FLYBALL_HOME", help="Where everything is kept. Default: the .flyball here, above or below.")
]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


deletion = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Delete a project for good.")


@deletion.callback()
def delete() -> None:
    """Delete a project for good."""


@deletion.command()
def project(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The project's name, to be sure that this is the one.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    home: _Home = None,
) -> None:
    """Delete a project with everything that Flyball keeps of it.

    Rows, runs, models, blobs, tables, journals, keys and the home itself. Nothing brings it back.
    """
    with told():
        from flyball.cli import collecting

        collecting.delete_project(name, ask=not yes, home=home)


def gc(
    *,
    older_than: Annotated[
        str, typer.Option("--older-than", metavar="DURATION", help="Purge what was deleted so long ago; until then it can be restored.")
    ] = "30d",
    grace: Annotated[
        str, typer.Option("--grace", metavar="DURATION", help="Leave content that was stored so lately, whether or not it is used.")
    ] = "1d",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; say what would go, and how many bytes.")] = False,
    json: _Json = False,
    home: _Home = None,
) -> None:
    """Free what was deleted: runs, logged models and experiments, and content that nothing refers to.

    May run while everything else does.
    """
    with told():
        from flyball.app.garbage import Wish
        from flyball.cli import collecting
        from flyball.core.duration import parse_duration

        wish = Wish(older_than=parse_duration(older_than), grace=parse_duration(grace), dry_run=dry_run)
        collecting.collect(wish, as_json=json, home=home)
