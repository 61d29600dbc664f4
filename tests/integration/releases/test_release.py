"""A release from registration to champion and back: state and events are one, and each event names its cause."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flyball.core.clock import VirtualClock
from flyball.core.ids import DerivedIds, Digest, EventId, RunId
from flyball.registry import (
    Difference,
    Estimate,
    Evidence,
    EvidenceNotFoundError,
    IllegalVersionMoveError,
    Registration,
    RegistryService,
    VersionNotFoundError,
    VersionState,
)
from flyball.registry._sqlmodels import SqlModels
from flyball.registry._sqlstore import SqlRegistry
from flyball.releases import Deployment, GatingService, ReleaseService, StageEvidence, at_least, beats_champion, canary, routing
from flyball.releases._sqlstore import SqlReleases
from flyball.releases.errors import (
    DeploymentBusyError,
    DeploymentNotFoundError,
    IllegalDeploymentError,
    IllegalRolloutMoveError,
    NotDeployableError,
    RolloutNotFoundError,
    RolloutOverError,
)
from flyball.releases.rollout import RolloutState
from flyball.storage._sqlstore import SqlEventLog
from flyball.storage.database import Database
from flyball.storage.recorder import Recorder
from tests.databases import Databases

START = datetime(2013, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
SPEC = canary([0.05, 0.25, 1.0], hold="1d")
WHY = EventId("evt-why")


@dataclass
class World:
    clock: VirtualClock
    log: SqlEventLog
    database: Database
    registry: RegistryService
    gating: GatingService
    releases: ReleaseService

    def register(self, run: str) -> int:
        registration = Registration(
            model="late", digest=Digest(run), run=RunId(run), training_digest=Digest("t"), feature_fingerprint=Digest("f"),
            code_version="git:abc", environment=Digest("e"),
        )  # fmt: skip
        return self.registry.register(registration, cause=WHY).number

    def validated(self, run: str) -> int:
        number = self.register(run)
        self.gating.decide("late", number, gates=[], evidence=evidence(), cause=WHY)
        return number

    def types(self) -> list[str]:
        return [event.type for event in self.log.list()]


def evidence(value: float = 0.7) -> Evidence:
    return Evidence(
        metric="roc_auc",
        metrics={"roc_auc": Estimate(value, value - 0.01, value + 0.01, 5000)},
        start=START - 14 * DAY,
        end=START,
        rows=5000,
    )


@pytest.fixture
def world(databases: Databases, tmp_path: Path) -> Iterator[World]:
    database = databases.open(tmp_path)
    clock, log = VirtualClock(START), SqlEventLog(database)
    recorder = Recorder(log, clock=clock, ids=DerivedIds(0))
    registry = RegistryService(SqlRegistry(database), transactions=database, recorder=recorder)
    gating = GatingService(registry, transactions=database, recorder=recorder)
    place = Deployment("production", "late", "late")
    releases = ReleaseService(SqlReleases(database), registry, transactions=database, recorder=recorder, clock=clock, place=place)
    yield World(clock, log, database, registry, gating, releases)
    database.close()


def test_a_registration_is_one_version_however_often_it_is_made(world: World) -> None:
    assert [world.register(run) for run in ("a", "b", "a")] == [1, 2, 1]
    assert world.types() == ["version.registered"] * 2
    (first, _) = world.log.list()
    assert (first.subject, first.data["version"], first.data["run"], first.cause) == ("model/late/version/1", 1, "a", WHY)
    assert world.registry.get("late", 1).created == START


def test_a_version_that_is_not_there_is_named_with_those_that_are(world: World) -> None:
    for run in "abcde":
        world.register(run)
    with pytest.raises(VersionNotFoundError, match=r"^Model 'late' has no version 7; versions: 1.5\. List .*`flyball ls versions late`"):
        world.registry.get("late", 7)
    with pytest.raises(VersionNotFoundError, match="it has none yet"):
        world.registry.get("early", 1)
    with pytest.raises(EvidenceNotFoundError, match="has no evidence"):
        world.registry.get_evidence("late", 1)


def test_passing_gates_validates_and_names_every_cause(world: World) -> None:
    number = world.register("a")
    report = world.gating.decide("late", number, gates=[at_least("roc_auc", 0.58), beats_champion()], evidence=evidence(), cause=WHY)
    assert report.passed
    registered, attached, asked, validated = world.log.list()
    assert [event.type for event in (attached, asked, validated)] == ["evidence.attached", "gates.evaluated", "version.validated"]
    assert (registered.cause, attached.cause, asked.cause, validated.cause) == (WHY, WHY, attached.id, asked.id)
    assert [gate["name"] for gate in asked.data["gates"]] == ["at_least('roc_auc', 0.58)", "beats_champion(0.005)"]
    assert world.registry.get("late", number).state is VersionState.VALIDATED
    assert world.registry.get_evidence("late", number) == evidence()


def test_a_failing_gate_rejects_and_says_why(world: World) -> None:
    number = world.register("a")
    assert not world.gating.decide("late", number, gates=[at_least("roc_auc", 0.9)], evidence=evidence()).passed
    event = world.log.list()[-1]
    assert event.type == "version.rejected"
    assert "roc_auc is 0.7000" in event.data["why"]
    with pytest.raises(IllegalVersionMoveError, match="is rejected and cannot become validated; nothing follows"):
        world.registry.move("late", number, state=VersionState.VALIDATED)
    with pytest.raises(NotDeployableError, match="is rejected"):
        world.releases.start(number, SPEC)


def test_what_is_refused_leaves_neither_state_nor_event(world: World) -> None:
    number = world.validated("a")
    before = world.types()
    with pytest.raises(IllegalVersionMoveError):
        world.gating.decide("late", number, gates=[], evidence=evidence(0.9))
    assert world.types() == before
    assert world.registry.get_evidence("late", number) == evidence()


def test_the_first_version_goes_to_full_directly(world: World) -> None:
    with pytest.raises(DeploymentNotFoundError, match="endpoints: none"):
        world.releases.get()
    rollout = world.releases.start(world.validated("a"), SPEC, cause=WHY)
    assert rollout.state is RolloutState.FULL
    assert routing(world.releases.get()) == [(1, 1.0)]
    event = world.log.list()[-1]
    assert (event.type, event.subject, event.data["version"], event.cause) == ("rollout.finished", "model/late/rollout/1", 1, WHY)


def test_a_second_version_passes_its_stages_and_retires_the_first(world: World) -> None:
    world.releases.start(world.validated("a"), SPEC)
    second = world.validated("b")
    world.releases.start(second, SPEC, cause=WHY)
    entered = world.log.list()[-1]
    assert entered.type == "rollout.stage-entered"
    assert (entered.data["stage"], entered.data["share"]) == (0, 0.05)
    assert datetime.fromisoformat(entered.data["judge_at"]) == START + DAY
    good = StageEvidence(500, Difference("roc_auc", 0.01, -0.02, 0.04, 900))
    assert world.releases.judge(second, good).kind == "hold"
    world.clock.advance_to(START + DAY)
    verdict = world.releases.judge(second, good, cause=entered.id)
    judged = world.log.list()[-1]
    assert (verdict.kind, judged.data["verdict"], judged.data["stage"], judged.cause) == ("advance", "advance", 0, entered.id)
    world.releases.advance(second, why=verdict.why, cause=judged.id)
    assert routing(world.releases.get()) == [(2, 0.25), (1, 0.75)]
    world.clock.advance_to(START + 2 * DAY)
    assert world.releases.judge(second, good).kind == "finish"
    world.releases.finish(second)
    assert routing(world.releases.get()) == [(2, 1.0)]
    assert [version.state for version in world.registry.list()] == [VersionState.RETIRED, VersionState.VALIDATED]
    finished, retired = world.log.list()[-2:]
    assert (finished.type, retired.type, retired.cause) == ("rollout.finished", "version.retired", finished.id)


def test_a_worse_canary_goes_back_and_the_champion_stays(world: World) -> None:
    world.releases.start(world.validated("a"), SPEC)
    second = world.validated("b")
    world.releases.start(second, SPEC)
    world.clock.advance_to(START + DAY)
    verdict = world.releases.judge(second, StageEvidence(500, Difference("roc_auc", -0.1, -0.15, -0.05, 900)))
    assert verdict.kind == "roll-back"
    world.releases.roll_back(second, why=verdict.why)
    assert routing(world.releases.get()) == [(1, 1.0)]
    assert world.log.list()[-1].type == "rollout.rolled-back"
    with pytest.raises(RolloutOverError, match="is over"):
        world.releases.judge(second, StageEvidence(0))
    for move in (world.releases.advance, world.releases.finish):
        with pytest.raises(IllegalRolloutMoveError, match="rolled-back"):
            move(second)
    assert world.releases.start(second, SPEC).state is RolloutState.CANARY  # it is validated still and may be tried again


def test_a_full_version_gives_way_to_the_one_it_replaced(world: World) -> None:
    world.releases.start(world.validated("a"), SPEC)
    second = world.validated("b")
    world.releases.start(second, None)
    assert routing(world.releases.get()) == [(2, 1.0)]
    world.releases.roll_back(second, why="a person said so", cause=WHY)
    assert routing(world.releases.get()) == [(1, 1.0)]
    assert [version.state for version in world.registry.list()] == [VersionState.VALIDATED, VersionState.RETIRED]
    assert world.types()[-3:] == ["rollout.rolled-back", "version.retired", "version.restored"]
    with pytest.raises(IllegalDeploymentError, match="none to go back to"):
        world.releases.roll_back(1, why="nor this")


def test_one_rollout_at_a_time(world: World) -> None:
    world.releases.start(world.validated("a"), SPEC)
    second, third = world.validated("b"), world.validated("c")
    world.releases.start(second, SPEC)
    with pytest.raises(DeploymentBusyError, match="version 2"):
        world.releases.start(third, SPEC)
    world.releases.roll_back(second, why="make room")
    with pytest.raises(IllegalDeploymentError, match="champion already"):
        world.releases.start(1, SPEC)
    with pytest.raises(RolloutNotFoundError, match="rolled out: 1, 2"):
        world.releases.judge(third, StageEvidence(0))


def test_a_transition_whose_event_fails_did_not_happen(world: World) -> None:
    number = world.validated("a")
    broken = Recorder(world.log, clock=world.clock, ids=_SameIds())
    registry = RegistryService(SqlRegistry(world.database), transactions=world.database, recorder=broken)
    registry.move("late", number, state=VersionState.RETIRED)
    with pytest.raises(Exception, match="has evt-same already"):
        registry.move("late", number, state=VersionState.VALIDATED)
    assert registry.get("late", number).state is VersionState.RETIRED


class _SameIds:
    derived = True

    def create(self, kind: str, *cause: str) -> str:
        del cause
        return f"{kind}-same"


def aliases(world: World) -> dict[str, int]:
    model = SqlModels(world.database).find("late")
    assert model is not None
    return dict(model.aliases)


def test_aliases_say_what_is_deployed(world: World) -> None:
    first, second = world.validated("a"), world.validated("b")
    SqlModels(world.database).set_alias("late", "shadow", number=second)
    SqlModels(world.database).set_alias("late", "mine", number=second)
    world.releases.start(first, SPEC)
    assert aliases(world) == {"champion": first, "mine": second}
    world.releases.start(second, SPEC)
    assert aliases(world) == {"champion": first, "challenger": second, "mine": second}
    world.releases.roll_back(second, why="worse")
    assert aliases(world) == {"champion": first, "mine": second}
    world.releases.start(second, SPEC)
    world.releases.finish(second)
    assert aliases(world) == {"champion": second, "mine": second}
    world.releases.roll_back(second, why="worse after all")
    assert aliases(world) == {"champion": first, "mine": second}
    model = SqlModels(world.database).find("late")
    assert model is not None
    assert model.managed_by == "production/late"


def test_aliases_move_with_the_transition_or_not_at_all(world: World) -> None:
    first = world.validated("a")
    world.releases.start(first, SPEC)
    second = world.validated("b")

    def die() -> None:
        with world.database.write():
            world.releases.start(second, SPEC)
            raise RuntimeError("died")

    with pytest.raises(RuntimeError, match="died"):
        die()
    assert aliases(world) == {"champion": first}
