"""The laws of `PushStore`."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from flyball.core.ids import Digest
from flyball.data.pushes import REMEMBERED, Push, PushStore
from flyball.testing.suite import Suite


def sample_push(position: int, *, key: str | None = None) -> Push:
    """A push with every fact set."""
    return Push(
        key=key or f"key-{position}", digest=Digest(f"{position:064x}"), position=position, accepted=3,
        quarantined=((2, "amount is no number: é"), (4, "id is missing")), unexpected=("colour",),
    )  # fmt: skip


class PushStoreSuite(Suite):
    """A dataset's position only grows, and a key keeps its first answer until many positions later."""

    @abstractmethod
    def open(self, place: Path) -> AbstractContextManager[PushStore]:
        """A handle on the store at `place`, as another process would have it."""

    def test_a_dataset_begins_at_zero_and_knows_no_key(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            assert store.get_position("flights") == 0
            assert store.find("flights", "key-1") is None

    def test_what_was_created_is_found_as_it_was(self, tmp_path: Path) -> None:
        bare = replace(sample_push(2), quarantined=(), unexpected=())
        with self.open(tmp_path) as store, self.open(tmp_path) as other:
            store.create("flights", 3, pushes=[sample_push(1), bare])
            assert other.get_position("flights") == 3
            assert other.find("flights", "key-1") == sample_push(1)
            assert other.find("flights", "key-2") == bare

    def test_datasets_know_nothing_of_each_other(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            store.create("flights", 3, pushes=[sample_push(1)])
            store.create("weather", 1, pushes=[sample_push(1)])
            assert store.get_position("weather") == 1
            store.create("weather", 5, pushes=[])
            assert store.get_position("flights") == 3
            assert store.find("landings", "key-1") is None

    def test_a_position_never_goes_back(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            for position in (3, 2, 3, 7, 1):
                store.create("flights", position, pushes=[])
            assert store.get_position("flights") == 7

    def test_a_key_keeps_its_first_answer(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            store.create("flights", 1, pushes=[sample_push(1, key="k")])
            store.create("flights", 2, pushes=[sample_push(2, key="k"), sample_push(2, key="K")])
            assert store.find("flights", "k") == sample_push(1, key="k")
            assert store.find("flights", "K") == sample_push(2, key="K")

    def test_a_key_is_forgotten_many_positions_later(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            store.create("flights", 2, pushes=[sample_push(1), sample_push(2)])
            store.create("weather", 1, pushes=[sample_push(1)])
            store.create("flights", 1 + REMEMBERED, pushes=[])
            assert store.find("flights", "key-1") is None
            assert store.find("flights", "key-2") == sample_push(2)
            assert store.find("weather", "key-1") == sample_push(1)
