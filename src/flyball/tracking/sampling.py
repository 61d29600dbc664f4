"""A few points of a long history, evenly spread, without unpacking all of it.

Where the chunks follow one another by step, as those of a training loop do, the places of the sample are known from their headers; only the
chunks' own points at these places are read then. Anything else is put in order whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

import numpy as np

from flyball.tracking.points import NOTHING, Columns, Longs, by_step, joined, sampled, shares


class Part(Protocol):
    """Some points of a history: packed, or not."""

    def __len__(self) -> int: ...

    @property
    def step_range(self) -> tuple[int, int] | None:
        """The first and the last step where each step is above the one before it; None where one is not."""
        ...

    def step_column(self) -> Longs: ...
    def take(self, which: Longs | slice) -> Columns: ...


def sample(parts: Sequence[Part], *, start: int | None, end: int | None, most: int) -> Columns:
    """At most `most` of the points with steps from `start` to `end`, by (step, time, value), each point once, both ends among them."""
    filled = [part for part in parts if len(part)]
    between = None if start is None or end is None else (start, end)
    ordered = _following(filled)
    return _of_all(filled, between, most=most) if ordered is None else _of_places(ordered, between, most=most)


def _following(parts: Sequence[Part]) -> list[Part] | None:
    """The parts by step, where each begins above the last step of the one before it."""
    ranges = [part.step_range for part in parts]
    if None in ranges:
        return None
    ordered = sorted((found, place) for place, found in enumerate(ranges) if found is not None)
    if any(before[1] >= after[0] for (before, _), (after, _) in pairwise(ordered)):
        return None
    return [parts[place] for _, place in ordered]


def _of_all(parts: Sequence[Part], between: tuple[int, int] | None, *, most: int) -> Columns:
    columns = joined([part.take(slice(None)) for part in parts])
    if between is not None:
        columns = columns.take((columns.steps >= between[0]) & (columns.steps <= between[1]))
    return sampled(by_step(columns), most)


def _of_places(parts: Sequence[Part], between: tuple[int, int] | None, *, most: int) -> Columns:
    bounds = [_bounds(part, between) for part in parts]
    counts = np.array([until - since for since, until in bounds], np.int64)
    places = shares(int(counts.sum()), most)
    edges = np.concatenate(([0], np.cumsum(counts)))
    found = []
    for (since, _), part, low, high in zip(bounds, parts, edges[:-1], edges[1:], strict=True):
        inside = places[np.searchsorted(places, low) : np.searchsorted(places, high)]
        if len(inside):
            found.append(part.take(inside - low + since))
    return joined(found) if found else NOTHING


def _bounds(part: Part, between: tuple[int, int] | None) -> tuple[int, int]:
    first, last = part.step_range or (0, 0)
    start, end = between or (first, last)
    if start <= first and last <= end:
        return 0, len(part)
    if end < first or last < start:
        return 0, 0
    steps = part.step_column()
    since, until = int(np.searchsorted(steps, start)), int(np.searchsorted(steps, end, side="right"))
    return since, max(since, until)
