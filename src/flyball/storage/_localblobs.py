"""Blobs as files of one directory: ``root/ab/cdef…`` by digest, written aside and renamed into place."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from flyball.core.canonical import digest_bytes
from flyball.core.ids import Digest
from flyball.storage.blobs import checked_digest
from flyball.storage.errors import BlobCorruptError, BlobNotFoundError, os_errors

_CHUNK_BYTES = 1 << 20


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
        return digest if self._is_whole(digest) else self._store(write)

    def put_file(self, path: Path) -> Digest:
        def copy(file: BinaryIO) -> Digest:
            # Hashed while it is copied: a file that changes meanwhile is stored under the digest of what was copied.
            with path.open("rb") as source:
                return _copy(source, file)

        digest = file_digest(path)
        return digest if self._is_whole(digest) else self._store(copy)

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

    def delete(self, digest: Digest) -> None:
        path = self._path(digest)
        with os_errors(path):
            path.unlink(missing_ok=True)
        self._verified.discard(digest)


def _copy(source: BinaryIO, target: BinaryIO) -> Digest:
    hasher = hashlib.sha256()
    while chunk := source.read(_CHUNK_BYTES):
        hasher.update(chunk)
        target.write(chunk)
    return Digest(hasher.hexdigest())


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
