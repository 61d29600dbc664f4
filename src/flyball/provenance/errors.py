"""What cannot be fingerprinted is refused: a digest that misses something would call different code the same."""

from __future__ import annotations

from pathlib import Path

from flyball.core.errors import IntegrityError, InvalidError, NotFoundError, UnavailableError


class OpaqueValueError(InvalidError):
    """A value that code refers to has no stable form."""

    code = "opaque-value"

    def __init__(self, where: str, kind: str) -> None:
        super().__init__(
            f"{where} refers to a value of type {kind}, which has no form that is the same in every process. "
            "Make it inside the function, or put it in a module-level function that returns it."
        )
        self.where, self.kind = where, kind


class ModuleSourceError(NotFoundError):
    """A module whose source cannot be read."""

    code = "module-source"

    def __init__(self, module: str) -> None:
        super().__init__(
            f"The source of the module {module!r} cannot be found, so its code has no fingerprint. Is it installed as a .py file?"
        )
        self.module = module


class SnapshotTooLargeError(InvalidError):
    """A directory that holds more source than a project has."""

    code = "snapshot-too-large"

    def __init__(self, root: Path, *, max_bytes: int, max_files: int) -> None:
        super().__init__(
            f"The source below {root} has more than {max_files:,} files or {max_bytes >> 20} MiB of Python. "
            "Put the project file into a directory of its own, with only the modules that it imports."
        )
        self.root = root


class SnapshotReadError(UnavailableError):
    """A source file that cannot be read."""

    code = "snapshot-read"

    def __init__(self, file: Path, reason: str) -> None:
        super().__init__(
            f"The source file {file} cannot be read: {reason}. Check its permissions, or move it out of the project's directory."
        )
        self.file = file


class SnapshotCorruptError(IntegrityError):
    """Bytes that are no snapshot."""

    code = "snapshot-corrupt"

    def __init__(self, reason: str) -> None:
        super().__init__(f"The snapshot of the project's source is damaged: {reason}. Release the version again, or another one.")
        self.reason = reason
