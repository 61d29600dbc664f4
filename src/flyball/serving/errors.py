"""What serving refuses.

::

    InvalidError
    └── ColumnTypeError         values of a type that neither journal nor tables can hold
"""

from __future__ import annotations

from collections.abc import Iterable

from flyball.core.errors import InvalidError


class ColumnTypeError(InvalidError):
    """Values of a type that cannot be kept."""

    code = "column-type"

    def __init__(self, found: str, *, known: Iterable[str]) -> None:
        super().__init__(f"Columns of type {found} cannot be kept in the prediction log. Cast them to one of: {', '.join(known)}.")
