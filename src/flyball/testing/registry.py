"""The laws of `RegistryStore`."""

from __future__ import annotations

from abc import abstractmethod
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flyball.core.ids import Digest, EventId, RunId
from flyball.registry.errors import VersionExistsError, VersionNotFoundError
from flyball.registry.evidence import Difference, Estimate, Evidence
from flyball.registry.model import ModelVersion, VersionState
from flyball.registry.store import RegistryStore
from flyball.testing.suite import Suite

_NOON = datetime(2013, 3, 1, 12, 0, 0, 1, tzinfo=UTC)


def _version(number: int, *, model: str = "late", run: str = "run-1") -> ModelVersion:
    return ModelVersion(
        model=model, number=number, digest=Digest("d" * 64), run=RunId(run), data_versions={"flights": 1, "weather": 2},
        training_digest=Digest("1" * 64), feature_fingerprint=Digest("2" * 64), code_version="git:abc", environment=Digest("3" * 64),
        created=_NOON, cause=EventId("evt-why"),
    )  # fmt: skip


def _evidence(value: float) -> Evidence:
    estimate = Estimate(value, value - 0.01, value + 0.01, 4000)
    return Evidence(
        metric="roc_auc", metrics={"roc_auc": estimate, "log_loss": estimate}, start=_NOON, end=_NOON, rows=4000,
        slices={"carrier": {"UA": estimate, "é": estimate}}, champion=1, comparison=Difference("roc_auc", 0.01, -0.01, 0.03, 3000),
        notes=("refitted on all rows",),
    )  # fmt: skip


class RegistryStoreSuite(Suite):
    """A number that was given stays given, and a state moves only from the one that was expected."""

    @abstractmethod
    def open(self, place: Path) -> AbstractContextManager[RegistryStore]:
        """A handle on the store at `place`, as another process would have it."""

    def test_what_was_created_is_found_as_it_was(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store, self.open(tmp_path) as other:
            store.create(_version(1))
            assert other.find("late", 1) == _version(1)
            assert other.list() == [_version(1)]

    def test_what_was_not_created_is_not_found(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            assert store.find("late", 1) is None
            assert store.find_evidence("late", 1) is None
            assert store.find_registered("late", digest=Digest("d" * 64), run=RunId("run-1")) is None
            assert store.list() == store.list("late") == []

    def test_a_number_is_given_once(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            store.create(_version(1))
            with pytest.raises(VersionExistsError, match="version 1"):
                store.create(_version(1, run="run-2"))
            assert store.list() == [_version(1)]

    def test_versions_are_ordered_by_model_and_number(self, tmp_path: Path) -> None:
        made = [_version(number, model=model, run=f"run-{number}") for model in ("a", "b") for number in (1, 2, 10)]
        with self.open(tmp_path) as store:
            for version in reversed(made):
                store.create(version)
            assert store.list() == made
            assert store.list("b") == made[3:]

    def test_a_registration_is_found_by_model_digest_and_run(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            for number, run in ((1, "run-1"), (2, "run-2")):
                store.create(_version(number, run=run))
            assert store.find_registered("late", digest=Digest("d" * 64), run=RunId("run-2")) == _version(2, run="run-2")
            assert store.find_registered("late", digest=Digest("e" * 64), run=RunId("run-2")) is None
            assert store.find_registered("early", digest=Digest("d" * 64), run=RunId("run-2")) is None

    def test_a_state_moves_only_from_the_expected_one(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            store.create(_version(1))
            store.create(_version(2, run="run-2"))
            assert not store.set_state("late", 1, state=VersionState.RETIRED, expected=VersionState.VALIDATED)
            assert store.set_state("late", 1, state=VersionState.VALIDATED, expected=VersionState.CANDIDATE)
            assert not store.set_state("late", 3, state=VersionState.VALIDATED, expected=VersionState.CANDIDATE)
            assert [version.state for version in store.list()] == [VersionState.VALIDATED, VersionState.CANDIDATE]

    def test_of_many_movers_one_moves(self, tmp_path: Path) -> None:
        def move(_: int) -> bool:
            with self.open(tmp_path) as own:
                return own.set_state("late", 1, state=VersionState.REJECTED, expected=VersionState.CANDIDATE)

        with self.open(tmp_path) as store, ThreadPoolExecutor(4) as pool:
            store.create(_version(1))
            assert sorted(pool.map(move, range(4))) == [False, False, False, True]

    def test_evidence_comes_back_as_it_was_and_the_last_one_counts(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            store.create(_version(1))
            assert store.find_evidence("late", 1) is None
            for value in (0.7, 1 / 3):
                store.set_evidence("late", 1, evidence=_evidence(value))
                assert store.find_evidence("late", 1) == _evidence(value)

    def test_evidence_needs_its_version(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            store.create(_version(1))
            with pytest.raises(VersionNotFoundError, match="versions: 1"):
                store.set_evidence("late", 2, evidence=_evidence(0.7))
            assert store.find_evidence("late", 2) is None
