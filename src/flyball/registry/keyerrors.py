"""What is wrong with a key of the installation.

::

    IntegrityError ── KeyDamagedError
    ConflictError ── KeyExposedError
"""

from __future__ import annotations

from pathlib import Path

from flyball.core.errors import ConflictError, IntegrityError


class KeyDamagedError(IntegrityError):
    """A key file whose content is not what its name says."""

    code = "key-damaged"

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"The key file {path} is not the key that its name says. Put the file of a backup in its place; "
            f"without one, delete it: a new key is made, and versions signed with the old one are checked by its .public file."
        )


class KeyExposedError(ConflictError):
    """A private key that others may read."""

    code = "key-exposed"

    def __init__(self, path: Path) -> None:
        super().__init__(f"The private key {path} can be read by others, so nothing is signed with it. Run `chmod 600 {path}`.")
