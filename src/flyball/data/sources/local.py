"""The files behind a source: found, read whole, and proved unchanged; what was parsed is what was digested."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import polars as pl

from flyball.core.canonical import digest_bytes
from flyball.core.ids import Digest
from flyball.data.declared.files import FileSource
from flyball.data.declared.source import Source
from flyball.data.errors import SourceChangedError, SourceDeniedError, SourceMissingError
from flyball.data.model import Dataset, SourceFile
from flyball.data.reading import read_frame
from flyball.data.sources.port import Seen, Surroundings

SUFFIXES = (".csv", ".csv.gz", ".parquet")


@dataclass(frozen=True)
class FoundFile:
    """A file as it lies on disk, with what the operating system said of it before anything was read."""

    path: Path
    name: str
    stamp: tuple[int, int, int]


CHUNK_ROWS = 200_000


class FileParts:
    """An `OpenSource` over a file or a directory of files."""

    def __init__(self, source: FileSource, surroundings: Surroundings) -> None:
        self._source, self._surroundings = source, surroundings
        self._found: dict[SourceFile, FoundFile] = {}
        self._read: list[SourceFile] = []

    def find(self, seen: Seen) -> Sequence[SourceFile]:
        del seen
        found = find_parts(self._source, self._surroundings.root, dataset=self._surroundings.dataset)
        self._found = dict(zip(identify(found), found, strict=True))
        return list(self._found)

    def read(self, part: SourceFile) -> Iterator[pl.DataFrame]:
        found = self._found[part]
        data, read = read_bytes(found)
        if read != part:
            raise SourceChangedError(str(found.path))
        self._read.append(part)
        yield from read_frame(part.name, data).iter_slices(CHUNK_ROWS)

    def check_unchanged(self) -> None:
        check_unchanged([self._found[part] for part in self._read], self._read)

    def acknowledge(self) -> None:
        return

    def close(self) -> None:
        return

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def find_files(dataset: Dataset, root: Path) -> list[FoundFile]:
    """As `find_parts`, of a dataset whose source is files."""
    return find_parts(dataset.source, root, dataset=dataset.name)


def find_parts(source: Source, root: Path, *, dataset: str) -> list[FoundFile]:
    """The source's files in the order of their names; hidden files and other suffixes are passed over.

    Raises:
        SourceMissingError: there is no such file or directory, or the directory holds no data file.
        SourceDeniedError: the operating system refuses.
    """
    place = root / source.describe()
    try:
        if place.is_dir():
            paths = sorted((path for path in place.iterdir() if _is_data(path)), key=lambda path: path.name)
        else:
            paths = [place] if place.is_file() and _is_data(place) else []
        if not paths:
            near = [path.name for path in place.parent.iterdir()] if place.parent.is_dir() and not place.is_dir() else []
            raise SourceMissingError(dataset, str(place), near=near)
        return [FoundFile(path, path.name, _stamp(path)) for path in paths]
    except PermissionError as error:
        raise SourceDeniedError(str(place), error.strerror or str(error)) from error


def read_bytes(found: FoundFile) -> tuple[bytes, SourceFile]:
    """The whole content of a file and its identity.

    Raises:
        SourceChangedError: the file is not the one that was found, or changed while it was read.
        SourceDeniedError: the operating system refuses.
    """
    try:
        data = found.path.read_bytes()
    except FileNotFoundError as error:
        raise SourceChangedError(str(found.path)) from error
    except OSError as error:
        raise SourceDeniedError(str(found.path), error.strerror or str(error)) from error
    if _stamp_now(found) != found.stamp or len(data) != found.stamp[1]:
        raise SourceChangedError(str(found.path))
    return data, SourceFile(name=found.name, size_bytes=len(data), digest=digest_bytes(data))


def identify(found: Iterable[FoundFile]) -> list[SourceFile]:
    """Size and SHA-256 of each file, without keeping their content.

    Raises:
        SourceChangedError: a file changed since it was found.
    """
    return [SourceFile(name=file.name, size_bytes=file.stamp[1], digest=_digest(file)) for file in found]


def check_unchanged(found: Sequence[FoundFile], read: Sequence[SourceFile]) -> None:
    """Every file still is what was read; writers that keep size and time are caught by the digest.

    Raises:
        SourceChangedError: a file is gone or has other content.
    """
    for file, identity in zip(found, read, strict=True):
        if _digest(file) != identity.digest:
            raise SourceChangedError(str(file.path))


def _digest(file: FoundFile) -> Digest:
    try:
        with file.path.open("rb") as stream:
            value = hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError as error:
        raise SourceChangedError(str(file.path)) from error
    except OSError as error:
        raise SourceDeniedError(str(file.path), error.strerror or str(error)) from error
    if _stamp_now(file) != file.stamp:
        raise SourceChangedError(str(file.path))
    return Digest(value)


def _stamp(path: Path) -> tuple[int, int, int]:
    status = os.stat(path)  # noqa: PTH116  a directory listing's paths may vanish; os.stat raises the same for all
    return status.st_mtime_ns, status.st_size, status.st_ino


def _stamp_now(found: FoundFile) -> tuple[int, int, int] | None:
    try:
        return _stamp(found.path)
    except FileNotFoundError:
        return None


def _is_data(path: Path) -> bool:
    return path.name.lower().endswith(SUFFIXES) and not path.name.startswith(".") and path.is_file()
