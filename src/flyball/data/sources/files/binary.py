"""Parquet, Arrow and Excel files, read by a confined child: what ends the engine that reads them does not end us."""

from __future__ import annotations

import atexit
import fcntl
import json
import os
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator

import polars as pl

from flyball.data.errors import SourceEmptyError, SourceUnreadableError
from flyball.data.fileerrors import FileTooLargeError
from flyball.data.sources.files.columns import check_columns
from flyball.data.sources.files.digesting import ReadableFile
from flyball.storage.confined import command, environment
from flyball.storage.isolation import Confinement

MEMORY_BYTES = 8 << 30
"""What the reader of one file may take, beside the file itself."""
_FRAME, _DONE = b"F", b"D"
_HEAD_BYTES = 9
_PATIENCE_SECONDS = 900.0
_MESSAGE_BYTES = 1 << 16


class _Child:
    """A process that reads files for us, one at a time."""

    def __init__(self, memory_bytes: int) -> None:
        ours, theirs = socket.socketpair()
        threads = str(min(8, os.cpu_count() or 1))
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                command(Confinement(memory_bytes=memory_bytes), "flyball.data.sources.files.child", str(theirs.fileno())),
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                env={**environment(tempfile.gettempdir()), "POLARS_MAX_THREADS": threads}, pass_fds=(theirs.fileno(),),
            )  # fmt: skip
        ours.settimeout(_PATIENCE_SECONDS)
        self._socket = ours

    def ask(self, request: dict[str, str | None], file: ReadableFile) -> None:
        socket.send_fds(self._socket, [json.dumps(request).encode()], [file.fileno()])

    def answer(self) -> tuple[bytes, bytes, int | None]:
        """The next message: its kind, its body, and the descriptor of a frame, which the caller closes.

        Raises:
            EOFError: the child is gone.
        """
        try:
            head, files, _, _ = socket.recv_fds(self._socket, _HEAD_BYTES, 1)
            while 0 < len(head) < _HEAD_BYTES:
                head += self._socket.recv(_HEAD_BYTES - len(head))
            if not head:
                raise EOFError
            kind, size, body = head[:1], int.from_bytes(head[1:], "big"), b""
            while len(body) < min(size, _MESSAGE_BYTES):
                more = self._socket.recv(size - len(body))
                if not more:
                    raise EOFError
                body += more
            if files:
                self._socket.sendall(b".")
        except OSError as error:  # it is gone, or says nothing any more
            raise EOFError from error
        return kind, body, files[0] if files else None

    def end(self) -> None:
        """Kill it, if it still runs."""
        self._socket.close()
        self._process.kill()
        self._process.wait()


_IDLE: list[_Child] = []
_TURN = threading.Lock()


@atexit.register
def _end_idle() -> None:
    while _IDLE:
        _IDLE.pop().end()


os.register_at_fork(after_in_child=_IDLE.clear)


def binary_chunks(name: str, file: ReadableFile, *, kind: str, sheet: str | None = None) -> Iterator[pl.DataFrame]:
    """The file's rows in frames of bounded size, of the types that it says; cells of Excel are texts.

    Raises:
        SourceEmptyError: no bytes or no rows.
        SourceUnreadableError: it is truncated, or not what its name says.
        FileTooLargeError: its reader took more memory than it may.
        DatasetError: a column that a dataset cannot hold.
    """
    size = os.fstat(file.fileno()).st_size
    if size == 0:
        raise SourceEmptyError(name, "content")
    rows = 0
    for frame in _asked(name, file, request={"format": kind, "sheet": sheet}, size_bytes=size):
        check_columns(name, frame.columns)
        rows += frame.height
        yield frame
    if not rows:
        raise SourceEmptyError(name)


def _asked(name: str, file: ReadableFile, *, request: dict[str, str | None], size_bytes: int) -> Iterator[pl.DataFrame]:
    try:
        child, (kind, body, memory) = _begun(request, file, size_bytes=size_bytes)
        whole = False
        try:
            while kind == _FRAME and memory is not None:
                yield _mapped(memory)
                kind, body, memory = child.answer()
            whole = kind == _DONE or json.loads(body)["kind"] == "format"  # what else failed may be broken inside
        finally:
            _give_back(child, whole=whole and not _is_big(size_bytes))
    except EOFError:
        why = f"what reads {request['format']} files ended over it; it is damaged, or takes more than {MEMORY_BYTES >> 30} GB of memory"
        raise FileTooLargeError(name, why) from None
    if kind != _DONE:
        _refuse(name, json.loads(body), format_=str(request["format"]))


def _mapped(memory: int) -> pl.DataFrame:
    """The frame that the child wrote there; sealed before it is mapped, so that nobody can take it from under us."""
    with os.fdopen(memory, "rb") as file:
        fcntl.fcntl(file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE)
        file.seek(0)
        return pl.read_ipc(file)


def _begun(request: dict[str, str | None], file: ReadableFile, *, size_bytes: int) -> tuple[_Child, tuple[bytes, bytes, int | None]]:
    """A child that was asked, and its first message; one that waited idly may have ended meanwhile, and is replaced."""
    waiting = None if _is_big(size_bytes) else _take()
    if waiting is not None:
        try:
            waiting.ask(request, file)
            return waiting, waiting.answer()
        except (EOFError, OSError):
            waiting.end()
    child = _Child(MEMORY_BYTES + (size_bytes if _is_big(size_bytes) else 0))
    try:
        child.ask(request, file)
        return child, child.answer()
    except (EOFError, OSError):
        child.end()
        raise EOFError from None


def _is_big(size_bytes: int) -> bool:
    return size_bytes > MEMORY_BYTES // 8  # a file is mapped as a whole, which counts as memory


def _take() -> _Child | None:
    with _TURN:
        return _IDLE.pop() if _IDLE else None


def _give_back(child: _Child, *, whole: bool) -> None:
    with _TURN:
        if whole and not _IDLE:
            _IDLE.append(child)
            return
    child.end()


def _refuse(name: str, said: dict[str, object], *, format_: str) -> None:
    if said["kind"] == "memory":
        raise FileTooLargeError(name, f"it takes more than {MEMORY_BYTES >> 30} GB of memory to read; split it")
    raise SourceUnreadableError(name, f"it is truncated or no {format_.capitalize()} file ({said['why']})")
