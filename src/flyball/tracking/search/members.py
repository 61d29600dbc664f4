"""Which runs satisfy conditions that an index can answer alone: read as numbers, intersected in memory.

A number costs a tenth of a microsecond to read from an index, where a probe of a run that lies anywhere costs some microseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from flyball.tracking.search.asking import Asking
from flyball.tracking.search.condition import Condition, Source
from flyball.tracking.search.costs import Costs
from flyball.tracking.search.sql import Sql

Numbers: TypeAlias = npt.NDArray[np.int64]
ALL = 2**40


class Members:
    """The sources of one search, each counted and read once."""

    def __init__(self, asking: Asking, costs: Costs, *, everyone: Source) -> None:
        self._asking, self._costs, self._everyone = asking, costs, everyone
        self._counts: dict[Source, tuple[int, int]] = {}
        self._numbers: dict[Source, Numbers] = {}

    def count(self, source: Source, cap: int) -> int:
        """How many rows the source has, counted up to `cap`."""
        known, counted_to = self._counts.get(source, (0, 0))
        if counted_to < cap and known == counted_to:
            rows = Sql(f"SELECT count(*) FROM (SELECT 1 FROM {source.rows} WHERE ") + source.where + f" LIMIT {cap:d}) counted"  # noqa: S608  our own words
            known = self._asking.value(rows)
            self._counts[source] = known, cap
        return min(known, cap)

    def nobody_lacks(self, asked: Sequence[Condition]) -> bool:
        """Whether something is asked to be missing that every run has: such a search would look at all runs, for nothing."""
        absent = [condition.absent for condition in asked if condition.absent is not None]
        everyone = self.count(self._everyone, ALL) if absent else 0
        return any(self.count(source, ALL) == everyone for source in absent)

    def intersection(self, asked: Sequence[Condition]) -> tuple[Numbers, list[Condition]] | None:
        """The runs that may pass, in the order of their numbers, and the conditions they must still be probed for.

        None where no index excludes much.
        """
        counted = [(self.count(each.source, self._costs.read), place, each) for place, each in enumerate(asked) if each.source is not None]
        chosen = sorted((count, place) for count, place, _ in counted if count < self._costs.read)
        if not chosen:
            return None
        found: Numbers | None = None
        done = set()
        for _, place in chosen:
            if found is not None and len(found) <= self._costs.enough:
                break
            condition = asked[place]
            assert condition.source is not None
            numbers = self._read(condition.source)
            found = numbers if found is None else np.intersect1d(found, numbers, assume_unique=True)
            if condition.source.exact:
                done.add(place)
        assert found is not None
        return found, [condition for place, condition in enumerate(asked) if place not in done]

    def _read(self, source: Source) -> Numbers:
        if source not in self._numbers:
            text = self._asking.value(Sql(f"SELECT {self._asking.dialect.gathered(source.run)} FROM {source.rows} WHERE ") + source.where)  # noqa: S608  our own words
            numbers = np.fromstring(text or "", sep=",", dtype=np.int64)
            numbers.sort()
            self._numbers[source] = numbers
        return self._numbers[source]
