"""Where a command about datasets is done: by the control plane that runs the home, or, where none runs, in the home itself."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from flyball.app.actor import person
from flyball.app.location import find_home, home_of_project
from flyball.cli.projecting import ProjectNotFoundError, find_project_file, open_project
from flyball.cli.remote import URL, connect, find_running
from flyball.client import Client
from flyball.client.datasets import AsideQuery, DatasetsClient
from flyball.core.errors import InvalidError

if TYPE_CHECKING:
    from flyball.app.dataplane import DataPlane

Json = dict[str, Any]


class VersionNameError(InvalidError):
    """Not a dataset version's name."""

    code = "dataset-version-name"

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{text!r} names no version of a dataset. Write NAME@NUMBER, for example 'flights@3'; `flyball ls datasets` lists them."
        )


@dataclass(frozen=True)
class Where:
    """The project file and the home that were named, if any was."""

    project: Path | None = None
    home: Path | None = None


class DataDoor(Protocol):
    """What commands ask of datasets, wherever it is done; the answers are those of `DatasetsClient`."""

    def list_datasets(self) -> list[Json]: ...

    def get_version(self, name: str, number: int) -> Json: ...

    def get_contract(self, name: str) -> Json: ...

    def list_quarantine(self, name: str, query: AsideQuery) -> Json: ...

    def release(self, name: str, number: int, *, why: str = "") -> Json: ...

    def reject(self, name: str, number: int, *, why: str = "") -> Json: ...

    def repair(self, name: str, repairs: Mapping[str, Mapping[str, Any]], *, why: str = "") -> list[Json]: ...

    def readmit(
        self, name: str, ids: Sequence[str] | None = None, *, version: int | None = None, as_declared: bool = False, why: str = ""
    ) -> Json: ...


class LocalData:
    """A `DataDoor` in a home that nobody runs, in the name of the person at this terminal."""

    def __init__(self, plane: DataPlane) -> None:
        self._plane = plane

    def list_datasets(self) -> list[Json]:
        found: list[Json] = self._plane.list_datasets()["datasets"]
        return found

    def get_version(self, name: str, number: int) -> Json:
        return self._plane.get_version(name, number)

    def get_contract(self, name: str) -> Json:
        return self._plane.get_contract(name)

    def list_quarantine(self, name: str, query: AsideQuery) -> Json:
        from flyball.app.dataplane import AsideRows

        return self._plane.list_quarantine(name, AsideRows(query.version, query.state, query.limit, query.token))

    def release(self, name: str, number: int, *, why: str = "") -> Json:
        found: Json = self._plane.release(name, number, deed=_deed(why))["version"]
        return found

    def reject(self, name: str, number: int, *, why: str = "") -> Json:
        found: Json = self._plane.reject(name, number, deed=_deed(why))["version"]
        return found

    def repair(self, name: str, repairs: Mapping[str, Mapping[str, Any]], *, why: str = "") -> list[Json]:
        found: list[Json] = self._plane.repair(name, list(repairs.items()), deed=_deed(why))["rows"]
        return found

    def readmit(
        self, name: str, ids: Sequence[str] | None = None, *, version: int | None = None, as_declared: bool = False, why: str = ""
    ) -> Json:
        from flyball.app.dataplane import Readmit

        return self._plane.readmit(name, Readmit(ids, version, as_declared), deed=_deed(why))


def rows_of(door: DataDoor, name: str, *, version: int | None = None, state: str | None = None) -> Iterator[Json]:
    """All quarantined rows, page by page."""
    token = None
    while True:
        page = door.list_quarantine(name, AsideQuery(version, state, limit=1000, token=token))
        yield from page["rows"]
        token = page["next"]
        if token is None:
            return


@contextmanager
def open_data(where: Where) -> Iterator[DataDoor]:
    """FLYBALL_URL's control plane if it is set and no home is named, else that of the home, else the home itself.

    Without a project file a home can be looked at, and held versions be decided on; rows are judged by a project's datasets.

    Raises:
        HomeNotFoundError: there is no home.
        ClientError: the control plane cannot be reached, or refuses.
    """
    if where.home is None and where.project is None and os.environ.get(URL):
        with Client.from_environment(os.environ, actor=person()) as client:
            yield DatasetsClient(client)
        return
    file = _find_file(where)
    place = find_home(where.home, Path.cwd()) if file is None else home_of_project(file, where.home)
    if find_running(place) is not None:
        with connect(place) as client:
            yield DatasetsClient(client)
        return
    with _opened(file, where, place=place) as plane:
        yield LocalData(plane)


def parse_version(text: str) -> tuple[str, int]:
    """Name and number of NAME@NUMBER.

    Raises:
        VersionNameError: the text is none.
    """
    name, at, number = text.partition("@")
    if not name or not at or not (number.isascii() and number.isdecimal()) or len(number) > 9:
        raise VersionNameError(text)
    return name, int(number)


def _find_file(where: Where) -> Path | None:
    try:
        return find_project_file(where.project, where.home)
    except ProjectNotFoundError:
        if where.project is not None:
            raise
        return None


@contextmanager
def _opened(file: Path | None, where: Where, *, place: Path) -> Iterator[DataPlane]:
    from flyball.app.datadesk import desk_of
    from flyball.app.home import Home
    from flyball.pipelines import InlineExecutor
    from flyball.storage.clockfile import open_clock

    if file is None:
        with Home.open(place, clock=open_clock(place), executor=InlineExecutor()) as home:
            yield desk_of(home)
        return
    with open_project(file, where.home) as opened:
        declared = {name: found.dataset for name, found in opened.declared.items()}
        yield desk_of(opened.home, declared, root=opened.root)


def _deed(why: str) -> Any:
    from flyball.app.deed import Deed

    return Deed(person(), why)
