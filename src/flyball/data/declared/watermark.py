"""What lets a source be read on from where the last pull ended: a column that grows, and how far below its height is read again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from flyball.core.duration import parse_duration
from flyball.data.errors import DatasetError


@dataclass(frozen=True)
class Watermark:
    """Each pull reads the rows from `overlap` below the highest value of `column` that a pull saw, and those where it is null.

    `overlap` is a time for times and dates, a number for numbers; None is an hour, a day and 1,000. A row that is committed later
    than so, below what was seen, is never read: rows read twice cost little, so be generous.
    """

    column: str
    overlap: timedelta | float | None = None


def watermark_of(what: str, column: str | None, *, overlap: str | timedelta | float | None) -> Watermark | None:
    """The watermark that a declaration `what` names; None where it names none.

    Raises:
        DatasetError: the column has no name, or the overlap is negative or has nothing to overlap.
        DurationError: the overlap is a text that is no duration.
    """
    if column is None:
        if overlap is not None:
            raise DatasetError(what, "an overlap says how far below the watermark rows are read again; name the watermark's column")
        return None
    if not str(column).strip() or "\0" in str(column):
        raise DatasetError(what, f"{column!r} is no column that could be its watermark")
    length = parse_duration(overlap) if isinstance(overlap, str) else overlap
    if not _is_length(length):
        raise DatasetError(what, f"its overlap {overlap!r} is neither a duration such as '1h' nor a number from 0 on")
    return Watermark(column, length)


def _is_length(value: timedelta | float | None) -> bool:
    if isinstance(value, timedelta):
        return value >= timedelta()
    return value is None or (not isinstance(value, bool) and value >= 0)
