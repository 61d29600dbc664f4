"""What a model server counts of itself since it started, per endpoint, version and route. Not for several threads."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

BOUNDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000)
Labels: TypeAlias = tuple[str, int, str]
_MANY = 128
_NO_CALL = (0, 0.0, 0.0, 0.0)


@dataclass
class Histogram:
    """How many values lie at or below each of `bounds` and above the one before it; the last count is those above all."""

    bounds: Sequence[float] = BOUNDS
    counts: list[int] = field(init=False)
    total: float = 0.0

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.bounds) + 1)

    def add(self, values: Sequence[float]) -> None:
        """Count the values."""
        if len(values) > _MANY:  # rows of few requests, each of which has one value
            for value, count in Counter(values).items():
                self.counts[bisect_left(self.bounds, value)] += count
        else:
            for value in values:
                self.counts[bisect_left(self.bounds, value)] += 1
        self.total += sum(values)


@dataclass
class Counters:
    """Rows that were answered and that a version failed, warnings by kind, flushes, requests by status, and calls of gRPC by status.

    `seconds` are those from the arrival of a row's request to its prediction, `waits` those to the moment that its version was asked, and
    `batches` the rows that were asked about together.

    `compute` are calls of a version that were answered, and the seconds of all of them until it was asked, had said, and was journalled and
    told.

    `lacks` are rows without a fresh value by endpoint, look-up and why; `turned_away` are requests that were refused for it, and `ages`
    say in seconds, by endpoint and look-up, how old the oldest value was that answered last.
    `store_fails` says something where the online store cannot be read.

    `lost` are rows that were answered and are not in the log, by endpoint and how. `unshadowed` are rows of which a shadow was not asked,
    since too many waited. `isolation` is no count: by endpoint, version and measure, whether the process of a model was granted it.
    """

    answered: Counter[Labels] = field(default_factory=Counter)
    failed: Counter[tuple[str, int]] = field(default_factory=Counter)
    warnings: Counter[tuple[str, str]] = field(default_factory=Counter)
    seconds: dict[Labels, Histogram] = field(default_factory=dict)
    waits: dict[Labels, Histogram] = field(default_factory=dict)
    batches: dict[Labels, Histogram] = field(default_factory=dict)
    compute: dict[Labels, tuple[int, float, float, float]] = field(default_factory=dict)
    waited: tuple[int, float] = (0, 0.0)
    """How many requests were asked of a version, and how long all of them waited."""
    requests: Counter[tuple[str, int]] = field(default_factory=Counter)
    calls: Counter[tuple[str, str]] = field(default_factory=Counter)
    lacks: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    turned_away: Counter[tuple[str, str]] = field(default_factory=Counter)
    ages: dict[tuple[str, str], float] = field(default_factory=dict)
    store_fails: Callable[[], object] = bool
    flushes: int = 0
    refused_plans: int = 0
    lost: Counter[tuple[str, str]] = field(default_factory=Counter)
    unshadowed: Counter[tuple[str, int]] = field(default_factory=Counter)
    isolation: dict[Labels, int] = field(default_factory=dict)

    def add_answers(self, labels: Labels, seconds: Sequence[float]) -> None:
        """Rows were answered, each so many seconds after its request arrived."""
        self.answered[labels] += len(seconds)
        histogram = self.seconds.get(labels)
        if histogram is None:
            histogram = self.seconds[labels] = Histogram()
        histogram.add(seconds)

    def add_batch(self, labels: Labels, waits: Sequence[float], *, rows: int) -> None:
        """A version is asked about so many rows of requests that have waited so long."""
        if labels not in self.waits:
            self.waits[labels], self.batches[labels] = Histogram(), Histogram(SIZES)
        self.waits[labels].add(waits)
        self.batches[labels].add((rows,))
        number, total = self.waited
        self.waited = number + len(waits), total + sum(waits)

    def add_call(self, labels: Labels, *, began: float, asked: float, said: float, done: float) -> None:
        """A version was called and its answers are told; these are the times."""
        calls, before, within, after = self.compute.get(labels, _NO_CALL)
        self.compute[labels] = calls + 1, before + asked - began, within + said - asked, after + done - said

    def add_ages(self, endpoint: str, *, time: int, value_times: Mapping[str, Sequence[int | None]]) -> None:
        """Rows were answered at `time` by values of those times, in microseconds, by look-up."""
        for label, times in value_times.items():
            oldest = times[0] if len(times) == 1 else min((at for at in times if at is not None), default=None)
            if oldest is not None:
                self.ages[endpoint, label] = (time - oldest) / 1e6
