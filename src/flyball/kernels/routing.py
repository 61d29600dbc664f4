"""Which share of the traffic a key falls into: a salted hash, the same on every machine and in every process.

A key keeps its place as long as the salt stays; the first share grows only by taking keys from those after it, so a canary
that is widened keeps the keys it had. Another salt is an independent draw. Among any number of versions whose weights change in any way,
`rendezvous` moves no key but those to and from the versions whose weight changed against the others'.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from math import inf, isfinite, log

import numpy as np

from flyball.kernels.arrays import Floats, Ints
from flyball.kernels.errors import RangeError

_WORD = 2**64 - 1


def uniform_keys(keys: Sequence[str | bytes], salt: str) -> Floats:
    """Each key's place in [0, 1), uniform over keys: 53 bits of BLAKE2b keyed by the salt (RFC 7693).

    Text counts as its UTF-8 bytes. Shape ``(n,)`` float64.

    >>> uniform_keys(["a", "b", b"a"], "rollout-1").round(4)
    array([0.6278, 0.9886, 0.6278])
    """
    secret = _secret(salt)
    raw = b"".join(blake2b(key.encode() if isinstance(key, str) else key, digest_size=8, key=secret).digest() for key in keys)
    return (np.frombuffer(raw, dtype=">u8").astype(np.uint64) >> np.uint64(11)).astype(np.float64) / 2**53


def route(keys: Sequence[str | bytes], salt: str, *, shares: Sequence[float]) -> Ints:
    """The index of the share that each key falls into; each share gets its part of all keys.

    Shares are not negative and sum to 1. Shape ``(n,)`` int64.

    >>> keys = [f"flight-{number}" for number in range(1000)]
    >>> np.bincount(route(keys, "rollout-1", shares=[0.05, 0.95]))
    array([ 48, 952])

    Raises:
        RangeError: a share is negative, or they do not sum to 1.
    """
    ends = np.cumsum(np.asarray(shares, dtype=np.float64))
    if not len(ends) or min(shares) < 0:
        raise RangeError("a share", min(shares, default=float("nan")), need="zero or more")
    if not abs(ends[-1] - 1) < 1e-9:
        raise RangeError("the sum of the shares", float(ends[-1]), need="1")
    ends[np.flatnonzero(np.asarray(shares) > 0)[-1] :] = 1.0  # rounding must not open a gap below 1
    return np.searchsorted(ends, uniform_keys(keys, salt), side="right").astype(np.int64)


def rendezvous(keys: Sequence[str], salt: str, *, weights: Mapping[str, float]) -> list[str]:
    """The name that each key falls to; each name gets keys in proportion to its weight.

    Highest random weight: the smallest -ln(u) / weight wins, u being drawn by the key's salted BLAKE2b and the name (mixed as SplitMix64
    does). Weights are finite, not
    negative and not all zero; only their proportions count. A name whose weight grows takes keys and gives none. Plain Python, because most
    calls have few keys.

    >>> keys = [f"flight-{number}" for number in range(1000)]
    >>> found = rendezvous(keys, "late", weights={"1": 0.9, "2": 0.1})
    >>> found.count("2"), rendezvous(["a", "b"], "late", weights={"1": 1.0, "2": 0.0})
    (103, ['1', '1'])

    References: Thaler & Ravishankar, "Using name-based mappings to increase hit rates", 1998; Schindelhauer & Schomaker, "Weighted
    distributed hash tables", 2005, the logarithmic method; Steele et al., "Fast splittable pseudorandom number generators", 2014.

    Raises:
        RangeError: a weight is negative or not finite, or all are zero.
    """
    for weight in weights.values():
        if not (isfinite(weight) and weight >= 0):
            raise RangeError("a weight", weight, need="zero or more")
    drawn = [(name, -1.0 / weight, _mark(name)) for name, weight in weights.items() if weight > 0]
    if not drawn:
        raise RangeError("the sum of the weights", 0.0, need="more than zero")
    if len(drawn) == 1:
        return [drawn[0][0]] * len(keys)
    secret, found = _secret(salt), []
    for key in keys:
        own = int.from_bytes(blake2b(key.encode(), digest_size=8, key=secret).digest(), "big")
        best, chosen = inf, drawn[0][0]
        for name, pace, mark in drawn:
            mixed = own ^ mark
            mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9 & _WORD
            mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB & _WORD
            score = log((((mixed ^ (mixed >> 31)) >> 11) + 0.5) / 2**53) * pace  # the half: never the logarithm of 0
            if score < best:
                best, chosen = score, name
        found.append(chosen)
    return found


@lru_cache(maxsize=1024)
def _mark(name: str) -> int:
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big")


@lru_cache(maxsize=1024)
def _secret(salt: str) -> bytes:
    return blake2b(salt.encode(), digest_size=32).digest()
