"""Deleting a project: its whole home, wherever parts of it lie. Nothing of it is left, and nothing can bring it back."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from flyball.app.home import BACKTESTS
from flyball.app.location import DATABASE, LOCK, PLACES
from flyball.app.onlinestore import empty_online
from flyball.app.places import Places
from flyball.core.errors import UnknownNameError
from flyball.core.optional import extra
from flyball.governance import DEFAULT_PROJECT
from flyball.governance.tokenfile import find_project
from flyball.storage import schema_version
from flyball.storage.blobs import BlobStore
from flyball.storage.database import Database
from flyball.storage.errors import os_errors
from flyball.storage.homelock import HomeLock

with extra("store"):
    from sqlalchemy import text

_AT_ONCE = 8
_KEPT_TO_THE_END = (DATABASE, PLACES)  # by these a home is known for one: so a deletion that was killed can be run again


@dataclass(frozen=True, slots=True, kw_only=True)
class Remains:
    """What was there: blobs and their bytes, and the bytes of the home's own files."""

    blobs: int
    blob_bytes: int
    home_bytes: int


def projects_of(home: Path) -> tuple[str, ...]:
    """The names that the home's project goes by: what its control plane published, else its backtests' names, else the default's."""
    published = find_project(home)
    if published is not None:
        return (published,)
    replayed = tuple(sorted(place.name for place in (home / BACKTESTS).glob("*") if place.is_dir()))
    return replayed or (DEFAULT_PROJECT,)


def check_project(home: Path, name: str) -> None:
    """The home is that project's.

    Raises:
        UnknownNameError: it is another's; the near name is said.
    """
    if name not in projects_of(home):
        raise UnknownNameError("project", name, known=projects_of(home), where=f"the home {home}")


def delete_project(home: Path, name: str) -> Remains:
    """Blobs, database, tables, journals, keys, tokens and backtests of the home are gone, and its directory. Killed, it can be run again.

    Raises:
        UnknownNameError: the home is another project's. Nothing was changed.
        HeldError: something runs in the home; it is named. Nothing was changed.
        UnavailableError: a part cannot be reached or written; what was deleted until then is gone.
    """
    check_project(home, name)
    with HomeLock.acquire(home / LOCK, f"flyball delete project {name}"):
        places = Places.of(home, os.environ)
        blobs = places.open_blobs(home)
        count, blob_bytes = _empty(blobs)
        if places.tables is not None:
            tables = places.open_tables(home)
            for table in tables.list():
                tables.delete(table)
        empty_online(os.environ)
        with os_errors(home):
            home_bytes = sum(file.lstat().st_size for file in home.rglob("*") if file.is_file())
            if places.database is not None:
                _drop(places, home)
            _remove(place for place in home.iterdir() if place.name not in _KEPT_TO_THE_END)
            _remove(home.iterdir())
            home.rmdir()
    return Remains(blobs=count, blob_bytes=blob_bytes, home_bytes=home_bytes)


def _empty(blobs: BlobStore) -> tuple[int, int]:
    found = list(blobs.list_stored())
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for _ in pool.map(lambda blob: blobs.delete(blob.digest), found):
            pass
    return len(found), sum(blob.size_bytes for blob in found)


def _drop(places: Places, home: Path) -> None:
    """The tables of a database that lies elsewhere are gone; of a file, the file."""
    database = places.open_database(home)
    try:
        _drop_tables(database)
        place = database.place
    finally:
        database.close()
    if isinstance(place, Path):
        _remove(place.parent.glob(f"{place.name}*"))


def _drop_tables(database: Database) -> None:
    with database.write() as connection:
        schema_version.downgrade(connection, "base")
        connection.execute(text("DROP TABLE alembic_version"))


def _remove(places: Iterable[Path]) -> None:
    for place in places:
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)
