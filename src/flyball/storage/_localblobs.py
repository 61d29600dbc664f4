"""Blobs as files of one directory: ``root/ab/cdef…`` by digest, written aside and renamed into place."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from flyball.core.canonical import digest_bytes
from flyball.core.duration import EPOCH, MICROSECOND, microseconds
from flyball.core.errors import UnavailableError
from flyball.core.ids import Digest
from flyball.storage.blobs import StoredBlob, checked_digest
from flyball.storage.errors import BlobCorruptError, BlobNotFoundError, BlobTooLargeError, os_errors

CHUNK_BYTES = 1 << 20


def file_digest(path: Path) -> Digest:
    """SHA-256 of the file's content, in bounded memory."""
    with path.open("rb") as file:
        return Digest(hashlib.file_digest(file, "sha256").hexdigest())


class LocalBlobs:
    """A `BlobStore` in the directory `root`, which is made when it is needed."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self._verified: set[Digest] = set()
        self._swept = False

    def _path(self, digest: Digest) -> Path:
        checked_digest(digest)
        return self.root / digest[:2] / digest[2:]

    def put(self, data: bytes) -> Digest:
        def write(file: BinaryIO) -> Digest:
            file.write(data)
            return digest

        digest = digest_bytes(data)
        return digest if self._renew(digest) else self._store(write)

    def put_file(self, path: Path) -> Digest:
        def copy(file: BinaryIO) -> Digest:
            # Hashed while it is copied: a file that changes meanwhile is stored under the digest of what was copied.
            with path.open("rb") as source:
                return copy_chunks(file_chunks(source), file)

        digest = file_digest(path)
        return digest if self._renew(digest) else self._store(copy)

    def put_chunks(self, chunks: Iterable[bytes], *, limit_bytes: int | None = None) -> Digest:
        # Their digest is known only when they are written; content that is there already is written over, by the same.
        source = _Source(chunks)
        try:
            return self._store(lambda file: copy_chunks(source.give(), file, limit_bytes=limit_bytes))
        except UnavailableError:
            if source.failure is None:
                raise
            raise source.failure from None  # no fault of this place, whatever error it is

    def _renew(self, digest: Digest) -> bool:
        """Whether the content is here and whole; it counts as put now."""
        with os_errors(self.root), self._in_turn(fcntl.LOCK_SH):
            try:
                os.utime(self._path(digest))
            except (FileNotFoundError, PermissionError):
                return False
            except OSError as error:
                if error.errno != errno.EROFS:  # where nothing can be written, nothing can be deleted either
                    raise
        return self._is_whole(digest)

    @contextmanager
    def _in_turn(self, mode: int) -> Iterator[None]:
        """Deletions of what is old wait for who puts, and the other way round."""
        self.root.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.root / "turn.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, mode)
            yield
        finally:
            os.close(descriptor)

    def _is_whole(self, digest: Digest) -> bool:
        if digest in self._verified and self.exists(digest):
            return True
        with suppress(BlobNotFoundError, BlobCorruptError):
            self._verify(digest)
            return True
        return False

    def _store(self, fill: Callable[[BinaryIO], Digest]) -> Digest:
        with os_errors(self.root):
            temporary, descriptor = self._aside()
            try:
                with os.fdopen(descriptor, "wb") as file:
                    digest = fill(file)
                    file.flush()
                    os.fchmod(file.fileno(), 0o444)
                    os.fsync(file.fileno())
                    os.utime(file.fileno())  # it may have taken hours to write
                    with self._in_turn(fcntl.LOCK_SH):
                        self._publish(temporary, self._path(digest))
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
        self._verified.add(digest)
        return digest

    def _aside(self) -> tuple[Path, int]:
        """A new file of ours beside the blobs, locked for as long as it is open."""
        aside = self.root / "aside"
        aside.mkdir(parents=True, exist_ok=True)
        if not self._swept:
            _sweep(aside)
            self._swept = True
        while True:
            descriptor, name = tempfile.mkstemp(dir=aside)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_nlink:
                return Path(name), descriptor
            os.close(descriptor)  # another process swept it away between its making and its locking

    def _publish(self, temporary: Path, path: Path) -> None:
        fresh = not path.parent.exists()
        path.parent.mkdir(exist_ok=True)
        temporary.replace(path)
        _sync_directory(path.parent)
        if fresh:
            _sync_directory(self.root)

    def get(self, digest: Digest) -> bytes:
        path = self._path(digest)
        with os_errors(path):
            try:
                data = path.read_bytes()
            except FileNotFoundError as error:
                raise BlobNotFoundError(digest, self.root) from error
        found = digest_bytes(data)
        if found != digest:
            raise BlobCorruptError(digest, path, found=found)
        return data

    def read(self, digest: Digest, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        path = self.open_path(digest)
        return self._read_whole(digest, path) if start <= 0 and end is None else self._read_part(path, start=max(start, 0), end=end)

    def _read_whole(self, digest: Digest, path: Path) -> Iterator[bytes]:
        hasher, last = hashlib.sha256(), b""
        for chunk in self._read_part(path):
            hasher.update(chunk)
            if last:
                yield last
            last = chunk
        if hasher.hexdigest() != digest:
            self._verified.discard(digest)
            raise BlobCorruptError(digest, path, found=hasher.hexdigest())
        if last:
            yield last

    def _read_part(self, path: Path, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        with os_errors(path):
            try:
                file = path.open("rb")
            except FileNotFoundError as error:
                raise BlobNotFoundError(path.parent.name + path.name, self.root) from error
        with file:
            file.seek(start)
            left = sys.maxsize if end is None else end - start
            while left > 0 and (chunk := file.read(min(left, CHUNK_BYTES))):
                left -= len(chunk)
                yield chunk

    def open_path(self, digest: Digest) -> Path:
        path = self._path(digest)
        if digest not in self._verified:
            self._verify(digest)
        elif not path.exists():
            raise BlobNotFoundError(digest, self.root)
        return path

    def _verify(self, digest: Digest) -> None:
        path = self._path(digest)
        with os_errors(path):
            try:
                found = file_digest(path)
            except FileNotFoundError as error:
                raise BlobNotFoundError(digest, self.root) from error
        if found != digest:
            raise BlobCorruptError(digest, path, found=found)
        self._verified.add(digest)

    def exists(self, digest: Digest) -> bool:
        return self._path(digest).exists()

    def list(self) -> Iterator[Digest]:
        for directory in sorted(self.root.glob("[0-9a-f][0-9a-f]")):
            for file in sorted(directory.iterdir()):
                yield Digest(directory.name + file.name)

    def list_stored(self) -> Iterator[StoredBlob]:
        for digest in self.list():
            with suppress(FileNotFoundError):
                found = self._path(digest).stat()
                yield StoredBlob(digest, found.st_size, EPOCH + found.st_mtime_ns // 1000 * MICROSECOND)

    def delete_unused(self, digest: Digest, *, before: datetime) -> bool:
        path = self._path(digest)
        with os_errors(path), self._in_turn(fcntl.LOCK_EX):
            try:
                if path.stat().st_mtime_ns // 1000 >= microseconds(before):  # whole numbers: floats are rounded
                    return False
                path.unlink()
            except FileNotFoundError:
                return False
        self._verified.discard(digest)
        return True

    def delete(self, digest: Digest) -> None:
        path = self._path(digest)
        with os_errors(path):
            path.unlink(missing_ok=True)
        self._verified.discard(digest)


class _Source:
    """Chunks that remember what ended them."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self.failure: Exception | None = None

    def give(self) -> Iterator[bytes]:
        try:
            yield from self._chunks
        except Exception as error:
            self.failure = error
            raise


def copy_chunks(chunks: Iterable[bytes], target: BinaryIO, *, limit_bytes: int | None = None) -> Digest:
    """Write the chunks one after the other; the digest of all of them.

    Raises:
        BlobTooLargeError: they are more than `limit_bytes`.
    """
    hasher, size = hashlib.sha256(), 0
    for chunk in chunks:
        size += len(chunk)
        if limit_bytes is not None and size > limit_bytes:
            raise BlobTooLargeError(limit_bytes)
        hasher.update(chunk)
        target.write(chunk)
    return Digest(hasher.hexdigest())


def file_chunks(source: BinaryIO) -> Iterator[bytes]:
    """What is left of the file, chunk by chunk."""
    while chunk := source.read(CHUNK_BYTES):
        yield chunk


def _sweep(aside: Path) -> None:
    """Remove what killed writers left; a living writer holds a lock on its file."""
    for file in aside.iterdir():
        with suppress(FileNotFoundError):
            descriptor = os.open(file, os.O_RDONLY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                file.unlink()
            except BlockingIOError:
                continue
            finally:
                os.close(descriptor)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
