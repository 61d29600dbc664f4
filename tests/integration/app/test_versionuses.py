"""A version that anybody uses is not deleted, and it is said who uses it and what ends that; one that nobody uses goes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flyball.app.controlplane import Deed
from flyball.app.keeping import Keeping, open_keeping
from flyball.app.releasing import Releasing
from flyball.core.errors import NotFoundError
from flyball.core.ids import Digest
from flyball.loop.commands import Command, JudgeRollout, MoveRollout, Register, StartRollout
from flyball.loop.conductor import KIND
from flyball.loop.deeds import encode
from flyball.registry.adoption import AdoptedVersion, ModelAdoption
from flyball.registry.refusals import DeployedVersionError
from flyball.registry.registered import VersionFile
from flyball.releases import bandit
from flyball.releases.sharing import segments, weights
from flyball.runtimes.graphfile import GRAPH
from flyball.serving.graphs import Graph, graph
from flyball.serving.graphs.model import Resolved
from flyball.storage._localblobs import LocalBlobs
from flyball.storage.blobs import BlobStore
from flyball.testing.livehome import LiveHome

ADA = Deed("user:ada")


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return LocalBlobs(tmp_path / "blobs")


@pytest.fixture
def keeping(home: LiveHome, blobs: BlobStore) -> Keeping:
    return open_keeping(home.stores, blobs)


def refused(keeping: Keeping, number: int, *, model: str = "late") -> str:
    with pytest.raises(DeployedVersionError) as caught:
        keeping.registry.delete_version(model, number)
    assert caught.value.code == "deployed-version"
    assert keeping.registry.get_version(model, number).number == number
    return str(caught.value)


SHARED: dict[str, tuple[Callable[[LiveHome], Any], str]] = {
    "weights": (lambda _: weights({1: 0.75, 2: 0.25}), "is given 25.0% of the rows by weights at endpoint 'late'"),
    "segments": (lambda _: segments("carrier", {"UA": 2, "AA": 2}), "is the segment carrier=AA and 1 more at endpoint 'late'"),
    "bandit": (lambda home: bandit([1, 2], learns="rewards", since=home.clock.now()), "is an arm of the bandit at endpoint 'late'"),
}


@pytest.mark.parametrize("how", SHARED)
def test_who_is_given_rows_stays_until_the_policy_ends(home: LiveHome, keeping: Keeping, how: str) -> None:
    policy, told = SHARED[how]
    home.released("a")
    home.validated("b")
    word = Releasing(home.stores)
    word.set_policy("late", policy(home), deed=ADA)
    assert told in refused(keeping, 2)
    assert "flyball rollback late" in refused(keeping, 2)
    word.rollback("late", deed=ADA)
    assert "is held ready at endpoint 'late'" in refused(keeping, 2)
    word.drop("late", [2], deed=ADA)
    keeping.registry.delete_version("late", 2)


def test_a_shadow_stays(home: LiveHome, keeping: Keeping) -> None:
    home.released("a")
    home.validated("b")
    Releasing(home.stores).set_shadows("late", [2], deed=ADA)
    assert "is a shadow at endpoint 'late', and cannot be deleted. First name the other shadows" in refused(keeping, 2)


def test_a_canary_and_the_champion_stay_and_so_does_what_a_rollback_goes_back_to(home: LiveHome, keeping: Keeping) -> None:
    home.released("a")
    home.released("b")
    assert "is the canary at endpoint 'late'" in refused(keeping, 2)
    assert "is the champion at endpoint 'late'" in refused(keeping, 1)
    word = Releasing(home.stores)
    word.promote("late", None, deed=ADA)
    word.drop("late", [1], deed=ADA)
    assert "what `flyball rollback` goes back to" in refused(keeping, 1)
    home.released("c", None)
    word.drop("late", [1], deed=ADA)
    assert "is what `flyball rollback` goes back to at endpoint 'late'" in refused(keeping, 2)
    keeping.registry.delete_version("late", 1)


def test_what_a_server_was_asked_to_hold_ready_stays(home: LiveHome, keeping: Keeping) -> None:
    home.released("a")
    home.validated("b")
    Releasing(home.stores).prepare("late", [2], deed=ADA)
    assert "is held ready at endpoint 'late'" in refused(keeping, 2)


@pytest.mark.parametrize("command", [StartRollout(2), JudgeRollout(2, 0), MoveRollout(2, "advance", "well"), Register("")])
def test_what_a_job_is_about_stays_until_the_job_has_ended(home: LiveHome, keeping: Keeping, command: Command) -> None:
    home.released("a")
    run = home.registry.get("late", home.validated("b")).run
    if isinstance(command, Register):
        command = Register(run)
    jobs = home.stores.jobs
    job = jobs.create(KIND, lane="model/late", payload=encode("late", command), key="k")
    jobs.create(KIND, lane="model/other", payload=encode("other", command), key="other")
    told = f"is what the job {job.id} ({type(command).__name__}) is about"
    assert told in refused(keeping, 2)
    assert jobs.claim(["model/late"], "w") is not None
    assert told in refused(keeping, 2)
    jobs.cancel(job.id)
    keeping.registry.delete_version("late", 2)


def add(keeping: Keeping, blobs: BlobStore, *, name: str, files: dict[str, bytes]) -> None:
    adoption = ModelAdoption(keeping.parts, actor="ada")
    adoption.put_model(name, description="", tags={}, created_ms=0)
    kept = [VersionFile(path=path, digest=blobs.put(data), size_bytes=len(data)) for path, data in files.items()]
    assert adoption.put_version(name, AdoptedVersion(number=1, source="here", files=kept, principal="ada", created_ms=0))


def test_what_a_graph_asks_stays_under_each_of_its_names_until_the_graph_is_gone(keeping: Keeping, blobs: BlobStore) -> None:
    rows = graph.inputs(age=float)
    declared = Graph("blend", graph.mean([graph.call("models:/boosted/latest", rows), graph.score("age / 100", rows)]))
    meant = {step.name: Resolved("models:/boosted/1", Digest("0" * 64)) for step in declared.spec().calls}
    for name, files in (("boosted", {"model": b"b"}), ("blend", {GRAPH: declared.spec(meant).encode()}), ("other", {GRAPH: b"{}"})):
        add(keeping, blobs, name=name, files=files)
    assert "of graph models:/blend/1, and cannot be deleted. First delete version 1 of 'blend'." in refused(keeping, 1, model="boosted")
    keeping.registry.rename("boosted", "lifted")
    assert "of graph models:/blend/1" in refused(keeping, 1, model="lifted")
    with pytest.raises(DeployedVersionError, match="graph models:/blend/1"):
        keeping.registry.delete("lifted")
    keeping.registry.delete("other")
    keeping.registry.delete_version("blend", 1)
    keeping.registry.delete("lifted")
    with pytest.raises(NotFoundError):
        keeping.registry.get("lifted")
