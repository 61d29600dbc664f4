"""A model's file or directory on this machine, read for an import: what it is, is told by `runtimes.bringing`."""

from __future__ import annotations

import os
from pathlib import Path

from flyball.core.errors import InvalidError, NotFoundError
from flyball.runtimes.bringing import ENDINGS, Brought, Source, bring, redeclared
from flyball.runtimes.declared import Declared
from flyball.runtimes.errors import UnknownModelFileError
from flyball.runtimes.mlmodel import MLMODEL
from flyball.storage.errors import os_errors

MOST_BYTES, MOST_FILES = 4 << 30, 10_000
_SHOWN = 6


class ModelPathError(NotFoundError):
    """A path at which no model can be read."""

    code = "model-path"

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"There is no model to import at {path}: {reason}.")


class ModelPathTooLargeError(InvalidError):
    """A file or directory of more than is imported at once."""

    code = "model-path-too-large"

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path} is not imported: {reason}. Name the model's own file or directory.")


def read_model(named: str, declared: Declared) -> Brought:
    """The model at the path, of a Python file with the function that is meant, as FILE.py:FUNCTION.

    Raises:
        ModelPathError: nothing is there, or it cannot be read.
        ModelPathTooLargeError: it is more than is imported.
        UnknownModelFileError: it is no model of a form that is known here.
        FlyballError: it is one that is damaged.
    """
    text, _, function = named.partition(":") if ".py:" in named else (named, "", "")
    path = Path(text)
    if path.is_dir():
        return _directory(path, declared)
    if not path.is_file():
        raise ModelPathError(text, "no file or directory has that name")
    files = {path.name: _read(path)}
    if path.suffix.lower() == ".onnx":
        files |= _beside(path, files[path.name])
    return bring(Source(path.name, files, function), declared)


def _directory(path: Path, declared: Declared) -> Brought:
    files: dict[str, bytes] = {}
    size = 0
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if name not in {"__pycache__", ".git"})
        for name in sorted(names):
            found = Path(folder) / name
            size += found.stat().st_size if found.is_file() else 0
            if size > MOST_BYTES or len(files) >= MOST_FILES:
                raise ModelPathTooLargeError(str(path), f"it holds more than {MOST_FILES:,} files or {MOST_BYTES >> 30} GB")
            if found.is_file():
                files[found.relative_to(path).as_posix()] = _read(found)
    if MLMODEL in files:
        return Brought(files=redeclared(files, declared), words="a model of MLflow's")
    models = [name for name in files if "/" not in name and name.rpartition(".")[2].lower() in ENDINGS - {"py", "txt", "json"}]
    if len(models) != 1:
        known = f"it has several: {', '.join(models[:_SHOWN])}. Name one" if models else f"it has no {MLMODEL}, and no model's file"
        raise UnknownModelFileError(str(path), known)
    return bring(Source(models[0], files), declared)


def _beside(path: Path, data: bytes) -> dict[str, bytes]:
    """What an ONNX file keeps beside itself; what it keeps elsewhere is refused by who takes it in."""
    from flyball.runtimes.onnxfile import locations_in

    names = [name for name in locations_in(data) if name == Path(name).name and name not in {".", ".."}]
    return {name: _read(path.with_name(name)) for name in names if path.with_name(name).is_file()}


def _read(path: Path) -> bytes:
    if path.stat().st_size > MOST_BYTES:
        raise ModelPathTooLargeError(str(path), f"it has more than {MOST_BYTES >> 30} GB")
    with os_errors(path):
        return path.read_bytes()
