"""What profiles refuse.

::

    InvalidError    └── KindsDifferError        sketches of different kinds of values cannot be merged
    IntegrityError  └── ProfileDamagedError     bytes that should be sketches are not
"""

from __future__ import annotations

from flyball.core.errors import IntegrityError, InvalidError


class KindsDifferError(InvalidError):
    """Sketches of different kinds of values cannot be merged."""

    code = "profile-kinds"

    def __init__(self, column: str, one: str, *, other: str) -> None:
        super().__init__(
            f"The profiles of the column {column!r} are of {one} and of {other}, and have no common one. "
            "Compare the versions instead, or profile those since the type changed."
        )
        self.column = column


class ProfileDamagedError(IntegrityError):
    """Bytes that should be sketches are not."""

    code = "profile-damaged"

    def __init__(self, why: str) -> None:
        super().__init__(
            f"These bytes are no profile that this version of Flyball can read: {why}. `flyball verify` tells what is damaged."
        )
