"""Which replicas are begun and ended, from whatever is there to what is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyball.app.replicas.cluster import Steps, next_steps
from flyball.app.replicas.errors import ReplicasCountError, ReplicasNameError
from flyball.app.replicas.order import Bounds, Order, Seen, State, checked_name, passed_on

NEW, OLD = "new", "old"


def seen(*states: State, digest: str = NEW) -> dict[int, Seen]:
    return {slot: Seen(state=state, digest=digest) for slot, state in enumerate(states)}


@pytest.mark.parametrize(
    ("there", "wanted", "steps"),
    [
        (seen(), 2, Steps(start=[0, 1])),
        (seen(State.UP), 3, Steps(start=[1, 2])),
        (seen(State.UP, State.UP, State.UP), 2, Steps(end=[2])),
        (seen(State.WAITING, State.UP), 1, Steps(end=[0])),
        (seen(State.UP, State.LOST), 2, Steps(start=[2], remove=[1])),
        (seen(State.UP, State.DRAINING), 2, Steps(start=[2])),
        (seen(State.UP, State.AWAY), 2, Steps()),
        (seen(State.UP, State.UP, digest=OLD), 2, Steps(end=[0])),
        (seen(State.UP, State.FAILING, digest=OLD), 2, Steps()),
        ({**seen(State.UP, digest=OLD), 1: Seen(state=State.STARTING, digest=NEW)}, 2, Steps()),
    ],
    ids=[
        "first",
        "more",
        "fewer",
        "those-that-are-not-up-go-first",
        "lost",
        "draining",
        "away",
        "old",
        "old-and-failing",
        "one-after-another",
    ],
)
def test_the_next_steps(there: Mapping[int, Seen], wanted: int, steps: Steps) -> None:
    found = next_steps(there, wanted, digest=NEW)
    assert (list(found.start), list(found.end), list(found.remove)) == (list(steps.start), list(steps.end), list(steps.remove))


@given(st.dictionaries(st.integers(0, 6), st.tuples(st.sampled_from(State), st.sampled_from([NEW, OLD])), max_size=6), st.integers(1, 5))
def test_a_cluster_that_does_as_it_is_told_comes_to_what_is_wanted_and_stays_there(
    there: dict[int, tuple[State, str]], wanted: int
) -> None:  # fmt: skip
    now = {slot: Seen(state=state, digest=digest) for slot, (state, digest) in there.items()}
    fewest = sum(one.state is State.UP for one in now.values())
    for _ in range(40):
        steps = next_steps(now, wanted, digest=NEW)
        up = sum(one.state is State.UP for one in now.values())
        assert up >= min(fewest, wanted) - 1  # at most one at a time is replaced
        now = {slot: one for slot, one in now.items() if slot not in steps.remove}
        now |= {slot: replace(now[slot], state=State.DRAINING) for slot in steps.end}
        now = {slot: replace(one, state=State.UP if not one.state.goes else State.ENDED) for slot, one in now.items()}
        now |= {slot: Seen(state=State.STARTING, digest=NEW) for slot in steps.start}
    assert {(one.state, one.digest) for one in now.values()} == {(State.UP, NEW)}
    assert len(now) == wanted


@pytest.mark.parametrize("text", ["", "0", "0-2", "3-2", "-1", "two", "1-", "99999", "1-2-3", "\u0663"])
def test_bounds_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ReplicasCountError, match="bounds like 2-8"):
        Bounds.parse(text)


def test_a_number_out_of_the_bounds_is_refused() -> None:
    bounds = Bounds.parse("2-4")
    assert [bounds.check(count) for count in (2, 3, 4)] == [2, 3, 4]
    for count in (-1, 0, 1, 5):
        with pytest.raises(ReplicasCountError, match="from 2 to 4"):
            bounds.check(count)


@pytest.mark.parametrize("name", ["", "A", "1a", "a_b", "../a", "a" * 41, "a\n", "ä"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ReplicasNameError):
        checked_name(name)


def test_an_order_says_nothing_of_its_secrets_and_differs_by_all_it_has() -> None:
    order = Order(group="g", control_url="http://c", token="secret", cpus=1, environment={"AWS_SECRET": "hidden"})  # noqa: S106  of a test
    assert "secret" not in repr(order)
    assert "hidden" not in repr(order)
    others = [
        replace(order, token="other"), replace(order, workers="2"), replace(order, names=("a:1",)), replace(order, environment={}),  # noqa: S106  of a test
    ]  # fmt: skip
    assert len({order.digest, *(other.digest for other in others)}) == 5
    assert replace(order).digest == order.digest


def test_settings_of_one_process_are_not_passed_on() -> None:
    mine = {
        "FLYBALL_BLOBS_URL": "s3://b/p", "FLYBALL_ONLINE_URL": "redis://r", "FLYBALL_LOG_SECRET": "s", "FLYBALL_RATE_LIMIT_ADDRESS": "0",
        "AWS_REGION": "x", "OTEL_SERVICE_NAME": "y",
    }  # fmt: skip
    others = ["FLYBALL_HOME", "FLYBALL_DATABASE_URL", "FLYBALL_TOKEN", "FLYBALL_SERVE_PORT", "FLYBALL_SHIP_LOG", "PATH", "FLYBALL_URL"]
    assert passed_on({**mine, **dict.fromkeys(others, "z")}) == mine
