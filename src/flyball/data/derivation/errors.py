"""What can be wrong with a derived dataset, or with what it is derived from.

::

    InvalidError ── DerivationError, DerivationCycleError, DerivedRowsError, DerivedKeyError
    ConflictError ── InputHeldError, InputMissingError
"""

from __future__ import annotations

from collections.abc import Sequence

from flyball.core.errors import ConflictError, InvalidError


class DerivationError(InvalidError):
    """A derivation that cannot be run, or that failed; nothing was recorded."""

    code = "derivation"

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"The derived dataset {name!r} cannot be built: {why}. Nothing was recorded; correct its code and ingest again.")
        self.name, self.why = name, why


class DerivationCycleError(InvalidError):
    """A dataset that would be derived from itself."""

    code = "derivation-cycle"

    def __init__(self, name: str, path: Sequence[str]) -> None:
        super().__init__(f"The dataset {name!r} would be derived from itself, by way of {' <- '.join(path)}. Give it another name.")
        self.name = name


class DerivedRowsError(InvalidError):
    """A derivation that gives something else than the rows that are declared."""

    code = "derived-rows"

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"The rows of the derived dataset {name!r} cannot be used: {why}.")
        self.name = name


class DerivedKeyError(InvalidError):
    """A key that several derived rows share at one time."""

    code = "derived-key"

    def __init__(self, name: str, key: Sequence[str], *, example: object, rows: int) -> None:
        super().__init__(
            f"The key ({', '.join(key)}) does not identify the rows of the derived dataset {name!r}: {rows:,} rows share {example!r}. "
            "Declare a key that does, or aggregate."
        )
        self.name = name


class InputMissingError(ConflictError):
    """A derived dataset whose input was never ingested."""

    code = "derivation-input-missing"

    def __init__(self, name: str, source: str) -> None:
        super().__init__(f"{source} needs the dataset {name!r}, which was never ingested. Ingest that first: flyball ingest {name}")
        self.name = name


class InputHeldError(ConflictError):
    """A derived dataset whose input waits for a person."""

    code = "derivation-input-held"

    def __init__(self, name: str, number: int, *, source: str) -> None:
        super().__init__(
            f"{source} is not built while version {number} of its input {name!r} is held. Look at it with `flyball held {name}@{number}`, "
            f"then mend it, or take it with `flyball release {name}@{number}`."
        )
        self.name, self.number = name, number
