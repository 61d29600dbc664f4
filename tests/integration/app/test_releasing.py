"""A person's word on a release: it is done at once and told with who, when and why; what is refused leaves nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from flyball.app.controlplane import Deed
from flyball.app.releasing import NothingToPromoteError, Releasing
from flyball.core.ids import Digest, EventId, RunId
from flyball.loop.trace import causes, describe
from flyball.registry import Registration, VersionNotFoundError, VersionState
from flyball.releases.errors import (
    DeploymentBusyError,
    DeploymentNotFoundError,
    IllegalDeploymentError,
    IllegalRolloutMoveError,
    NotDeployableError,
)
from flyball.testing.livehome import DAY, LiveHome

CANDIDATE = Registration(
    model="late", digest=Digest("x"), run=RunId("x"), training_digest=Digest("t"), feature_fingerprint=Digest("f"),
    code_version="git:abc", environment=Digest("e"),
)  # fmt: skip
ADA = Deed("user:ada", "it is the best")


def test_a_canary_is_promoted_and_the_event_says_by_whom_and_why(home: LiveHome) -> None:
    home.released("a")
    home.released("b")
    home.clock.advance_to(home.clock.now() + DAY)
    told = Releasing(home.stores).promote("late", None, deed=ADA)
    assert (told["deployment"]["champion"], told["deployment"]["canary"]) == (2, None)
    log = home.stores.journal.log
    asked = log.get(EventId(told["event"]))
    assert (asked.type, asked.actor, asked.cause, asked.time) == ("promotion.asked", "user:ada", None, home.clock.now())
    assert describe(asked) == "user:ada asked to promote version 2: it is the best"
    after = log.list()[[event.id for event in log.list()].index(asked.id) :]
    assert [event.type for event in after] == ["promotion.asked", "rollout.finished", "version.retired"]
    assert {event.actor for event in after} == {"user:ada"}
    assert [event.type for event in causes(log, after[-1].id)] == ["version.retired", "rollout.finished", "promotion.asked"]
    assert "user:ada asked for it: it is the best" in after[1].data["why"]


def test_a_retired_version_comes_back_at_once(home: LiveHome) -> None:
    home.released("a")
    home.released("b", None)
    told = Releasing(home.stores).promote("late", 1, deed=ADA)
    assert told["deployment"]["champion"] == 1
    assert [home.registry.get("late", number).state for number in (1, 2)] == [VersionState.VALIDATED, VersionState.RETIRED]
    back = Releasing(home.stores).rollback("late", deed=ADA)
    assert back["deployment"]["champion"] == 2


def test_a_rollback_takes_the_canary_first_and_then_the_champion(home: LiveHome) -> None:
    home.released("a")
    home.released("b", None)
    home.released("c")
    releasing = Releasing(home.stores)
    first = releasing.rollback("late", deed=ADA)["deployment"]
    assert (first["champion"], first["canary"]) == (2, None)
    assert releasing.rollback("late", deed=ADA)["deployment"]["champion"] == 1
    with pytest.raises(IllegalDeploymentError, match="first champion"):
        releasing.rollback("late", deed=ADA)


def test_of_two_who_ask_at_once_one_is_heard(home: LiveHome) -> None:
    home.released("a")
    home.released("b")
    releasing = Releasing(home.stores)

    def ask(name: str) -> bool:
        try:
            return bool(releasing.promote("late", None, deed=Deed(name)))
        except NothingToPromoteError:
            return False

    with ThreadPoolExecutor(8) as threads:
        heard = list(threads.map(ask, [f"user:{number}" for number in range(8)]))
    assert sum(heard) == 1
    assert [event.type for event in home.stores.journal.log.list()].count("promotion.asked") == 1


def test_what_is_refused_leaves_neither_event_nor_change(home: LiveHome) -> None:
    releasing = Releasing(home.stores)
    with pytest.raises(DeploymentNotFoundError, match="endpoints: none"):
        releasing.promote("late", None, deed=ADA)
    home.released("a")
    rejected = home.registry.register(CANDIDATE).number
    before, events = home.releases.get(), len(home.stores.journal.log.list())
    with pytest.raises(DeploymentNotFoundError, match="endpoints: late"):
        releasing.rollback("lat", deed=ADA)
    with pytest.raises(NothingToPromoteError, match="may answer: none"):
        releasing.promote("late", None, deed=ADA)
    with pytest.raises(VersionNotFoundError, match="versions: 1, 2"):
        releasing.promote("late", 7, deed=ADA)
    with pytest.raises(IllegalDeploymentError, match="champion already"):
        releasing.promote("late", 1, deed=ADA)
    with pytest.raises(NotDeployableError, match="is candidate"):
        releasing.promote("late", rejected, deed=ADA)
    with pytest.raises((IllegalDeploymentError, IllegalRolloutMoveError)):
        releasing.rollback("late", deed=ADA)
    home.released("c")
    busy = len(home.stores.journal.log.list())
    home.validated("d")
    with pytest.raises(DeploymentBusyError, match="rolling out version 3"):
        releasing.promote("late", 4, deed=ADA)
    assert home.releases.get().champion == before.champion
    kinds = [event.type for event in home.stores.journal.log.list()]
    assert events < busy
    assert not {"promotion.asked", "rollback.asked"} & set(kinds)
