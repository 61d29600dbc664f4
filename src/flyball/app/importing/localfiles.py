"""Artifacts that lie in directories of this machine, as a tracking store names them: a path, or a file: URI."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from flyball.app.importing.source import SourceError

_PIECE_BYTES = 1 << 20


def directory(uri: str, beside: Path, *, artifacts: Path) -> Path:
    """The directory of the URI.

    Relative ones are relative to `beside`, where the store's own file lies; what its server kept behind its door lies below `artifacts`.

    Raises:
        SourceError: the URI is of another kind.
    """
    scheme = urlsplit(uri).scheme
    if scheme == "file":
        return Path(unquote(urlsplit(uri).path))
    if scheme == "mlflow-artifacts":
        return artifacts / unquote(urlsplit(uri).path).lstrip("/")
    if scheme:
        raise SourceError(f"{uri}", f"artifacts at {scheme}: are not on this machine; import from the URL of their server instead")
    return beside / uri


def files(place: Path) -> Iterator[str]:
    """The paths of the files below, sorted; links are not followed, since they may lead anywhere."""
    if not place.is_dir() or place.is_symlink():
        return
    for found in sorted(place.iterdir()):
        if found.is_symlink():
            continue
        if found.is_dir():
            yield from (f"{found.name}/{below}" for below in files(found))
        elif found.is_file():
            yield found.name


def read(place: Path, path: str) -> Iterator[bytes]:
    """One file below, in pieces.

    Raises:
        SourceError: it cannot be read.
    """
    try:
        with (place / path).open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                yield piece
    except OSError as error:
        raise SourceError(str(place / path), str(error.strerror or error)) from error
