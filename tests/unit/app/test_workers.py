"""How many workers: a number or bounds, and no more than the machine has cores."""

from __future__ import annotations

import pytest

from flyball.app.settings import SettingError
from flyball.app.workers import Workers


@pytest.mark.parametrize("text", ["1", "4", "1-4", "2-2"])
def test_what_is_written_is_read(text: str) -> None:
    assert Workers.parse(str(Workers.parse(text))) == Workers.parse(text)


@pytest.mark.parametrize("text", ["", "0", "-1", "4-1", "0-2", "two", "1-", "1-2-3", "1.5", "99999", "\u0661"])
def test_what_can_never_be_is_refused_with_what_can(text: str) -> None:
    with pytest.raises(SettingError, match=r"--workers is .* must be a number from 1, or bounds like 1-4"):
        Workers.parse(text)


def test_there_are_never_more_than_cores_but_always_room_for_two() -> None:
    assert Workers.parse("4-8").within(4) == Workers(4, 4)
    assert Workers.parse("1-8").within(4) == Workers(1, 4)
    assert Workers.parse("2").within(1) == Workers(2, 2)
    assert Workers.parse("1").within(16) == Workers(1, 1)
