"""The laws of `Clock`, `Timer`, `Ids` and `Random`."""

from __future__ import annotations

import re
from abc import abstractmethod
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from flyball.core.clock import Clock, Timer
from flyball.core.ids import Ids
from flyball.core.rand import Random
from flyball.testing.suite import Suite

_MANY = 2_000


class ClockSuite(Suite):
    """Business time is UTC and aware, and never runs backwards."""

    @abstractmethod
    def create(self) -> Clock:
        """A clock."""

    def test_now_is_aware_utc(self) -> None:
        assert self.create().now().utcoffset() == timedelta(0)
        assert str(self.create().now().tzinfo) == "UTC"

    def test_it_never_runs_backwards(self) -> None:
        clock = self.create()
        seen = [clock.now() for _ in range(_MANY)]
        assert seen == sorted(seen)

    def test_it_never_runs_backwards_in_any_thread(self) -> None:
        clock = self.create()

        def look(_: int) -> bool:
            seen = [clock.now() for _ in range(_MANY // 4)]
            return seen == sorted(seen)

        with ThreadPoolExecutor(4) as pool:
            assert all(pool.map(look, range(4)))


class TimerSuite(Suite):
    """Real time never goes back."""

    @abstractmethod
    def create(self) -> Timer:
        """A timer."""

    def test_it_counts_seconds_as_a_number(self) -> None:
        assert isinstance(self.create().seconds(), float)

    def test_it_never_goes_back(self) -> None:
        timer = self.create()
        seen = [timer.seconds() for _ in range(_MANY)]
        assert seen == sorted(seen)


class IdsSuite(Suite):
    """An id is never given twice."""

    @abstractmethod
    def create(self) -> Ids:
        """A maker of ids; each call may be another process."""

    def test_an_id_is_its_kind_and_26_characters(self) -> None:
        assert re.fullmatch(r"run-[0-9a-hjkmnp-tv-z]{26}", self.create().create("run", "cause"))

    def test_ids_of_different_causes_differ(self) -> None:
        ids = self.create()
        assert len({ids.create("run", str(number)) for number in range(_MANY)}) == _MANY

    def test_kinds_are_apart(self) -> None:
        ids = self.create()
        assert ids.create("run", "1").partition("-")[2] != ids.create("evt", "1").partition("-")[2]

    def test_parts_of_a_cause_do_not_run_together(self) -> None:
        ids = self.create()
        causes = [(), ("",), ("", ""), ("a", "b"), ("ab",), ("a\x1fb",), ("a,b",), ('a","b',)]
        assert len({ids.create("run", *cause) for cause in causes}) == len(causes)

    def test_threads_get_different_ids(self) -> None:
        ids = self.create()
        with ThreadPoolExecutor(4) as pool:
            assert len(set(pool.map(lambda number: ids.create("run", str(number)), range(_MANY)))) == _MANY


class DerivedIdsSuite(IdsSuite):
    """An id follows from the seed, the kind and the cause alone."""

    @abstractmethod
    def create_with(self, seed: int) -> Ids:
        """A maker of ids with this seed."""

    def create(self) -> Ids:
        return self.create_with(0)

    def test_the_same_cause_gives_the_same_id_everywhere(self) -> None:
        one, other = self.create_with(7), self.create_with(7)
        other.create("run", "something before")
        assert one.create("run", "a", "b") == other.create("run", "a", "b") == one.create("run", "a", "b")

    def test_another_seed_gives_another_id(self) -> None:
        assert self.create_with(1).create("run", "a") != self.create_with(2).create("run", "a")


class RandomSuite(Suite):
    """Draws depend on the seed and the purpose alone."""

    @abstractmethod
    def create(self, seed: int) -> Random:
        """Draws with this seed."""

    def test_a_draw_depends_on_seed_and_purpose_alone(self) -> None:
        one, other = self.create(3), self.create(3)
        other.uniform("before")
        other.seed("before")
        assert one.uniform("split", "row 1") == other.uniform("split", "row 1") == one.uniform("split", "row 1")
        assert one.seed("search") == other.seed("search") == one.seed("search")

    def test_seeds_and_purposes_are_apart(self) -> None:
        draws = [
            self.create(seed).uniform(*purpose) for seed in (0, 1) for purpose in ((), ("",), ("a", "b"), ("ab",), ("a\x1fb",), ("b", "a"))
        ]
        assert len(set(draws)) == len(draws)

    def test_draws_are_in_range(self) -> None:
        draws = self.create(5)
        assert all(0 <= draws.uniform(str(number)) < 1 for number in range(_MANY))
        assert all(0 <= draws.seed(str(number)) < 2**31 for number in range(_MANY))

    def test_draws_fill_the_range_evenly(self) -> None:
        draws = self.create(5)
        tenths = [int(10 * draws.uniform(str(number))) for number in range(_MANY)]
        # 200 are expected in each tenth, with a standard deviation of 13.4: five of them is one false alarm in a million.
        assert all(abs(tenths.count(tenth) - _MANY / 10) < 67 for tenth in range(10))
        assert abs(sum(draws.seed(str(number)) for number in range(_MANY)) / _MANY / 2**31 - 0.5) < 0.04
