"""A person's word on how rows are shared: made ready, acknowledged, told; what is refused changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from flyball.app.controlplane import Deed
from flyball.app.releasing import Releasing
from flyball.app.servers import Servers
from flyball.app.steering import Steering
from flyball.core.clock import MonotonicTimer
from flyball.core.ids import Digest, RunId
from flyball.loop.trace import describe
from flyball.registry import Registration, VersionNotFoundError, VersionState
from flyball.releases import bandit, segments, weights
from flyball.releases.errors import (
    DeploymentBusyError,
    DeploymentNotFoundError,
    IllegalDeploymentError,
    NotDeployableError,
    NotHeldReadyError,
)
from flyball.serving.policies import Arm
from flyball.testing.livehome import LiveHome

ADA = Deed("user:ada", "to compare")
CANDIDATE = Registration(
    model="late", digest=Digest("x"), run=RunId("x"), training_digest=Digest("t"), feature_fingerprint=Digest("f"),
    code_version="git:abc", environment=Digest("e"),
)  # fmt: skip


class Planner:
    """The revision that stands in a home."""

    def __init__(self, home: LiveHome) -> None:
        self._home = home

    def revision(self) -> int:
        return sum(found.revision for found in self._home.stores.releases.list_deployments())


def steering(home: LiveHome, servers: Servers | None = None, *, told: Callable[[int], None] = lambda _: None) -> Steering:
    planner = Planner(home)

    def changed() -> int:
        told(planner.revision())
        return planner.revision()

    return Steering(Releasing(home.stores), servers or Servers(planner, MonotonicTimer()), changed)


def kinds(home: LiveHome) -> list[str]:
    return [event.type for event in home.stores.journal.log.list()]


def test_weights_are_shared_told_and_ended(home: LiveHome) -> None:
    home.released("a")
    home.validated("b")
    found = Releasing(home.stores).set_policy("late", weights({1: 0.75, 2: 0.25}), deed=ADA)
    assert found["deployment"]["policy"] == {"policy": "weights", "shares": {"1": 0.75, "2": 0.25}}
    event = home.stores.journal.log.list()[-1]
    assert (event.id, event.actor, event.subject) == (found["event"], "user:ada", "model/late/traffic")
    assert describe(event) == "rows are shared by weights: version 1 75.0%, version 2 25.0%: to compare"
    assert home.stores.registry.find("late", 2) is not None
    ended = Releasing(home.stores).set_policy("late", weights({1: 1.0}), deed=ADA)["deployment"]
    assert (ended["policy"], ended["resident"]) == (None, [2])
    with pytest.raises(IllegalDeploymentError, match="all rows already"):
        Releasing(home.stores).set_policy("late", None, deed=ADA)


def test_a_retired_version_that_is_given_rows_is_restored(home: LiveHome) -> None:
    home.released("a")
    home.released("b", None)
    Releasing(home.stores).set_policy("late", segments("carrier", {"UA": 1}), deed=ADA)
    assert home.registry.get("late", 1).state is VersionState.VALIDATED
    assert kinds(home)[-2:] == ["traffic.policy-set", "version.restored"]


def test_a_rollback_ends_the_policy_before_it_touches_the_champion(home: LiveHome) -> None:
    home.released("a")
    home.released("b", None)
    releasing = Releasing(home.stores)
    releasing.set_policy("late", weights({1: 0.5, 2: 0.5}), deed=ADA)
    assert (releasing.rollback("late", deed=ADA)["deployment"]["champion"], home.releases.get().policy) == (2, None)
    assert releasing.rollback("late", deed=ADA)["deployment"]["champion"] == 1


def test_a_new_champion_ends_the_policy_and_the_events_say_so(home: LiveHome) -> None:
    home.released("a")
    home.validated("b")
    releasing = Releasing(home.stores)
    releasing.set_policy("late", weights({1: 0.5, 2: 0.5}), deed=ADA)
    assert releasing.promote("late", 2, deed=ADA)["deployment"]["policy"] is None
    assert kinds(home)[-4:] == ["promotion.asked", "rollout.finished", "traffic.policy-set", "version.retired"]


def test_a_rollout_owns_the_rows_and_versions_may_watch_it(home: LiveHome) -> None:
    home.released("a")
    home.validated("b")
    home.released("c")
    releasing = Releasing(home.stores)
    with pytest.raises(DeploymentBusyError):
        releasing.set_policy("late", weights({1: 0.5, 2: 0.5}), deed=ADA)
    assert releasing.set_shadows("late", [2], deed=ADA)["deployment"]["shadows"] == [2]
    assert describe(home.stores.journal.log.list()[-1]) == "shadows: version 2: to compare"


def test_what_is_refused_leaves_neither_event_nor_change(home: LiveHome) -> None:
    word = steering(home)
    with pytest.raises(DeploymentNotFoundError):
        word.carry_out("late", lambda: word.releasing.set_shadows("late", [1], deed=ADA), deed=ADA)
    home.released("a")
    candidate = home.registry.register(CANDIDATE).number
    before, events = home.releases.get(), kinds(home)
    refused: list[tuple[type[Exception], Callable[[], object]]] = [
        (NotDeployableError, lambda: word.releasing.set_policy("late", weights({1: 0.5, candidate: 0.5}), deed=ADA)),
        (VersionNotFoundError, lambda: word.releasing.set_policy("late", weights({1: 0.5, 99: 0.5}), deed=ADA)),
        (VersionNotFoundError, lambda: word.releasing.set_shadows("late", [99], deed=ADA)),
        (IllegalDeploymentError, lambda: word.releasing.set_shadows("late", [1], deed=ADA)),
        (IllegalDeploymentError, lambda: word.releasing.set_shadows("late", [], deed=ADA)),
    ]
    for kind, act in refused:
        with pytest.raises(kind):
            word.carry_out("late", act, deed=ADA)  # type: ignore[arg-type]  # it raises before it says anything
    assert (home.releases.get(), kinds(home)) == (before, events)
    assert word.releasing.set_shadows("late", [candidate], deed=ADA)["deployment"]["shadows"] == [candidate]


def test_a_version_is_made_ready_by_all_before_it_counts(home: LiveHome) -> None:
    home.released("a")
    number = home.validated("b")
    servers = Servers(Planner(home), MonotonicTimer())
    seen: list[tuple[int, tuple[int, ...], object]] = []

    def told(revision: int) -> None:
        here = home.releases.get()
        seen.append((revision, here.held, here.policy))
        for name in ("one", "two"):
            servers.given(name, revision)
            servers.heard(name, revision)

    for name in ("one", "two"):
        servers.heard(name, 1)
    word = steering(home, servers, told=told)
    policy = weights({1: 0.9, number: 0.1})
    found = word.carry_out("late", lambda: word.releasing.set_policy("late", policy, deed=ADA), deed=ADA)
    assert found["servers"] == {"acknowledged": True, "servers": ["one", "two"], "refused": {}, "late": [], "absent": []}
    assert seen == [(2, (1, 2), None), (3, (1, 2), policy)]
    word.carry_out("late", lambda: word.releasing.promote("late", number, deed=ADA), deed=ADA)
    assert [revision for revision, _, _ in seen] == [2, 3, 4]  # what is held already needs no making ready


def test_a_server_that_cannot_make_it_ready_stops_it(home: LiveHome) -> None:
    home.released("a")
    number = home.validated("b")
    servers = Servers(Planner(home), MonotonicTimer())
    servers.heard("one", 1)

    def told(revision: int) -> None:
        servers.given("one", revision)
        servers.heard("one", 1, refusal="its scores are others")

    word = steering(home, servers, told=told)
    with pytest.raises(NotHeldReadyError, match="its scores are others"):
        word.carry_out("late", lambda: word.releasing.promote("late", number, deed=ADA), deed=ADA)
    here = home.releases.get()
    assert (here.champion, here.held) == (1, (1,))
    assert kinds(home)[-2:] == ["traffic.prepared", "traffic.dropped"]


def test_of_many_words_at_once_each_is_whole(home: LiveHome) -> None:
    home.released("a")
    home.validated("b")
    word = steering(home)

    def share(number: int) -> bool:
        policy = weights({1: 1 - number / 100, 2: number / 100})
        word.carry_out("late", lambda: word.releasing.set_policy("late", policy, deed=ADA), deed=ADA)
        return True

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(share, range(1, 13)))
    assert home.releases.get().revision == 1 + 1 + 12


def test_a_bandit_learns_step_by_step(home: LiveHome) -> None:
    home.released("a")
    home.validated("b")
    releasing = Releasing(home.stores)
    releasing.set_policy("late", bandit([1, 2], learns="rewards", since=home.clock.now()), deed=ADA)
    found = releasing.learn(releasing.here("late"), {1: Arm(2, 40), 2: Arm(30, 40)}, deed=Deed("system"))["deployment"]["policy"]
    assert found["shares"]["2"] > 0.98
    assert describe(home.stores.journal.log.list()[-1]).startswith("the bandit learned: rows are shared by what is learnt: version 1 1.")
