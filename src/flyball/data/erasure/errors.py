"""What can be wrong with an erasure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from flyball.core.errors import ConflictError, IntegrityError, InvalidError


class ErasureKeysError(InvalidError):
    """No keys, or what is given is no key of the dataset."""

    code = "erasure-keys"

    def __init__(self, dataset: str, why: str, *, key: Sequence[str] = ()) -> None:
        columns = ", ".join(key)
        how = (
            f" Its key is ({columns}): give --key VALUE for each column, or --keys FILE, a CSV file with these columns." if columns else ""
        )
        super().__init__(f"Rows of dataset {dataset!r} cannot be erased: {why}.{how}")


class ErasureKeyUnknownError(ConflictError):
    """Nobody says which columns identify the dataset's rows."""

    code = "erasure-key-unknown"

    def __init__(self, dataset: str) -> None:
        super().__init__(
            f"Nothing says which columns identify rows of {dataset!r}: its versions are of an older Flyball. Name the project that "
            "declares it with --project FILE.py."
        )


class ErasurePendingError(ConflictError):
    """Rows wait in the journal, and nothing says what they are."""

    code = "erasure-pending"

    def __init__(self, dataset: str, pushes: int) -> None:
        super().__init__(
            f"{pushes} pushes to {dataset!r} wait in the journal, and only the project that declares it says what rows they are. "
            "Name it with --project FILE.py and run the command again."
        )


class ErasureSecretError(IntegrityError):
    """The secret under which erased keys are remembered is not what it was."""

    code = "erasure-secret"

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} does not hold 32 bytes. Restore it from a backup: without it nobody knows which keys were erased.")
