"""Durations are written "10m", "3h", "90d" everywhere: in declarations, on the command line and in reports."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from flyball.core.errors import DurationError

_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_PART = re.compile(r"(\d+)(ms|s|m|h|d|w)")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def parse_duration(text: str) -> timedelta:
    """The length that `text` names: whole numbers with units ms, s, m, h, d, w, largest first, as in "1d12h".

    >>> parse_duration("1d12h")
    datetime.timedelta(days=1, seconds=43200)

    Raises:
        DurationError: `text` is not such a length, or is too long to be a timedelta.
    """
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise DurationError(text)
    try:
        return sum((int(number) * _UNITS[unit] for number, unit in parts), timedelta())
    except OverflowError as error:
        raise DurationError(text) from error


def format_duration(length: timedelta) -> str:
    """The shortest text that `parse_duration` reads back as `length` (whole milliseconds, not negative).

    >>> format_duration(timedelta(hours=36))
    '1d12h'
    """
    rest, parts = length, []
    for unit in ("d", "h", "m", "s", "ms"):
        count, rest = divmod(rest, _UNITS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def floor_time(moment: datetime, every: timedelta) -> datetime:
    """The last UTC-aligned multiple of `every` since 1970 that is not after `moment`."""
    return moment - (moment - EPOCH) % every


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970 UTC, exactly."""
    return (moment - EPOCH) // MICROSECOND
