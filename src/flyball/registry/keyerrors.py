"""What is wrong with a key of the installation, or with what it signed.

::

    IntegrityError ── KeyDamagedError, VersionTamperedError
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


class VersionTamperedError(IntegrityError):
    """A version that is not what was signed when it was made."""

    code = "version-tampered"

    def __init__(self, model: str, number: int, *, state: str) -> None:
        why = {
            "foreign": "it was signed by a key that this installation does not know",
            "broken": "it is not what was signed when it was made",
        }.get(state, "its signature cannot be checked")
        super().__init__(
            f"Version {number} of model '{model}' is neither loaded nor given away: {why}. "
            f"`flyball verify models:/{model}/{number}` says what is wrong with it."
        )
        self.model, self.number = model, number
