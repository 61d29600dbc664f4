"""Where tables' files lie: what a table store needs of a disk or a bucket, and the disk."""

from __future__ import annotations

import builtins
import errno
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import polars as pl

from flyball.core.errors import UnavailableError
from flyball.core.ids import RandomIds
from flyball.storage._filelock import FileLock
from flyball.storage.errors import from_os, os_errors

_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})  # what mounts without hard links say


@dataclass(frozen=True, slots=True)
class Stored:
    """A file in a folder, by its name there."""

    name: str
    size_bytes: int
    modified: datetime


class Folder(Protocol):
    """Files by names like ``table/part.parquet``; what a call has returned survives a power cut, and nobody sees half a file.

    `alone` says whether the block under `locked` is nobody else's in the world. Every method raises UnavailableError where the place
    cannot be reached or written.
    """

    alone: bool

    @property
    def place(self) -> str:
        """What people call it."""
        ...

    @property
    def options(self) -> Mapping[str, str] | None:
        """What Polars and deltalake need beside an address to reach it."""
        ...

    def address(self, name: str) -> str:
        """The file as Polars and deltalake call it."""
        ...

    def create(self, name: str, data: bytes) -> bool:
        """Whether the file is ours: False where there was one, which is as it was."""
        ...

    def replace(self, name: str, data: bytes) -> None:
        """The file has this content, whether it was there or not."""
        ...

    def write_rows(self, name: str, rows: pl.DataFrame) -> int:
        """The rows as a new Parquet file; its size in bytes."""
        ...

    def read(self, name: str) -> bytes | None:
        """The file's content, or None."""
        ...

    def exists(self, name: str) -> bool:
        """Whether there is such a file."""
        ...

    def list(self, folder: str) -> builtins.list[Stored]:
        """The files that lie directly in the folder, by name; none where there is no folder."""
        ...

    def list_folders(self) -> builtins.list[str]:
        """The folders that lie directly in the place, but hidden ones, by name."""
        ...

    def delete(self, names: Iterable[str]) -> None:
        """None of them is there any more; idempotent."""
        ...

    def drop(self, folder: str) -> None:
        """The folder and all in it are gone, what makes it a table last; idempotent."""
        ...

    def locked(self, name: str) -> AbstractContextManager[None]:
        """A block in which nobody else on this machine has the lock `name`."""
        ...

    def failure(self, error: Exception) -> UnavailableError:
        """What `error` of a library that reads or writes here means."""
        ...


class LocalFolder:
    """A directory, made when it is needed."""

    alone = True
    options: Mapping[str, str] | None = None

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self._ids = RandomIds()

    @property
    def place(self) -> str:
        return str(self.root)

    def address(self, name: str) -> str:
        return str(self.root / name)

    def create(self, name: str, data: bytes) -> bool:
        aside = self._write_aside(name, data)
        with os_errors(self.root):
            try:
                os.link(aside, self.root / name)
            except FileExistsError:
                return False
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
                if (self.root / name).exists():  # all of ours hold the table's lock
                    return False
                aside.replace(self.root / name)
            finally:
                aside.unlink(missing_ok=True)
            self._sync((self.root / name).parent)
        return True

    def replace(self, name: str, data: bytes) -> None:
        aside = self._write_aside(name, data)
        with os_errors(self.root):
            aside.replace(self.root / name)
            self._sync((self.root / name).parent)

    def _write_aside(self, name: str, data: bytes) -> Path:
        path = self.root / name
        aside = path.with_name(f".{self._ids.create('aside')}")  # readers of Delta pass over what is hidden
        with os_errors(self.root):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                aside.write_bytes(data)
                self._sync(aside)
            except BaseException:
                with suppress(OSError):
                    aside.unlink()
                raise
        return aside

    def write_rows(self, name: str, rows: pl.DataFrame) -> int:
        path = self.root / name
        with os_errors(self.root):
            new = not path.parent.is_dir()
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                rows.write_parquet(path)
                self._sync(path)
                self._sync(path.parent)
                if new:
                    self._sync(self.root)
            except BaseException as error:
                with suppress(OSError):
                    path.unlink()
                if isinstance(error, pl.exceptions.PolarsError):
                    raise self.failure(error) from error
                raise
            return path.stat().st_size

    def read(self, name: str) -> bytes | None:
        with os_errors(self.root):
            try:
                return (self.root / name).read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                return None

    def exists(self, name: str) -> bool:
        with os_errors(self.root):
            return (self.root / name).exists()

    def list(self, folder: str) -> builtins.list[Stored]:
        found = []
        with os_errors(self.root), suppress(FileNotFoundError, NotADirectoryError), os.scandir(self.root / folder) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    if entry.is_file(follow_symlinks=False):
                        facts = entry.stat(follow_symlinks=False)
                        found.append(Stored(entry.name, facts.st_size, datetime.fromtimestamp(facts.st_mtime, UTC)))
        return sorted(found, key=lambda file: file.name)

    def list_folders(self) -> builtins.list[str]:
        with os_errors(self.root):
            return sorted(path.name for path in self.root.glob("[!.]*") if path.is_dir())

    def delete(self, names: Iterable[str]) -> None:
        folders = set()
        with os_errors(self.root):
            for name in names:
                (self.root / name).unlink(missing_ok=True)
                folders.add((self.root / name).parent)
            for folder in folders:
                with suppress(FileNotFoundError):
                    self._sync(folder)

    def drop(self, folder: str) -> None:
        path = self.root / folder
        with os_errors(self.root):
            if path.is_dir():
                for file in path.iterdir():
                    if file.is_file():
                        file.unlink()
                shutil.rmtree(path)

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        locks = self.root / ".locks"
        with os_errors(self.root):
            locks.mkdir(parents=True, exist_ok=True)
            lock = FileLock(locks / name)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def failure(self, error: Exception) -> UnavailableError:
        return from_os(error, self.root)

    @staticmethod
    def _sync(path: Path) -> None:
        # The SQL row that follows must not outlive the rows in a power cut.
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
