"""What the kernels refuse: arrays that cannot be what they are said to be.

::

    InvalidError
    ├── ShapeError            a column of the wrong length, dimension or type
    ├── NotFiniteError        NaN or infinity where a number is needed
    ├── RangeError            a number where the quantity cannot lie
    ├── TooFewWindowsError    no spread between so few reference windows
    └── IntegerRangeError     an exact integer result that int64 cannot hold
"""

from __future__ import annotations

from flyball.core.errors import InvalidError


class ShapeError(InvalidError):
    """A column is not what its place needs."""

    code = "shape"

    def __init__(self, column: str, need: str) -> None:
        super().__init__(f"The column {column!r} does not fit: {need}.")
        self.column = column


class NotFiniteError(InvalidError):
    """NaN or infinity where a number is needed."""

    code = "not-finite"

    def __init__(self, column: str, count: int, *, first: int) -> None:
        super().__init__(
            f"The column {column!r} has {count} value{'s that are' if count > 1 else ' that is'} not finite, the first at row {first}. "
            "Leave out or fill those rows first."
        )
        self.column, self.count, self.first = column, count, first


class IntegerRangeError(InvalidError):
    """An exact integer result does not fit in 64 bits."""

    code = "integer-range"

    def __init__(self, what: str) -> None:
        super().__init__(f"The {what} leaves the range of 64-bit integers. Convert the column to floating point first.")


class RangeError(InvalidError):
    """A number where the quantity cannot lie."""

    code = "range"

    def __init__(self, name: str, value: float, *, need: str) -> None:
        super().__init__(f"{name} must be {need}, not {value:g}.")
        self.name, self.value = name, value


class TooFewWindowsError(InvalidError):
    """A spread between reference windows needs more windows than there are."""

    code = "too-few-windows"

    def __init__(self, found: int, needed: int) -> None:
        super().__init__(
            f"The reference has {found} window{'' if found == 1 else 's'}, and the spread between windows needs at least {needed}. "
            "Use a longer reference or shorter windows."
        )
        self.found, self.needed = found, needed
