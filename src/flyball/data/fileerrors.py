"""What can be wrong with files that are read as a source, beside what `data.errors` knows of any source."""

from __future__ import annotations

from flyball.core.errors import InvalidError, UnavailableError


class FileFormatError(InvalidError):
    """A file whose name does not say what it is."""

    code = "file-format"

    def __init__(self, path: str, endings: str) -> None:
        super().__init__(f'Nothing says what {path} is. Name it with one of {endings}, or declare it: fb.files(..., format="csv").')
        self.path = path


class FileTooLargeError(InvalidError):
    """A file that unpacks to far more than it is, or that takes more memory than a reader may have."""

    code = "file-too-large"

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"The file {path} is not read: {why}.")
        self.path = path


class FilesUnreachableError(UnavailableError):
    """A bucket that does not answer, or not as it should; nothing of the pull was recorded."""

    code = "files-unreachable"

    def __init__(self, place: str, why: str) -> None:
        super().__init__(
            f"The files at {place} could not be reached: {why}. It was tried several times; nothing was recorded. Pull again later."
        )
        self.place = place


class FilesRefusedError(UnavailableError):
    """A bucket that does not let us in."""

    code = "files-refused"

    def __init__(self, place: str, why: str, *, prefix: str) -> None:
        super().__init__(
            f"The files at {place} may not be read with these credentials: {why}. "
            f"Look at {prefix}AWS_ACCESS_KEY_ID and {prefix}AWS_SECRET_ACCESS_KEY, and at what the bucket allows."
        )
        self.place = place
