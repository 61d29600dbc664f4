"""`fb.load`: rows in a notebook, from the home here or from the server that FLYBALL_URL names."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import polars as pl

from flyball.app import loading
from flyball.app.loading import Loaded, Origin, Wish
from flyball.cli.remote import URL
from flyball.core.clock import parse_time, utc
from flyball.core.errors import InvalidError
from flyball.data.querying.model import quoted


class NotFromServerError(InvalidError):
    """Servers answer queries, whose tables have other names for a row's times."""

    code = "not-from-server"

    def __init__(self) -> None:
        super().__init__(
            "load(..., system=True) reads a home and not a server. Name the home, or ask the server: "
            'flyball query "select * from history.NAME".'
        )


def load(
    name: str,
    *,
    version: int | None = None,
    as_of: str | datetime | None = None,
    columns: Sequence[str] | None = None,
    system: bool = False,
    home: Path | str | None = None,
) -> Loaded:
    """The rows of the dataset `name`: of each key the last one known by `as_of` (default: now), in order of arrival.

    `version` chooses an accepted version (default: the latest). `columns` are all unless named; with `system` the four times of a
    row stand beside them: `__event_time`, `__known_time`, `__known_until` and `__arrival`. `home` is found from the working
    directory unless it is given; where FLYBALL_URL is set and no home is named, the server is asked, within its limits, in any order.

    Raises:
        UnknownNameError: there is no such dataset, version or column.
        VersionHeldError: the version is not accepted.
        HomeNotFoundError: there is no home here.
        TimeTextError: `as_of` is no time with a zone.
        ClientError: the server refuses, or nobody answers.
        NotFromServerError: a server is asked for `system` columns.
    """
    moment = parse_time(as_of, what="as_of") if isinstance(as_of, str) else None if as_of is None else utc(as_of)
    if home is None and os.environ.get(URL):
        if system:
            raise NotFromServerError
        return _asked(Origin(dataset=name, version=version, as_of=moment), columns)
    wish = Wish(name=name, version=version, as_of=moment, columns=columns, system=system)
    return loading.load(wish, home=None if home is None else Path(home))


def _asked(origin: Origin, columns: Sequence[str] | None) -> Loaded:
    from flyball.app.querying import Question
    from flyball.client import Client
    from flyball.client.querying import RemoteCatalogue

    table = quoted(origin.dataset if origin.version is None else f"{origin.dataset}@{origin.version}")
    cells = "*" if columns is None else ", ".join(map(quoted, columns))
    with Client.from_environment(os.environ) as client:
        frames = RemoteCatalogue(client).stream(Question(sql=f"select {cells} from {table}", as_of=origin.as_of))  # noqa: S608  quoted
        return Loaded.of(pl.concat(frames), origin)
