"""The laws of `VersionStore`."""

from __future__ import annotations

from abc import abstractmethod
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flyball.core.ids import Digest, EventId
from flyball.data.errors import VersionExistsError, VersionNotFoundError, VersionStateError
from flyball.data.model import MOVES, DatasetVersion, SourceFile, VersionState
from flyball.data.store import Heads, VersionStore
from flyball.testing.suite import Suite

_NOON = datetime(2013, 3, 1, 12, 0, 0, 1, tzinfo=UTC)


def sample_version(number: int, *, dataset: str = "flights", state: VersionState = VersionState.ACCEPTED) -> DatasetVersion:
    """A version with every fact set."""
    return DatasetVersion(
        dataset=dataset, number=number, digest=Digest(f"{number:064x}"), state=state,
        rows=10 * number, added=10, quarantined=2, duplicates=1,
        table=f"dataset.{dataset}.00000000", table_version=number - 1, first_arrival=10 * number - 10, last_arrival=10 * number - 1,
        files=(
            SourceFile(name="é.csv", size_bytes=2**40, digest=Digest("f" * 64)),
            SourceFile(
                name="b.csv", size_bytes=1, digest=Digest("a" * 64), known_by=_NOON, left_out=7, next_known=_NOON, arrival=_NOON,
            ),
        ),
        contract=Digest("c" * 64), profile=Digest("b" * 64),
        earliest_event_time=_NOON, latest_event_time=_NOON, ingested_at=_NOON, cause=EventId("evt-why"), event=EventId("evt-what"),
        source="data/é", position="2013-03-01", key=("é", "b"), sketches=Digest("d" * 64), results=Digest("e" * 64),
    )  # fmt: skip


class VersionStoreSuite(Suite):
    """A version's facts never change but for its state, which moves legally; numbers are given once, in order."""

    @abstractmethod
    def open(self, place: Path) -> AbstractContextManager[VersionStore]:
        """A handle on the store at `place`, as another process would have it."""

    def test_what_was_created_is_found_as_it_was(self, tmp_path: Path) -> None:
        bare = replace(
            sample_version(2),
            profile=None,
            earliest_event_time=None,
            latest_event_time=None,
            table_version=None,
            cause=None,
            event=None,
            files=(),
            source="",
            position=None,
            key=(),
            sketches=None,
            results=None,
        )
        with self.open(tmp_path) as store, self.open(tmp_path) as other:
            store.create(sample_version(1))
            store.create(bare)
            assert other.get("flights", 1) == sample_version(1)
            assert other.find("flights", 2) == bare

    def test_what_was_not_created_is_not_found(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            store.create(sample_version(1))
            assert store.find("flights", 2) is None
            assert store.find("flight", 1) is None
            with pytest.raises(VersionNotFoundError, match="versions: 1"):
                store.get("flights", 2)
            with pytest.raises(VersionNotFoundError):
                store.set(sample_version(2))

    def test_a_list_is_ordered_by_dataset_and_number(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            assert store.list() == []
            made = [sample_version(number, dataset=name) for name in ("b", "a") for number in range(1, 12)]
            for version in made:
                store.create(version)
            assert store.list("a") == made[11:]
            assert store.list() == made[11:] + made[:11]
            assert store.list("A") == []
            assert store.list("a", after=9) == made[20:]
            assert store.list(after=10) == [made[21], made[10]]
            assert store.list("a", after=11) == []

    def test_heads_say_how_each_dataset_stands(self, tmp_path: Path) -> None:
        states = [VersionState.ACCEPTED, VersionState.HELD, VersionState.ACCEPTED, VersionState.ACCEPTED, VersionState.REJECTED]
        made = [sample_version(number, state=state) for number, state in enumerate(states, start=1)]
        alone = sample_version(1, dataset="a", state=VersionState.REJECTED)
        with self.open(tmp_path) as store:
            assert store.list_heads() == store.list_heads("flights") == []
            for version in (*made, alone):
                store.create(version)
            flights = Heads(dataset="flights", versions=[made[1], made[3], made[4]], quarantined=10, rejected={5})
            assert store.list_heads() == [Heads(dataset="a", versions=[alone], quarantined=2, rejected={1}), flights]
            assert store.list_heads("flights") == [flights]
            assert store.list_heads("flight") == []

    def test_the_latest_come_first_and_in_pages(self, tmp_path: Path) -> None:
        made = [replace(sample_version(number), results=Digest("e" * 64) if number % 2 else None) for number in range(1, 6)]
        with self.open(tmp_path) as store:
            for version in (*made, sample_version(1, dataset="a")):
                store.create(version)
            assert store.list_latest("flights", limit=2) == made[:2:-1]
            assert store.list_latest("flights", limit=9, before=3) == made[1::-1]
            assert store.list_latest("flights", limit=2, judged=True) == [made[4], made[2]]
            assert store.list_latest("flight", limit=2) == []

    def test_a_number_is_given_once_and_in_order(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            store.create(sample_version(1))
            for wrong in (1, 3, 0):
                with pytest.raises(VersionExistsError):
                    store.create(replace(sample_version(wrong), rows=99))
            assert store.list() == [sample_version(1)]

    def test_of_many_creators_of_a_number_one_wins(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:

            def create(_: int) -> bool:
                try:
                    store.create(sample_version(1))
                except VersionExistsError:
                    return False
                return True

            with ThreadPoolExecutor(8) as pool:
                assert sum(pool.map(create, range(16))) == 1

    def test_a_state_moves_legally_or_not_at_all(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            pairs = [(before, after) for before in VersionState for after in VersionState]
            for number, (before, after) in enumerate(pairs, start=1):
                version = sample_version(number, state=before)
                moved = replace(version, state=after, event=EventId("evt-moved"))
                store.create(version)
                if after in MOVES[before]:
                    store.set(moved)
                    assert store.get("flights", number) == moved
                else:
                    with pytest.raises(VersionStateError):
                        store.set(moved)
                    assert store.get("flights", number) == version

    def test_a_move_changes_state_and_event_alone(self, tmp_path: Path) -> None:
        held = sample_version(1, state=VersionState.HELD)
        with self.open(tmp_path) as store:
            store.create(held)
            store.set(replace(held, state=VersionState.ACCEPTED, event=EventId("evt-2"), rows=0, digest=Digest("0" * 64), files=()))
            assert store.get("flights", 1) == replace(held, state=VersionState.ACCEPTED, event=EventId("evt-2"))
