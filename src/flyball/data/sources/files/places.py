"""Where files lie: listed, told apart by their content, and opened."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from flyball.core.ids import Digest
from flyball.data.declared.files import FileSource
from flyball.data.errors import SourceChangedError, SourceDeniedError, SourceMissingError
from flyball.data.fileerrors import FileFormatError
from flyball.data.sources.files.digesting import Digesting, ReadableFile
from flyball.data.sources.files.names import ENDINGS, Kind, compile_pattern, is_hidden, kind_of, split_pattern


@dataclass(frozen=True, kw_only=True)
class Found:
    """A file as it lies there: its name below the source, where it is, and what is said of it before anything is read."""

    name: str
    where: str
    size_bytes: int
    stamp: tuple[object, ...]
    kind: Kind


class Place(Protocol):
    """A folder on some machine. Used by one thread; every failure is a FlyballError that names the place."""

    def list(self) -> Sequence[Found]:
        """The files that the source means, in the order of their names; never empty."""
        ...

    def digest(self, found: Found, *, wanted: Callable[[Digest], bool]) -> Digest:
        """The SHA-256 of the file's bytes; what it is `wanted` for is opened later."""
        ...

    def open(self, found: Found) -> ReadableFile:
        """The file to read, with a descriptor of its own."""
        ...

    def is_unchanged(self, found: Found) -> bool:
        """Whether the place says of the file what it said when it was found."""
        ...

    def close(self) -> None:
        """Let go of what was kept of files."""
        ...


class LocalPlace:
    """A `Place` on this machine. Symbolic links to files are followed, those to directories only where the path itself names one."""

    def __init__(self, source: FileSource, root: Path, *, dataset: str = "") -> None:
        self._source, self._root = source, root
        self._dataset = dataset or source.describe()

    def list(self) -> Sequence[Found]:
        with _refusals(self._root / self._source.path):
            return self._listed()

    def _listed(self) -> Sequence[Found]:
        place = self._root / self._source.path
        if place.is_file():
            kind = kind_of(place.name, declared=self._source.format)
            if kind is None:
                raise FileFormatError(str(place), ENDINGS)
            return [_found(place, place.name, kind=kind)]
        base, pattern = (self._source.path, "*") if place.is_dir() else split_pattern(self._source.path)
        paths = _walk(self._root / base, pattern or "") if pattern else {}
        found = [
            _found(path, name, kind=kind)
            for name, path in sorted(paths.items())
            if (kind := kind_of(name, declared=self._source.format)) is not None
        ]
        if not found:
            near = [path.name for path in place.parent.iterdir()] if place.parent.is_dir() and not place.is_dir() else []
            raise SourceMissingError(self._dataset, str(place), near=near)
        return found

    def digest(self, found: Found, *, wanted: Callable[[Digest], bool]) -> Digest:
        del wanted
        with closing(self.open(found)) as file, _refusals(found.where):
            value = Digesting(file).digest()
        if not self.is_unchanged(found):
            raise SourceChangedError(found.where)
        return value

    def open(self, found: Found) -> ReadableFile:
        try:
            with _refusals(found.where):
                return Path(found.where).open("rb", buffering=0)
        except FileNotFoundError as error:
            raise SourceChangedError(found.where) from error

    def is_unchanged(self, found: Found) -> bool:
        try:
            return stamp_of(Path(found.where)) == found.stamp
        except OSError:
            return False

    def close(self) -> None:
        """Nothing is kept of files of this machine."""


def stamp_of(path: Path) -> tuple[int, int, int, int]:
    """When the file was written, how long and which it is, and when anything of it changed, which no writer can set."""
    status = os.stat(path)  # noqa: PTH116  a directory listing's paths may vanish; os.stat raises the same for all
    return status.st_mtime_ns, status.st_size, status.st_ino, status.st_ctime_ns


def _found(path: Path, name: str, *, kind: Kind) -> Found:
    stamp = stamp_of(path)
    return Found(name=name, where=str(path), size_bytes=stamp[1], stamp=stamp, kind=kind)


def _walk(base: Path, pattern: str) -> dict[str, Path]:
    """The regular files below `base` by their names there, those alone that match."""
    matches, deep = compile_pattern(pattern), "/" in pattern
    paths: dict[str, Path] = {}
    for folder, folders, names in os.walk(base, onerror=_raise):
        below = Path(folder).relative_to(base).as_posix()
        folders[:] = [name for name in folders if not is_hidden(f"{name}/")] if deep else []
        for name in names:
            whole = name if below == "." else f"{below}/{name}"
            if not is_hidden(whole) and matches.match(whole) and Path(folder, name).is_file():
                paths[whole] = Path(folder, name)
    return paths


def _raise(error: OSError) -> None:
    if isinstance(error, PermissionError):
        raise error


@contextmanager
def _refusals(where: object) -> Iterator[None]:
    """What the operating system refuses becomes our error; what is gone stays as it is."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise SourceDeniedError(str(where), error.strerror or str(error)) from error
