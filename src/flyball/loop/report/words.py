"""How times, counts and figures are written on the page."""

from __future__ import annotations

from datetime import datetime

NONE = "\N{EN DASH}"
"""Stands where there is no figure."""
MINUS = "\N{MINUS SIGN}"


def day(time: datetime) -> str:
    """A date as in "1 Mar 2013"."""
    return f"{time.day} {time:%b %Y}"


def moment(time: datetime) -> str:
    """A date and a time of day in UTC as in "1 Mar 2013, 10:15"."""
    return f"{day(time)}, {time:%H:%M}"


def days(start: datetime, end: datetime) -> str:
    """A stretch from one date to another."""
    return f"{day(start)} \N{EN DASH} {day(end)}"


def figure(value: float | None, *, decimals: int = 4) -> str:
    """A figure, or a dash where there is none."""
    return NONE if value is None else f"{value:.{decimals}f}"


def difference(value: float) -> str:
    """A signed figure with a true minus sign."""
    return f"{'+' if value >= 0 else MINUS}{abs(value):.4f}"


def count(value: int | None) -> str:
    """A count with thousands separated, or a dash where it is not known."""
    return NONE if value is None else f"{value:,}"


def plural(number: int, noun: str) -> str:
    """A count with its noun, as in "1 retrain" or "7 retrains"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
