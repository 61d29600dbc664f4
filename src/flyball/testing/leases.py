"""The laws of `Leases`."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from flyball.core.clock import ManualTimer, Timer
from flyball.core.errors import HeldError
from flyball.storage.errors import LeaseLostError
from flyball.storage.leases import Leases
from flyball.testing.suite import Suite


class LeasesSuite(Suite):
    """A name has at most one owner who is seen alive."""

    length_seconds = 10.0

    @abstractmethod
    def open(self, place: Path, timer: Timer) -> AbstractContextManager[Leases]:
        """An observer of the leases at `place`, with leases of `length_seconds` by its own `timer`."""

    def test_the_first_gets_it_and_the_second_is_told_who_has_it(self, tmp_path: Path) -> None:
        with self.open(tmp_path, ManualTimer()) as one, self.open(tmp_path, ManualTimer()) as other:
            lease = one.acquire("loop", "ann")
            assert (lease.name, lease.holder) == ("loop", "ann")
            with pytest.raises(HeldError, match="ann"):
                other.acquire("loop", "bob")
            with pytest.raises(HeldError, match="ann"):
                one.acquire("loop", "ann")

    def test_names_do_not_touch_each_other(self, tmp_path: Path) -> None:
        with self.open(tmp_path, ManualTimer()) as leases:
            leases.acquire("a", "ann")
            leases.acquire("b", "bob")

    def test_released_is_free_at_once(self, tmp_path: Path) -> None:
        with self.open(tmp_path, ManualTimer()) as one, self.open(tmp_path, ManualTimer()) as other:
            lease = one.acquire("loop", "ann")
            one.release(lease)
            one.release(lease)
            other.acquire("loop", "bob")
            with pytest.raises(LeaseLostError):
                one.renew(lease)

    def test_every_owner_has_a_higher_token(self, tmp_path: Path) -> None:
        with self.open(tmp_path, ManualTimer()) as leases:
            tokens = []
            for holder in ("ann", "bob", "cay"):
                lease = leases.acquire("loop", holder)
                tokens.append(lease.token)
                leases.release(lease)
            assert tokens == sorted(set(tokens))

    def test_a_silent_owner_loses_it_after_the_length_that_the_observer_saw(self, tmp_path: Path) -> None:
        timer = ManualTimer()
        with self.open(tmp_path, ManualTimer()) as one, self.open(tmp_path, timer) as other:
            lease = one.acquire("loop", "ann")
            with pytest.raises(HeldError):
                other.acquire("loop", "bob")
            timer.sleep(self.length_seconds - 0.1)
            with pytest.raises(HeldError):
                other.acquire("loop", "bob")
            timer.sleep(0.2)
            taken = other.acquire("loop", "bob")
            assert taken.token > lease.token
            with pytest.raises(LeaseLostError, match="bob"):
                one.renew(lease)

    def test_a_heartbeat_keeps_it(self, tmp_path: Path) -> None:
        timer = ManualTimer()
        with self.open(tmp_path, ManualTimer()) as one, self.open(tmp_path, timer) as other:
            lease = one.acquire("loop", "ann")
            for _ in range(5):
                with pytest.raises(HeldError):
                    other.acquire("loop", "bob")
                timer.sleep(self.length_seconds - 0.1)
                one.renew(lease)

    def test_an_observer_that_has_just_started_waits_a_whole_length(self, tmp_path: Path) -> None:
        with self.open(tmp_path, ManualTimer()) as one, self.open(tmp_path, ManualTimer(1e9)) as other:
            one.acquire("loop", "ann")
            with pytest.raises(HeldError):
                other.acquire("loop", "bob")

    def test_only_the_observers_own_timer_counts(self, tmp_path: Path) -> None:
        owners = ManualTimer()
        with self.open(tmp_path, owners) as one, self.open(tmp_path, ManualTimer()) as other:
            lease = one.acquire("loop", "ann")
            with pytest.raises(HeldError):
                other.acquire("loop", "bob")
            owners.sleep(100 * self.length_seconds)
            with pytest.raises(HeldError):
                other.acquire("loop", "bob")
            one.renew(lease)

    def test_who_lost_it_cannot_release_the_next_owners(self, tmp_path: Path) -> None:
        with self.open(tmp_path, ManualTimer()) as leases:
            old = leases.acquire("loop", "ann")
            leases.release(old)
            new = leases.acquire("loop", "bob")
            leases.release(old)
            leases.renew(new)
