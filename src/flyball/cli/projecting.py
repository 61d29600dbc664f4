"""Which project a command means: the file that is named, or the one that lies where the command stands; and its home, open.

Files are only looked at here, not run, until one is chosen.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flyball.app.location import HOME, home_of_project
from flyball.core.errors import InvalidError, NotFoundError

if TYPE_CHECKING:
    from flyball.app.home import Home
    from flyball.data.model import Dataset
    from flyball.loop.definition import Declared
    from flyball.loop.model import Project

PROJECT = "FLYBALL_PROJECT"


class ProjectNotFoundError(NotFoundError):
    """No project file where one was looked for."""

    code = "project-not-found"

    def __init__(self, folder: Path) -> None:
        super().__init__(f"No file in {folder} declares a project. Name yours with --project FILE.py or {PROJECT}.")


class SeveralProjectsError(InvalidError):
    """Several project files, and none named."""

    code = "several-projects"

    def __init__(self, folder: Path, found: Sequence[Path]) -> None:
        names = ", ".join(path.name for path in found)
        super().__init__(f"Several files in {folder} declare a project: {names}. Name one with --project FILE.py or {PROJECT}.")


@dataclass(frozen=True)
class OpenedProject:
    """A project, the file that declares it, and its home, open for as long as the command lasts."""

    project: Project
    file: Path
    home: Home

    @property
    def root(self) -> Path:
        """The directory that the project's sources are relative to."""
        return self.file.parent

    @property
    def declared(self) -> dict[str, Declared]:
        """The project's datasets by name."""
        from flyball.loop.definition import declared_in

        return declared_in(self.project)

    def get_dataset(self, name: str) -> Dataset:
        """The dataset of that name.

        Raises:
            UnknownNameError: the project declares none; the near name is named.
        """
        from flyball.core.errors import UnknownNameError

        declared = self.declared
        if name not in declared:
            raise UnknownNameError("dataset", name, known=declared, where=f"project {self.project.name!r}")
        return declared[name].dataset


def find_project_file(file: Path | None, home: Path | None) -> Path:
    """The project file: the named one, else that of FLYBALL_PROJECT, else the only one here, or in the nearest folder above with a home.

    Raises:
        ProjectNotFoundError: there is none.
        SeveralProjectsError: there are several.
    """
    named = file or (Path(os.environ[PROJECT]) if os.environ.get(PROJECT) else None)
    if named is not None:
        return named.resolve()
    here = Path.cwd()
    beside = [home.resolve().parent] if home is not None else []
    above = next((folder for folder in (here, *here.parents) if (folder / HOME).is_dir()), None)
    for folder in dict.fromkeys([here, *beside, *([above] if above else [])]):
        found = sorted(path for path in folder.glob("*.py") if _declares(path))
        if len(found) > 1:
            raise SeveralProjectsError(folder, found)
        if found:
            return found[0].resolve()
    raise ProjectNotFoundError(here)


@contextmanager
def open_project(file: Path | None, home: Path | None) -> Iterator[OpenedProject]:
    """The project and its home, which is made when there is none; datasets take turns, so others may have it open as well.

    Raises:
        ProjectNotFoundError, SeveralProjectsError: as of `find_project_file`.
        FlyballError: the file is wrong, or the home cannot be opened.
    """
    from flyball.app.home import Home
    from flyball.loop.projectfile import load_project
    from flyball.pipelines import InlineExecutor
    from flyball.storage.clockfile import open_clock

    path = find_project_file(file, home)
    project = load_project(path)
    place = home_of_project(path, home)
    with Home.open(place, clock=open_clock(place), executor=InlineExecutor()) as opened:
        yield OpenedProject(project, path, opened)


def _declares(path: Path) -> bool:
    """Whether the file makes a `Project`, by its text alone."""
    try:
        text = path.read_bytes()
        tree = ast.parse(text) if b"Project(" in text else None
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)] if tree is not None else []
    return any("Project" in (getattr(call, "id", None), getattr(call, "attr", None)) for call in calls)
