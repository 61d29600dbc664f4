"""The owner's token: made at a home's first start, kept in one file that its user alone may read, compared in constant time."""

from __future__ import annotations

import base64
import hmac
import os
import re
import stat
import tempfile
from pathlib import Path
from typing import Self

from flyball.governance.errors import TokenDamagedError, TokenModeError
from flyball.storage.errors import os_errors

FILE = "token"
_BYTES = 32
_FORM = re.compile(r"[A-Za-z0-9_-]{32,128}")


def create_secret() -> str:
    """256 bits from the operating system as 43 characters that are safe in URLs and headers."""
    return base64.urlsafe_b64encode(os.urandom(_BYTES)).decode().rstrip("=")


class OwnerToken:
    """The secret that proves the owner. It never shows itself: only `value` gives it away. Immutable and thread-safe."""

    __slots__ = ("_secret",)

    def __init__(self, value: str) -> None:
        self._secret = value.encode()

    def __repr__(self) -> str:
        return "OwnerToken(…)"

    @property
    def value(self) -> str:
        """The text that a client sends."""
        return self._secret.decode()

    def matches(self, presented: str) -> bool:
        """Whether `presented` is the token, in a time that does not depend on where it differs."""
        return hmac.compare_digest(self._secret, presented.encode("utf-8", "surrogatepass"))

    @classmethod
    def open(cls, home: Path) -> Self:
        """The token of the home, made when it has none; two that make it at once get the same.

        Raises:
            TokenModeError: others may read the file.
            TokenDamagedError: the file holds no token.
            UnavailableError: the place cannot be written or read.
        """
        found = cls.find(home)
        if found is None:
            with os_errors(home / FILE):
                _create(home / FILE)
            found = cls.find(home)
        if found is None:
            raise TokenDamagedError(home / FILE)
        return found

    @classmethod
    def find(cls, home: Path) -> Self | None:
        """The token of the home, or None where none was made yet.

        Raises:
            TokenModeError: others may read the file, or it is another user's.
            TokenDamagedError: the file holds no token.
            UnavailableError: it cannot be read.
        """
        path = home / FILE
        with os_errors(path):
            try:
                # A link could point to a file that somebody else chose.
                descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            except FileNotFoundError:
                return None
            with os.fdopen(descriptor, "rb") as file:
                facts = os.fstat(file.fileno())
                mode = stat.S_IMODE(facts.st_mode)
                if mode & 0o077 or facts.st_uid not in {os.geteuid(), 0}:
                    raise TokenModeError(path, mode)
                text = file.read(1024).decode("ascii", "replace").strip()
        if not _FORM.fullmatch(text):
            raise TokenDamagedError(path)
        return cls(text)


def _create(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".token.")  # mode 0600 from the start
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(create_secret() + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(name, path)  # unlike a rename it never replaces the token of another that was quicker
        except FileExistsError:
            return
    finally:
        Path(name).unlink(missing_ok=True)
