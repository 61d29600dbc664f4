"""Sketches: what is kept of a column that is too long to keep. One pass, bounded memory, mergeable, and without any randomness.

Equal values in equal order give equal sketches, which a backtest's identity to the byte needs and randomised sketches cannot
give. Each knows how wrong it may be. They take arrays; texts come as 64-bit keys, whose meaning the caller keeps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from flyball.kernels.arrays import Floats, Ints, Numbers

Keys: TypeAlias = NDArray[np.uint64]

EXACT = 4096
"""So many values are kept as they are before quantiles are of samples."""
DISTINCT = 2048
"""Fewer distinct values than this are counted exactly."""
FREQUENT = 512
"""So many values are counted at once."""

_PIECE = 1 << 18
_WORD = np.uint64(2**64 - 1)


def hash_numbers(values: Numbers) -> Keys:
    """A key for each number, equal for equal numbers whether they are integers or floating; splitmix64 (Steele et al. 2014, OOPSLA).

    >>> bool((hash_numbers(np.array([2, 3])) == hash_numbers(np.array([2.0, 3.0]))).all())
    True
    """
    if values.dtype.kind == "f":
        whole = (np.abs(values) < 2.0**63) & (np.trunc(values) == values)
        bits = values.view(np.uint64) ^ _WORD
        if whole.any():
            bits[whole] = values[whole].astype(np.int64).view(np.uint64)
    else:
        bits = values.astype(np.int64, copy=False).view(np.uint64)
    return _mixed(bits)


def hash_texts(text: bytes, lengths: Ints) -> Keys:
    """A key for each of the texts that stand one after the other in `text`, of so many bytes each; the same on every machine.

    A polynomial over the bytes modulo 2**64, mixed with the length; its terms are summed for all texts at once.

    >>> keys = hash_texts(b"abcab", np.array([2, 1, 2]))
    >>> bool(keys[0] == keys[2]), bool(keys[0] == keys[1])
    (True, False)
    """
    ends = np.cumsum(lengths)
    parts = np.unique(np.concatenate([np.searchsorted(ends, np.arange(0, len(text), _PIECE), side="right"), [0, len(lengths)]]))
    found = [_hash_texts(text[ends[low] - lengths[low] : ends[high - 1]], lengths[low:high]) for low, high in pairwise(parts)]
    return np.concatenate(found) if found else np.zeros(0, dtype=np.uint64)


def _hash_texts(text: bytes, lengths: Ints) -> Keys:
    ends = np.cumsum(lengths)
    starts = ends - lengths
    place = np.arange(len(text), dtype=np.uint64) - np.repeat(starts, lengths).astype(np.uint64)
    powers = np.ones(int(lengths.max(initial=0)) + 1, dtype=np.uint64)
    powers[1:] = np.uint64(0x9E3779B97F4A7C15)
    terms = (np.frombuffer(text, dtype=np.uint8).astype(np.uint64) + np.uint64(1)) * np.cumprod(powers)[place]
    sums = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(terms)])
    return _mixed((sums[ends] - sums[starts]) ^ (lengths.astype(np.uint64) * np.uint64(0xD1342543DE82EF95)))


def _mixed(bits: Keys) -> Keys:
    mixed = bits + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def runs(ordered: Numbers) -> tuple[Ints, Ints]:
    """Where each run of equal values begins in an ascending array, and how long it is."""
    starts = np.concatenate([np.zeros(min(1, len(ordered)), dtype=np.int64), np.flatnonzero(ordered[1:] != ordered[:-1]) + 1])
    return starts, np.diff(starts, append=len(ordered))


@dataclass
class Moments:
    """Count, mean and sum of squared deviations of what was added; merged by Chan, Golub and LeVeque (1979).

    >>> both = Moments()
    >>> both.add(np.array([1.0, 2.0])); both.add(np.array([3.0]))
    >>> both.count, both.mean, both.deviation
    (3, 2.0, 1.0)
    """

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0

    def add(self, values: Floats) -> None:
        """Add finite values ``(n,)``."""
        if len(values):
            with np.errstate(over="ignore"):
                mean = float(values.mean()) if np.isfinite(values.sum()) else float((values / len(values)).sum())
                self.merge(Moments(len(values), mean, float(np.square(values - mean).sum())))

    def merge(self, other: Moments) -> None:
        """Add what the other holds."""
        count = self.count + other.count
        if not other.count:
            return
        apart = other.mean - self.mean
        self.squares += other.squares + apart * apart * (self.count * other.count / count)
        self.mean += apart * (other.count / count)
        self.count = count

    @property
    def deviation(self) -> float | None:
        """The standard deviation of a sample; None of fewer than two values, or where it leaves the doubles."""
        found = float(np.sqrt(self.squares / (self.count - 1))) if self.count > 1 else None
        return found if found is not None and np.isfinite(found) else None


@dataclass
class Quantiles:
    """Values by rank. Level h holds samples that stand for 2**h values each; `slack` bounds by how much any rank is wrong.

    A full level is sorted, and every second value goes one level up, the odd and the even ones by turns (Manku, Rajagopalan and
    Lindsay 1998, *SIGMOD*, section 3), which moves no rank by more than 2**h. Exact for the first `most` values.
    Never more than about `most` / 2 values stay for a doubling of all, so the slack of a billion is below 1 % of them.

    >>> sketch = Quantiles()
    >>> for part in range(50):
    ...     sketch.add(np.arange(part, 1_000_000, 50.0))
    >>> sketch.count, sketch.slack / sketch.count < 0.01
    (1000000, True)
    >>> bool(abs(sketch.at([0.5])[0] - 500_000) <= sketch.slack)
    True
    """

    levels: list[Floats] = field(default_factory=list)
    turns: list[int] = field(default_factory=list)
    slack: int = 0
    most: int = EXACT

    @property
    def count(self) -> int:
        """How many values were added."""
        return sum(len(level) << height for height, level in enumerate(self.levels))

    @property
    def exact(self) -> bool:
        """Whether every value is kept."""
        return len(self.levels) < 2

    def add(self, ordered: Floats) -> None:
        """Add ascending finite values ``(n,)``, which stay the caller's."""
        height = 0
        if self.count + len(ordered) > self.most:
            while len(ordered) > self.most // 2:
                odd = len(ordered) % 2
                self._put(ordered[len(ordered) - odd :], height)
                ordered = self._half(ordered[: len(ordered) - odd], height)
                height += 1
        self._put(ordered, height)
        self._settle()

    def merge(self, other: Quantiles) -> None:
        """Add what the other holds."""
        for height, level in enumerate(other.levels):
            self._put(level, height)
        self.slack += other.slack
        self._settle()

    def at(self, shares: Sequence[float]) -> Floats:
        """The values at these shares of all, each one that was added; NaN where nothing was."""
        values, weights = self.points()
        if not len(values):
            return np.full(len(shares), np.nan)
        ranks = np.cumsum(weights)
        wanted = np.round(np.asarray(shares, dtype=np.float64) * (ranks[-1] - 1))
        found: Floats = values[np.searchsorted(ranks, wanted, side="right")]
        return found

    def below(self, edges: Floats) -> Ints:
        """How many values lie below each edge, give or take `slack`."""
        values, weights = self.points()
        ranks = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(weights)])
        counts: Ints = ranks[np.searchsorted(values, edges, side="left")]
        return counts

    def points(self) -> tuple[Floats, Ints]:
        """The samples in ascending order, and how many values each stands for."""
        if not self.levels:
            return np.zeros(0), np.zeros(0, dtype=np.int64)
        values = np.concatenate(self.levels)
        weights = np.repeat(np.left_shift(1, np.arange(len(self.levels))), [len(level) for level in self.levels])
        order = np.argsort(values, kind="stable")
        return values[order], weights[order].astype(np.int64)

    def _put(self, values: Floats, height: int) -> None:
        if len(values):
            while len(self.levels) <= height:
                self.levels.append(np.zeros(0))
                self.turns.append(0)
            self.levels[height] = np.concatenate([self.levels[height], values])

    def _half(self, ordered: Floats, height: int) -> Floats:
        while len(self.turns) <= height:
            self.levels.append(np.zeros(0))
            self.turns.append(0)
        turn, self.turns[height] = self.turns[height], 1 - self.turns[height]
        self.slack += 1 << height
        return ordered[turn::2]

    def _settle(self) -> None:
        height = 0
        while height < len(self.levels):
            level = self.levels[height]
            if len(level) > (self.most // 2 if height else self.most):
                ordered, odd = np.sort(level), len(level) % 2
                self.levels[height] = ordered[len(level) - odd :]
                self._put(self._half(ordered[: len(level) - odd], height), height + 1)
            height += 1


@dataclass
class Distinct:
    """The number of distinct keys: exact below `most`, else from the smallest ones (Bar-Yossef et al. 2002, *RANDOM*, algorithm 2).

    The relative standard error is 1 / sqrt(most - 2), 2.2 % for 2048. The order of keys, how
    often they come and how they were merged change nothing.
    """

    keys: Keys = field(default_factory=lambda: np.zeros(0, dtype=np.uint64))
    most: int = DISTINCT

    def add(self, keys: Keys) -> None:
        """Add keys ``(n,)``, in any order, repeated or not."""
        if len(self.keys) >= self.most:
            keys = keys[keys < self.keys[-1]]
        if len(keys):
            self.keys = np.unique(np.concatenate([self.keys, keys]))[: self.most]

    def merge(self, other: Distinct) -> None:
        """Add what the other holds; the smaller of both bounds the result."""
        self.most = min(self.most, other.most)
        self.keys = self.keys[: self.most]
        self.add(other.keys)

    @property
    def exact(self) -> bool:
        """Whether the number is not an estimate."""
        return len(self.keys) < self.most

    @property
    def number(self) -> int:
        """How many there are."""
        return len(self.keys) if self.exact else round((self.most - 1) / ((float(self.keys[-1]) + 1) / 2.0**64))


@dataclass
class Frequent:
    """The most frequent keys. Counts are at most `slack` too small, never too great, and exact up to `most` distinct keys.

    What does not fit is taken from all alike (Misra and Gries 1982, *Sci. Comput. Program.* 2, 143; merged as in Agarwal et al.
    2012, *PODS*), so `slack` is at most the number of rows / (most + 1). Keys ascend.
    """

    keys: Keys = field(default_factory=lambda: np.zeros(0, dtype=np.uint64))
    counts: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    slack: int = 0
    most: int = FREQUENT

    def add(self, keys: Keys, counts: Ints) -> None:
        """Add distinct keys ``(n,)`` with their counts."""
        keys, counts = self._fitting(keys, counts)
        order = np.argsort(np.concatenate([self.keys, keys]), kind="stable")
        both, added = np.concatenate([self.keys, keys])[order], np.concatenate([self.counts, counts])[order]
        starts = np.flatnonzero(np.concatenate([np.ones(min(1, len(both)), dtype=np.bool_), both[1:] != both[:-1]]))
        sums = np.add.reduceat(added, starts) if len(starts) else added
        self.keys, self.counts = self._fitting(both[starts], sums)

    def merge(self, other: Frequent) -> None:
        """Add what the other holds."""
        self.slack += other.slack
        self.add(other.keys, other.counts)

    def _fitting(self, keys: Keys, counts: Ints) -> tuple[Keys, Ints]:
        if len(keys) <= self.most:
            return keys, counts
        taken = int(np.partition(counts, len(counts) - self.most - 1)[len(counts) - self.most - 1])
        self.slack += taken
        kept = counts > taken
        return keys[kept], counts[kept] - taken
