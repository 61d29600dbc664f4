"""format∘parse is the identity on every length that can be written."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from flyball.core.duration import EPOCH, MICROSECOND, floor_time, format_duration, microseconds, parse_duration

_lengths = st.integers(0, 10**14).map(lambda number: timedelta(milliseconds=number))
_moments = st.integers(-(2**50), 2**50).map(lambda number: EPOCH + number * MICROSECOND)


@settings(max_examples=60)
@given(_lengths)
def test_what_is_written_is_read_back(length: timedelta) -> None:
    assert parse_duration(format_duration(length)) == length


@settings(max_examples=60)
@given(_moments, st.integers(1, 10**12).map(lambda number: number * MICROSECOND))
def test_floor_is_the_last_boundary_not_after(moment: datetime, every: timedelta) -> None:
    floor = floor_time(moment, every)
    assert floor <= moment < floor + every
    assert (floor - EPOCH) % every == timedelta()


@settings(max_examples=60)
@given(_moments)
def test_microseconds_lose_nothing(moment: datetime) -> None:
    assert EPOCH + microseconds(moment) * MICROSECOND == moment
