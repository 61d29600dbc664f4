"""`flyball token`: a token is given, looked at or taken back, by the server that runs the home or in the home itself."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flyball.app.actor import person
from flyball.app.settings import NotRunningError, Settings
from flyball.cli.remote import open_place
from flyball.client import Client
from flyball.core.duration import parse_duration
from flyball.governance import DEFAULT_PROJECT, Caller, Role, TokenWish, parse_role
from flyball.governance.tokenfile import find_project

if TYPE_CHECKING:
    from flyball.governance.service import TokenService

_COLUMNS = ("name", "role", "state", "expires", "used", "id")


@dataclass(frozen=True)
class Wanted:
    """What the options say."""

    name: str
    role: str
    expires: str
    run_code: bool

    def wish(self) -> TokenWish:
        """The wish that they come to.

        Raises:
            InvalidError: no token can be such.
        """
        return TokenWish(name=self.name, role=parse_role(self.role), life=parse_duration(self.expires), run_code=self.run_code)


def create(wanted: Wanted, *, as_json: bool, home: Path | None) -> None:
    """Print the secret alone, so that a shell can take it; beside it, for a person, what it is."""
    wanted.wish()  # refused here where a server would refuse it
    with open_place(home, os.environ) as place:
        if isinstance(place, Client):
            given = place.create_token(wanted.name, role=wanted.role, expires=wanted.expires, run_code=wanted.run_code)
        else:
            with _service(place) as service:
                made = service.create(wanted.wish(), by=_owner())
                given = {"token": service.describe(made.token), "secret": made.secret}
    if as_json:
        _print(given)
        return
    sys.stdout.write(f"{given['secret']}\n")
    sys.stdout.flush()
    token = given["token"]
    sys.stderr.write(
        f"Token '{token['name']}' ({token['id']}): {token['role']} of project '{token['project']}' until {_time(token['expires'])} UTC. "
        "Its secret is shown this once.\n"
    )


def show(*, as_json: bool, home: Path | None) -> None:
    """Print all, the oldest first."""
    with open_place(home, os.environ) as place:
        if isinstance(place, Client):
            found = place.list_tokens()
        else:
            with _service(place) as service:
                found = [service.describe(token) for token in service.list()]
    if as_json:
        _print({"tokens": found})
        return
    rows = [_COLUMNS, *(tuple(_cell(token, column) for column in _COLUMNS) for token in found)]
    widths = [max(len(row[index]) for row in rows) for index in range(len(_COLUMNS))]
    for row in rows:
        sys.stdout.write("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n")


def revoke(name: str, *, as_json: bool, home: Path | None) -> None:
    """Take it back, and say which it was."""
    with open_place(home, os.environ) as place:
        if isinstance(place, Client):
            token = place.revoke_token(name)
        else:
            with _service(place) as service:
                token = service.describe(service.revoke(name, by=_owner()))
    if as_json:
        _print({"token": token})
        return
    sys.stdout.write(f"Token '{token['name']}' ({token['id']}) is revoked.\n")


@contextmanager
def _service(place: Path) -> Iterator[TokenService]:
    from flyball.app.stores import Stores
    from flyball.app.tokenkeeping import open_tokens
    from flyball.core.ids import RandomIds
    from flyball.storage.clockfile import open_clock

    stores = Stores.at_home(place, clock=open_clock(place), ids=RandomIds(), actor=person())
    try:
        yield open_tokens(stores, project=_project(place))
    finally:
        stores.close()


def _project(place: Path) -> str:
    """Whose tokens the home has: the project that it ran last."""
    published = find_project(place)
    if published is not None:
        return published
    try:
        file = Settings.load(place).project
    except NotRunningError:
        return DEFAULT_PROJECT
    if file is None:
        return DEFAULT_PROJECT
    from flyball.loop.projectfile import load_project

    return load_project(file).name


def _owner() -> Caller:
    return Caller(Role.OWNER, person(), principal="owner")


def _cell(token: dict[str, Any], column: str) -> str:
    value = token[column]
    if column in {"expires", "used"}:
        return "never" if value is None else _time(value)
    return f"{value}, runs code" if column == "role" and token["may_run_code"] else str(value)


def _time(text: str) -> str:
    return text[:16].replace("T", " ")


def _print(value: object) -> None:
    sys.stdout.write(json.dumps(value, indent=2, sort_keys=True) + "\n")
