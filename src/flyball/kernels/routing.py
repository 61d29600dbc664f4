"""Which share of the traffic a key falls into: a salted hash, the same on every machine and in every process.

A key keeps its place as long as the salt stays; the first share grows only by taking keys from those after it, so a canary
that is widened keeps the keys it had. Another salt is an independent draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

from flyball.kernels.arrays import Floats, Ints
from flyball.kernels.errors import RangeError


def uniform_keys(keys: Sequence[str | bytes], salt: str) -> Floats:
    """Each key's place in [0, 1), uniform over keys: 53 bits of BLAKE2b keyed by the salt (RFC 7693).

    Text counts as its UTF-8 bytes. Shape ``(n,)`` float64.

    >>> uniform_keys(["a", "b", b"a"], "rollout-1").round(4)
    array([0.6278, 0.9886, 0.6278])
    """
    secret = blake2b(salt.encode(), digest_size=32).digest()
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
