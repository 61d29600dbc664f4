"""The commands that share an endpoint's rows: what they are called and what they take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flyball.cli.exits import told

_Endpoint = Annotated[str, typer.Argument(metavar="ENDPOINT", help="Where the model answers; its name, if it says nothing else.")]
_Why = Annotated[str, typer.Option("--why", metavar="TEXT", help="Why, in your words; it stands in the events.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_Home = Annotated[
    Path | None, typer.Option("--home", envvar="FLYBALL_HOME", help="Where everything is kept. Default: the .flyball here, above or below.")
]


def weights(
    endpoint: _Endpoint,
    pairs: Annotated[list[str], typer.Argument(metavar="VERSION=SHARE...", help="Shares sum to 1; all for the champion ends it.")],
    *,
    why: _Why = "",
    json: _Json = False,
    home: _Home = None,
) -> None:
    """Share an endpoint's rows between versions by weights, as 1=0.9 2=0.1."""
    with told():
        from flyball.cli import steering

        steering.weights(endpoint, pairs, why=why, as_json=json, home=home)


def segments(
    endpoint: _Endpoint,
    column: Annotated[str, typer.Argument(metavar="COLUMN", help="A column of the rows: text, whole numbers or true and false.")],
    pairs: Annotated[list[str], typer.Argument(metavar="VALUE=VERSION...", help="All other values are the champion's.")],
    *,
    why: _Why = "",
    json: _Json = False,
    home: _Home = None,
) -> None:
    """Share an endpoint's rows between versions by a column's values, as carrier UA=2."""
    with told():
        from flyball.cli import steering

        steering.segments(endpoint, column, pairs=pairs, why=why, as_json=json, home=home)


def bandit(
    endpoint: _Endpoint,
    versions: Annotated[list[int], typer.Argument(metavar="VERSION...", min=1, help="Between which; the champion among them or not.")],
    *,
    learns: Annotated[str, typer.Option("--learns", metavar="rewards|labels", help="From what callers send, or from labels.")] = "rewards",
    why: _Why = "",
    json: _Json = False,
    home: _Home = None,
) -> None:
    """Give an endpoint's rows to the versions that earn most, as 1 2."""
    with told():
        from flyball.cli import steering

        steering.bandit(endpoint, versions, learns=learns, why=why, as_json=json, home=home)


def shadow(
    endpoint: _Endpoint,
    versions: Annotated[list[int] | None, typer.Argument(metavar="[VERSION...]", min=1, help="None ends it.")] = None,
    *,
    why: _Why = "",
    json: _Json = False,
    home: _Home = None,
) -> None:
    """Ask versions beside those that answer, and log what they say; they answer nobody."""
    with told():
        from flyball.cli import steering

        steering.shadow(endpoint, versions or [], why=why, as_json=json, home=home)
