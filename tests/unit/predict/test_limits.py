"""How much is inside, of one caller and in all."""

from __future__ import annotations

import asyncio

import pytest

from flyball.core.clock import ManualTimer
from flyball.governance.limits import Rates
from flyball.predict.errors import TooManyInsideError
from flyball.predict.limits import MOST_COOLING, Admission, Limits
from flyball.serving.errors import OverloadedError


def admission(**limits: float) -> Admission:
    return Admission(Limits(**limits), Rates({}, None), timer=ManualTimer())  # type: ignore[arg-type]  # whole numbers are numbers


def test_one_caller_has_its_share_and_the_others_the_rest() -> None:
    found = admission(requests=4, caller_share=0.5)
    entries = [found.enter("ci"), found.enter("ci")]
    with pytest.raises(TooManyInsideError, match="2 requests of 'ci'"):
        found.enter("ci")
    others = [found.enter("night"), found.enter("day")]
    with pytest.raises(OverloadedError):
        found.enter("more")
    for entry in (*entries, *others):
        with entry:
            pass
    assert (found.requests, found.inside_bytes, dict(found._of)) == (0, 0, {})


def test_bytes_count_as_they_are_said_and_then_as_they_are() -> None:
    found = admission(inside_bytes=100)
    with found.enter("ci", expected=60) as entry:
        with pytest.raises(OverloadedError):
            found.enter("night", expected=41)
        entry.weigh(10)
        with found.enter("night", expected=90) as other, pytest.raises(OverloadedError):
            other.weigh(91)
    assert found.inside_bytes == 0


def test_few_wait_for_their_refusal_and_the_others_have_it_at_once() -> None:
    asyncio.run(_cool())


async def _cool() -> None:
    found = admission()
    waiting = [asyncio.ensure_future(found.cool()) for _ in range(MOST_COOLING)]
    await asyncio.sleep(0)
    assert found.cooling == MOST_COOLING
    await asyncio.wait_for(found.cool(), 0.05)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert found.cooling == 0
