"""How times, counts and figures are written in the console. Times are UTC, and say so where they stand alone."""

from __future__ import annotations

from datetime import datetime, timedelta

NONE = "\N{EN DASH}"
"""Stands where there is no figure."""


def day(time: datetime) -> str:
    """A date.

    >>> day(datetime(2013, 3, 1))
    '1 Mar 2013'
    """
    return f"{time.day} {time:%b %Y}"


def moment(time: datetime) -> str:
    """A date and a time of day.

    >>> moment(datetime(2013, 3, 1, 10, 15))
    '1 Mar 2013, 10:15'
    """
    return f"{day(time)}, {time:%H:%M}"


def days(start: datetime, end: datetime) -> str:
    """A stretch of time, with what both ends share said once.

    >>> days(datetime(2013, 11, 7), datetime(2013, 11, 14)).encode("ascii", "replace")
    b'7 ? 14 Nov 2013'
    """
    dash = "\N{EN DASH}"
    if start.date() == end.date():
        return f"{moment(start)} {dash} {end:%H:%M}"
    if start.time() != end.time():
        return f"{moment(start)} {dash} {moment(end)}"
    if (start.year, start.month) == (end.year, end.month):
        return f"{start.day} {dash} {day(end)}"
    return f"{start.day} {start:%b} {dash} {day(end)}" if start.year == end.year else f"{day(start)} {dash} {day(end)}"


def figure(value: float | None, decimals: int = 4) -> str:
    """A figure with a true minus sign, or a dash where there is none.

    >>> figure(0.01234), figure(-0.01234)[1:]
    ('0.0123', '0.0123')
    """
    return NONE if value is None else f"{value:.{decimals}f}".replace("-", "\N{MINUS SIGN}")


def count(value: int | None) -> str:
    """A count with thousands separated, or a dash where it is not known."""
    return NONE if value is None else f"{value:,}"


def share(value: float | None) -> str:
    """A fraction as a percentage, as exact as it needs to be.

    >>> share(0.05), share(0.004), share(1.0), share(0.9967), share(0.0), share(0.00001), share(0.99996)
    ('5%', '0.4%', '100%', '99.7%', '0%', '<0.1%', '>99.9%')
    """
    if value is None:
        return NONE
    percent = value * 100
    if percent in {0.0, 100.0}:
        return f"{percent:.0f}%"
    if percent < 0.05:
        return "<0.1%"
    if 99.95 < percent < 100:
        return ">99.9%"
    return f"{percent:.1f}".removesuffix(".0") + "%"


def size(value: float | None) -> str:
    """Bytes in decimal units, as drives are sold and `ls` says them with ``--si``.

    >>> size(143_200_000), size(1_240_000_000), size(900)
    ('143 MB', '1.24 GB', '900 B')
    """
    if value is None:
        return NONE
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= factor:
            scaled = value / factor
            return f"{scaled:.2f} {unit}" if scaled < 10 and factor >= 1e9 else f"{scaled:.0f} {unit}"
    return f"{value:.0f} B"


def milliseconds(value: float | None) -> str:
    """A latency.

    >>> milliseconds(3.21), milliseconds(0.42), milliseconds(48.7), milliseconds(1530)
    ('3.2 ms', '0.42 ms', '49 ms', '1.53 s')
    """
    if value is None:
        return NONE
    if value >= 1000:
        return f"{value / 1000:.2f} s"
    return f"{value:.2f} ms" if value < 1 else f"{value:.1f} ms" if value < 10 else f"{value:.0f} ms"


def length(duration: timedelta) -> str:
    """A duration in its two largest units.

    >>> length(timedelta(days=2, hours=3, minutes=9)), length(timedelta(minutes=61)), length(timedelta(seconds=5))
    ('2 d 3 h', '1 h 1 min', '5 s')
    """
    seconds = max(int(duration.total_seconds()), 0)
    units = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
    parts = []
    for unit, factor in units:
        number, seconds = divmod(seconds, factor)
        if number:
            parts.append(f"{number} {unit}")
        elif parts:
            break
    return " ".join(parts[:2]) or "0 s"


def speed(value: float) -> str:
    """How many times faster than a wall clock.

    >>> speed(30000)[:-1], speed(1.5)[:-1]
    ('30,000', '1.5')
    """
    return f"{value:,.10g}\N{MULTIPLICATION SIGN}"


def plural(number: int, noun: str) -> str:
    """A count with its noun.

    >>> plural(1, "row"), plural(1200, "row")
    ('1 row', '1,200 rows')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
