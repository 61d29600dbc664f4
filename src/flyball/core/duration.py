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
# Largest first, each unit once; 18 digits are more than any length has, and keep a hostile text from costing time.
_TEXT = re.compile("".join(rf"(?:(?P<{unit}>[0-9]{{1,18}}){unit})?" for unit in ("w", "d", "h", "m", "s", "ms")))
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def parse_duration(text: str) -> timedelta:
    """The length that `text` names: whole numbers with units ms, s, m, h, d, w, largest first, as in "1d12h".

    >>> parse_duration("1d12h")
    datetime.timedelta(days=1, seconds=43200)

    Raises:
        DurationError: `text` is not such a length, or is too long to be a timedelta.
    """
    found = _TEXT.fullmatch(text)
    if not text or found is None:
        raise DurationError(text)
    try:
        return sum((int(number) * _UNITS[unit] for unit, number in found.groupdict(default="0").items()), timedelta())
    except OverflowError as error:
        raise DurationError(text) from error


def format_duration(length: timedelta) -> str:
    """The text that `parse_duration` reads back as `length`, without weeks.

    >>> format_duration(timedelta(hours=36))
    '1d12h'

    Raises:
        DurationError: `length` is negative or has a part of a millisecond.
    """
    if length < timedelta() or length % _UNITS["ms"]:
        raise DurationError(str(length))
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
