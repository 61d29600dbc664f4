"""A project file is an ordinary Python file that leaves one `Project` in its namespace; reading it has no other effect."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from pathlib import Path

from flyball.core.canonical import digest_bytes
from flyball.core.errors import FlyballError, UnknownNameError
from flyball.loop.errors import ProjectFileError
from flyball.loop.model import Project
from flyball.serving.graphs.model import Graph


def load_project(path: Path) -> Project:
    """The project that the file at `path` declares.

    The file is executed as a module of its own name with its directory first on the import path, as `python FILE` would.

    Raises:
        ProjectFileError: the file is missing, has a syntax error, fails while it is imported (the line in the file is
            named), or declares no project or several.
        FlyballError: a declaration refused itself; its own error is passed on with the line in front.
    """
    path = _existing(path)
    projects = [value for value in vars(execute(path)).values() if isinstance(value, Project)]
    distinct = list({id(project): project for project in projects}.values())
    if len(distinct) != 1:
        found = (
            "no project; end it with: project = fb.Project(NAME, models=[...])" if not distinct else f"{len(distinct)} projects; keep one"
        )
        raise ProjectFileError(path, f"the file declares {found}")
    return distinct[0]


def load_graphs(path: Path) -> list[Graph]:
    """The graphs of models that the file at `path` declares, at least one, in the order of their names in the file.

    Raises:
        ProjectFileError: as `load_project`; or it declares no graph, or two of one name.
        FlyballError: a declaration refused itself.
    """
    path = _existing(path)
    found = {id(value): value for value in vars(execute(path)).values() if isinstance(value, Graph)}
    names = [graph.name for graph in found.values()]
    if not found:
        raise ProjectFileError(path, "the file declares no graph; end it with: graph = fb.Graph(NAME, STEP)")
    if len(set(names)) < len(names):
        raise ProjectFileError(path, f"the file declares two graphs of one name: {', '.join(names)}")
    return list(found.values())


def _existing(path: Path) -> Path:
    path = path.resolve()
    if not path.is_file():
        near = sorted(p.name for p in path.parent.glob("*.py")) if path.parent.is_dir() else []
        raise ProjectFileError(path, str(UnknownNameError("project file", path.name, known=near)))
    return path


def execute(path: Path) -> object:
    """The module that the file at `path` becomes; it must be there.

    Raises:
        ProjectFileError: it is no Python file, or fails while it is imported (the line in the file is named).
    """
    name = f"_flyball_project_{path.stem}_{digest_bytes(str(path).encode())[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ProjectFileError(path, "the file is not a Python file; its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    folder = str(path.parent)
    sys.modules[name] = module
    sys.path.insert(0, folder)
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise ProjectFileError(Path(error.filename or path), f"syntax error: {error.msg}", line=error.lineno) from error
    except ImportError as error:
        raise ProjectFileError(path, f"import error: {error}", line=_line(error, path)) from error
    except FlyballError as error:
        raise ProjectFileError(path, str(error), line=_line(error, path)) from error
    except Exception as error:  # user code may raise anything; it becomes one sentence with its line
        raise ProjectFileError(path, f"{type(error).__name__}: {error}", line=_line(error, path)) from error
    finally:
        sys.path.remove(folder)
    return module


def _line(error: BaseException, path: Path) -> int | None:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == path]
    return lines[-1] if lines else None
