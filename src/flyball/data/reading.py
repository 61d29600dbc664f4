"""A file that is in memory already becomes one frame, just as it would where it lay in a source."""

from __future__ import annotations

import io
import sys
import tempfile

import polars as pl

from flyball.data.errors import SourceMissingError
from flyball.data.sources.files.binary import binary_chunks
from flyball.data.sources.files.columns import plain
from flyball.data.sources.files.csvchunks import CsvChunks
from flyball.data.sources.files.jsonchunks import JsonChunks
from flyball.data.sources.files.names import Kind, kind_of
from flyball.data.sources.files.unpacking import Stream, unpacked


def read_frame(name: str, data: bytes) -> pl.DataFrame:
    """The rows of the file `name` of these bytes, in their order, as `sources.files.FileParts` gives them.

    Raises:
        FlyballError: the file cannot be read; the error says where and why.
    """
    kind = kind_of(name)
    if kind is None:
        raise SourceMissingError(name, name)
    if kind.format in {"csv", "tsv"}:
        frames = list(CsvChunks(name, _content(name, data, kind=kind), "\t" if kind.format == "tsv" else None))
    elif kind.format == "ndjson":
        frames = list(JsonChunks(name, lambda: _content(name, data, kind=kind)))
    else:
        with tempfile.TemporaryFile() as file:
            file.write(_content(name, data, kind=kind).read(sys.maxsize))
            file.seek(0)
            frames = list(binary_chunks(name, file, kind=kind.format))
    return plain(name, pl.concat(frames))


def _content(name: str, data: bytes, *, kind: Kind) -> Stream:
    return unpacked(io.BytesIO(data), packing=kind.packing, where=name, size_bytes=len(data))
