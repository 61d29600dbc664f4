"""``flyball.data.sources.files.child FD``: reads Parquet, Arrow and Excel files for another process, until nobody asks any more.

Such files say themselves how much memory their reader should take, and an engine that believes them ends its whole process. So they
are read here, where nothing else is lost, with bounded memory and neither files nor network of its own: what it reads is sent to it
as an open descriptor. Asked by `binary`; a request is a line of JSON with a descriptor, an answer a row of messages.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

import polars as pl
from polars.exceptions import PanicException

FRAME, DONE, FAILED = b"F", b"D", b"E"
IDLE_SECONDS = 30.0
AHEAD_FRAMES = 2
"""How many frames may wait for the other process, which says when it has one."""
HEAD = struct.Struct("!cQ")
_CHUNK_ROWS, _CHUNK_CELLS = 200_000, 4_000_000


def main() -> None:
    """Answer requests on the socket whose descriptor is the argument; end when none comes for a while."""
    with socket.socket(fileno=int(sys.argv[1])) as asked:
        asked.settimeout(IDLE_SECONDS)
        while True:
            try:
                line, files, _, _ = socket.recv_fds(asked, 1 << 16, 1)
            except TimeoutError:
                return
            if not line:
                return
            asked.settimeout(None)
            _answer(asked, json.loads(line), descriptor=files[0])
            asked.settimeout(IDLE_SECONDS)


def _answer(asked: socket.socket, request: dict[str, Any], *, descriptor: int) -> None:
    try:
        with os.fdopen(descriptor, "rb") as file:
            waiting = 0
            for frame in _frames(request, file):
                _send(asked, frame)
                waiting += 1
                if waiting > AHEAD_FRAMES:
                    waiting -= len(asked.recv(waiting))
            while waiting:
                waiting -= len(asked.recv(waiting)) or waiting
    except BrokenPipeError:
        raise
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        text = str(error).strip() or type(error).__name__
        kind = "memory" if isinstance(error, MemoryError) else "panic" if isinstance(error, PanicException) else "format"
        why = json.dumps({"kind": kind, "why": text.splitlines()[0][:300].rstrip(".")}).encode()
        asked.sendall(HEAD.pack(FAILED, len(why)) + why)
        return
    asked.sendall(HEAD.pack(DONE, 0))


def _send(asked: socket.socket, frame: pl.DataFrame) -> None:
    """The frame as an Arrow file in memory, which the other process maps as it is: at this speed copies are what costs."""
    memory = os.memfd_create("frame", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with os.fdopen(memory, "wb") as file:
        frame.write_ipc(file, compat_level=pl.CompatLevel.newest())
        file.flush()
        socket.send_fds(asked, [HEAD.pack(FRAME, 0)], [file.fileno()])


def _frames(request: dict[str, Any], file: BinaryIO) -> Iterator[pl.DataFrame]:
    match request["format"]:
        case "parquet":
            yield from _scanned(pl.scan_parquet(file))
        case "arrow" if os.pread(file.fileno(), 6, 0) == b"ARROW1":
            yield from _scanned(pl.scan_ipc(file))
        case "arrow":
            yield from _sliced(pl.read_ipc_stream(file))
        case _:
            yield from _sliced(_excel(file, request.get("sheet")))


def _scanned(scan: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    schema = scan.collect_schema()
    any_frame = False
    for frame in scan.collect_batches(chunk_size=_rows(len(schema)), maintain_order=True):
        any_frame = True
        yield frame
    if not any_frame:
        yield pl.DataFrame(schema=schema)


def _sliced(frame: pl.DataFrame) -> Iterator[pl.DataFrame]:
    yield from frame.iter_slices(_rows(frame.width)) if frame.height else [frame]


def _rows(width: int) -> int:
    return max(1, min(_CHUNK_ROWS, _CHUNK_CELLS // max(1, width)))


def _excel(file: BinaryIO, sheet: str | None) -> pl.DataFrame:
    import fastexcel

    book = fastexcel.read_excel(file.read())
    if sheet is not None and sheet not in book.sheet_names:
        raise ValueError(f"it has no sheet {sheet!r}; it has {', '.join(book.sheet_names)}")
    # Types that are guessed from the first rows would make nulls of later cells.
    return book.load_sheet(sheet if sheet is not None else 0, dtypes="string").to_polars()


if __name__ == "__main__":
    main()
