"""The files that a command was asked to write: refused before the work, and whole or not there after it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from flyball.core.errors import InvalidError


class OutputFileError(InvalidError):
    """A file that was asked for cannot be written."""

    code = "output-file"

    def __init__(self, option: str, path: Path, *, why: str) -> None:
        super().__init__(f"{option} {path} cannot be written: {why}. Name a file in a directory that you may write to.")


def check_outputs(outputs: Mapping[str, Path | None]) -> None:
    """Make the directories of the files and try to write there, by option; the work before the writing may take long.

    Raises:
        OutputFileError: a path is a directory, its directory cannot be written, or two options name one file.
    """
    seen: dict[Path, str] = {}
    for option, path in outputs.items():
        if path is None:
            continue
        if path.is_dir():
            raise OutputFileError(option, path, why="it is a directory")
        if path.resolve() in seen:
            raise OutputFileError(option, path, why=f"{seen[path.resolve()]} names the same file")
        seen[path.resolve()] = option
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=path.parent):
                pass
        except OSError as error:
            raise OutputFileError(option, path, why=error.strerror or str(error)) from error


def write_whole(path: Path, text: str | Iterable[str]) -> None:
    """Write a text, or its parts as they come, beside the target and rename, so that an interrupted write leaves the old file."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.writelines([text] if isinstance(text, str) else text)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)
