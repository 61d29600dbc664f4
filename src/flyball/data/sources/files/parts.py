"""A source of files while it is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

import polars as pl

from flyball.data.declared.files import FileSource
from flyball.data.errors import SourceChangedError
from flyball.data.model import SourceFile
from flyball.data.reading import read_frame
from flyball.data.sources.local import FoundFile, check_unchanged, find_parts, identify, read_bytes
from flyball.data.sources.port import Seen, Surroundings


class FileParts:
    """An `OpenSource`: every file is one part, named by its path below the source, in the order of their names."""

    def __init__(self, source: FileSource, surroundings: Surroundings) -> None:
        self._source, self._surroundings = source, surroundings
        self._found: dict[str, tuple[FoundFile, SourceFile]] = {}

    def find(self, seen: Seen) -> Sequence[SourceFile]:
        del seen  # the digest of a file is known when it was read
        found = find_parts(self._source, self._surroundings.root, dataset=self._surroundings.dataset)
        parts = identify(found)
        self._found = {part.name: (file, part) for file, part in zip(found, parts, strict=True)}
        return parts

    def read(self, part: SourceFile) -> Iterator[pl.DataFrame]:
        file, _ = self._found[part.name]
        data, read = read_bytes(file)
        if read.digest != part.digest:
            raise SourceChangedError(str(file.path))
        yield read_frame(part.name, data)

    def check_unchanged(self) -> None:
        found = list(self._found.values())
        check_unchanged([file for file, _ in found], [part for _, part in found])

    def acknowledge(self) -> None:
        """Files stay where they are."""

    def close(self) -> None:
        self._found = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
