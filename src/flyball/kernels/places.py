"""Entity and time as one ascending integer, so that one binary search finds a time within an entity.

Where entities times time span fits into 64 bits (29,000 entities over ten years of microseconds) the integer is computed, else times
are replaced by their rank. Either way, a known time is at or before another time exactly when its place is not greater.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flyball.kernels.arrays import MAX, Ints
from flyball.kernels.errors import IntegerRangeError


def distinct(values: Ints) -> Ints:
    """The distinct values, ascending.

    ``numpy.unique`` hashes integers before it sorts them, which takes ten times as long as sorting them alone.

    >>> distinct(np.array([3, 1, 3]))
    array([1, 3])
    """
    ordered = np.sort(values)
    new = np.ones(len(ordered), dtype=np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=new[1:])
    return ordered[new]


@dataclass(frozen=True)
class Places:
    """The scale that some known (entity, time) pairs span; `times` are their distinct times where ranks stand for times."""

    entities: int
    width: int
    origin: int
    times: Ints | None

    @staticmethod
    def spanning(entity: Ints, time: Ints) -> Places:
        """The scale on which each of these pairs has a place of its own.

        Raises:
            IntegerRangeError: entities times distinct times do not fit in 64 bits, since the codes are not dense.
        """
        if not len(entity):
            return Places(0, 1, 0, None)
        entities, origin = int(entity.max()) + 1, int(time.min())
        width = int(time.max()) - origin + 2
        if (entities + 1) * width <= MAX:
            return Places(entities, width, origin, None)
        times = distinct(time)
        if (entities + 1) * (len(times) + 1) > MAX:
            raise IntegerRangeError("number of entities times distinct times")
        return Places(entities, len(times) + 1, origin, times)

    def of(self, entity: Ints, time: Ints) -> Ints:
        """Ascending in (entity, time); entities below or above the known ones come before or after them all."""
        if self.times is None:
            within = np.clip(time, self.origin - 1, self.origin + self.width - 2) - (self.origin - 1)
        else:
            within = np.searchsorted(self.times, time, side="right")
        return np.asarray(np.clip(entity, -1, self.entities) * self.width + within, dtype=np.int64)

    def pairs(self, places: Ints) -> tuple[Ints, Ints]:
        """The known (entity, time) pairs that have these places."""
        entity, within = np.divmod(places, self.width)
        return entity, within + (self.origin - 1) if self.times is None else self.times[within - 1]
