"""A project's source as one value: what another process needs to run the code of a version as it was when the version was made.

Only what Python imports goes in, and the small files that declare the environment; never data, never hidden directories, never a
virtual environment. This module does not know what a project is: a snapshot is of a directory.
"""

from __future__ import annotations

import io
import os
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from flyball.provenance.errors import SnapshotCorruptError, SnapshotReadError, SnapshotTooLargeError

MAX_BYTES = 16 << 20
MAX_FILES = 2_000

_DECLARING = ("pyproject.toml", "setup.cfg", "setup.py", "environment.yml", "requirements*.txt", "requirements*.lock")
_SKIPPED = frozenset(("__pycache__", "node_modules", "venv", "build", "dist", "site-packages"))
# What the library raises for bytes that are no archive, or a damaged one.
_BAD_ZIP = (zipfile.BadZipFile, zlib.error, ValueError, NotImplementedError, RuntimeError, EOFError, OSError, OverflowError)
_FIRST_DATE = (1980, 1, 1, 0, 0, 0)  # of the format


def pack(root: Path) -> bytes:
    """The source below `root` as a zip archive; equal trees give equal bytes, wherever and whenever.

    Links to directories are not followed: they may lead in circles.

    Raises:
        SnapshotTooLargeError: the source is larger than `MAX_BYTES` or has more than `MAX_FILES` files.
        SnapshotReadError: a file cannot be read.
    """
    target = io.BytesIO()
    total = number = 0
    # Stored, not deflated: what zlib makes of the same bytes differs between its versions.
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, file in sorted(_sources(root)):
            content = _content(file)
            total, number = total + len(content), number + 1
            if total > MAX_BYTES or number > MAX_FILES:
                raise SnapshotTooLargeError(root, max_bytes=MAX_BYTES, max_files=MAX_FILES)
            entry = zipfile.ZipInfo(name, _FIRST_DATE)
            entry.create_system = 3
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, content)
    return target.getvalue()


def unpack(data: bytes, directory: Path) -> None:
    """`directory` holds exactly what was packed: it appears whole or not at all, and is replaced where its files differ.

    Any number of processes may unpack the same snapshot to the same place at once. What Python keeps beside the files
    (`__pycache__`) does not count as a difference.

    Raises:
        SnapshotCorruptError: the data is no snapshot, is damaged, or names a place outside the directory.
        OSError: the directory cannot be written.
    """
    files = _files(data)
    if _holds(directory, files):
        return
    directory.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=directory.parent, prefix=f".{directory.name}."))
    try:
        whole = scratch / "new"
        whole.mkdir()
        for name, content in files.items():
            place = whole / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        _put(whole, directory, old=scratch / "old", files=files)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _put(whole: Path, directory: Path, *, old: Path, files: dict[str, bytes]) -> None:
    for _ in range(3):
        try:
            whole.rename(directory)
        except OSError:
            if _holds(directory, files):  # another process was faster
                return
            if not directory.exists():
                raise
            directory.rename(old)
        else:
            return
    raise SnapshotCorruptError(f"{directory} is being changed by others")


def _sources(root: Path) -> Iterator[tuple[str, Path]]:
    for pattern in _DECLARING:
        yield from ((file.name, file) for file in root.glob(pattern) if file.is_file() and file.suffix != ".py")
    for folder, folders, names in os.walk(root):
        here = Path(folder)
        folders[:] = [name for name in folders if not _is_skipped(here / name)]
        for name in names:
            file = here / name
            if name.endswith(".py") and not name.startswith(".") and file.is_file():
                relative = file.relative_to(root).as_posix()
                if relative.isprintable() and "\\" not in relative:  # Python cannot import others by name
                    yield relative, file


def _is_skipped(folder: Path) -> bool:
    return folder.name.startswith(".") or folder.name in _SKIPPED or folder.is_symlink() or (folder / "pyvenv.cfg").exists()


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as source:
            return source.read(MAX_BYTES + 1)
    except OSError as error:
        raise SnapshotReadError(file, error.strerror or str(error)) from error


def _files(data: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {entry.filename: archive.read(entry) for entry in _checked(archive)}
    except SnapshotCorruptError:
        raise
    except _BAD_ZIP as error:
        raise SnapshotCorruptError(str(error)) from error


def _checked(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    entries = archive.infolist()
    names = [entry.filename for entry in entries]
    if len(names) > MAX_FILES or sum(entry.file_size for entry in entries) > MAX_BYTES:
        raise SnapshotCorruptError("it is larger than a snapshot may be")
    if len(set(names)) < len(names) or not all(map(_is_inside, names)):
        raise SnapshotCorruptError("its names are not those of files inside one directory")
    return entries


def _is_inside(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return (
        bool(parts) and PurePosixPath(name).as_posix() == name and not name.startswith("/") and ".." not in parts
        and "\\" not in name and "\0" not in name
    )  # fmt: skip


def _holds(directory: Path, files: dict[str, bytes]) -> bool:
    if not directory.is_dir() or directory.is_symlink():
        return False
    found = {
        file.relative_to(directory).as_posix(): file
        for file in directory.rglob("*")
        if "__pycache__" not in file.parts and (file.is_symlink() or not file.is_dir())
    }
    if found.keys() != files.keys():
        return False
    return all(file.is_file() and not file.is_symlink() and file.read_bytes() == files[name] for name, file in found.items())
