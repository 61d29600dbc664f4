"""The URL of a database, as a setting has it: what it names, and how it may be shown."""

from __future__ import annotations

from pathlib import Path

from flyball.core.optional import extra
from flyball.storage.servererrors import DatabaseUrlError

with extra("store"):
    from sqlalchemy import URL, make_url
    from sqlalchemy.exc import ArgumentError

_POSTGRES = frozenset(("postgresql", "postgres", "postgresql+psycopg"))


def parse(text: str) -> Path | URL:
    """The file that a `sqlite:///` URL names, or a server's URL.

    Raises:
        DatabaseUrlError: the text is neither; the sentence does not repeat it, since it may hold a password.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise DatabaseUrlError("it cannot be read") from error
    if url.drivername == "sqlite":
        if not url.database:
            raise DatabaseUrlError("a sqlite URL names a file")
        return Path(url.database)
    if url.drivername not in _POSTGRES:
        raise DatabaseUrlError(f"{url.drivername!r} is not an engine that Flyball runs on")
    if not url.database:
        raise DatabaseUrlError("it names no database")
    return url.set(drivername="postgresql+psycopg")


def shown(url: URL) -> str:
    """The URL without password and options."""
    return URL.create("postgresql", url.username, host=url.host, port=url.port, database=url.database).render_as_string()
