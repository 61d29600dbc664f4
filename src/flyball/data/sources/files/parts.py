"""A source of files while it is read."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import polars as pl

from flyball.core.canonical import digest
from flyball.core.ids import Digest
from flyball.data.declared.files import FileSource
from flyball.data.errors import SourceChangedError
from flyball.data.inplace.model import Placed
from flyball.data.model import SourceFile
from flyball.data.sources.files.ahead import Ahead
from flyball.data.sources.files.binary import binary_chunks
from flyball.data.sources.files.columns import plain
from flyball.data.sources.files.csvchunks import CHUNK_BYTES, CsvChunks
from flyball.data.sources.files.digesting import Digesting, ReadableFile
from flyball.data.sources.files.jsonchunks import JsonChunks
from flyball.data.sources.files.places import Found, LocalPlace, Place
from flyball.data.sources.files.times import with_times
from flyball.data.sources.files.unpacking import BLOCK_BYTES, Stream, unpacked
from flyball.data.sources.port import Seen, Surroundings

_THREADS = 4


class FileParts:
    """An `OpenSource`: every file is one part, named by its path below the source, in the order of their names.

    A part's digest is the SHA-256 of the file's bytes; where the source declares how they are read, of both. Memory is bounded
    by a chunk of a file; a packed file of a format that is read in no order, such as Parquet, is unpacked to scratch first.
    """

    def __init__(self, source: FileSource, surroundings: Surroundings, *, place: Place | None = None) -> None:
        self._source, self._surroundings = source, surroundings
        self._place = place or LocalPlace(source, surroundings.root, dataset=surroundings.dataset)
        self._found: dict[str, tuple[Found, Digest]] = {}
        self._scratch: Path | None = None

    def find(self, seen: Seen) -> Sequence[SourceFile]:
        listed = self._place.list()
        new = partial(self._place.digest, wanted=lambda content: self._part_digest(content) not in seen.digests)
        with ThreadPoolExecutor(_THREADS) as pool:
            contents = list(pool.map(new, listed))
        self._found = {found.name: (found, content) for found, content in zip(listed, contents, strict=True)}
        return [
            SourceFile(name=name, size_bytes=found.size_bytes, digest=self._part_digest(content))
            for name, (found, content) in self._found.items()
        ]

    def _part_digest(self, content: Digest) -> Digest:
        reading = self._source.reading()
        return digest({"bytes": content, "read": reading}) if reading else content

    def read(self, part: SourceFile) -> Iterator[pl.DataFrame]:
        found, content = self._found[part.name]
        text = found.kind.format in {"csv", "tsv", "ndjson"}
        for frame in self._text(found, content) if text else self._binary(found, content):
            yield plain(part.name, with_times(self._source, frame))

    def _text(self, found: Found, content: Digest) -> Iterator[pl.DataFrame]:
        with Digesting(self._place.open(found)) as file:
            if found.kind.format == "ndjson":
                yield from JsonChunks(found.name, lambda: _content(file.again(), found))
            else:
                separator = "\t" if found.kind.format == "tsv" else None
                with Ahead(_content(file, found), CHUNK_BYTES) as ahead:
                    yield from CsvChunks(found.name, ahead, separator)
            self._check(found, content, read=file.digest())

    def _binary(self, found: Found, content: Digest) -> Iterator[pl.DataFrame]:
        with Digesting(self._place.open(found)) as file:
            if found.kind.packing is None:
                yield from binary_chunks(found.name, file.file, kind=found.kind.format, sheet=self._source.sheet)
                self._check(found, content, read=file.again().digest())
                return
            with closing(self._unpacked(_content(file, found))) as whole:
                self._check(found, content, read=file.digest())
                yield from binary_chunks(found.name, whole, kind=found.kind.format, sheet=self._source.sheet)

    def _unpacked(self, content: Stream) -> ReadableFile:
        if self._scratch is None:
            self._surroundings.scratch.mkdir(parents=True, exist_ok=True)
            self._scratch = Path(tempfile.mkdtemp(prefix="files-", dir=self._surroundings.scratch))
        file = tempfile.TemporaryFile(dir=self._scratch)  # noqa: SIM115  the caller closes it
        try:
            while block := content.read(BLOCK_BYTES):
                file.write(block)
            file.seek(0)
        except BaseException:
            file.close()
            raise
        return file

    def _check(self, found: Found, content: Digest, *, read: Digest) -> None:
        if read != content or not self._place.is_unchanged(found):
            raise SourceChangedError(found.where)

    def place_of(self, part: SourceFile) -> Placed:
        """See `InPlace`; only for files of this machine."""
        found, _ = self._found[part.name]
        return Placed(place=str(Path(found.where).resolve()), partition={})

    def check_unchanged(self) -> None:
        for found, _ in self._found.values():
            if not self._place.is_unchanged(found):
                raise SourceChangedError(found.where)

    def acknowledge(self) -> None:
        """Files stay where they are."""

    def close(self) -> None:
        self._found = {}
        self._place.close()
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _content(file: Stream, found: Found) -> Stream:
    return unpacked(file, packing=found.kind.packing, where=found.name, size_bytes=found.size_bytes)
