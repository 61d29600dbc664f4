"""Which 64-bit hashes come twice, in bounded memory: what does not fit is put down in files by its first eight bits.

Values without a hash that comes twice are all different, for certain; those with one are compared themselves.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from flyball.kernels.sketches import Keys
from flyball.storage.errors import os_errors

_PARTS = 256
_SHIFT = np.uint64(56)


@dataclass(frozen=True)
class Repeated:
    """Of `rows` hashes, the ones that came more than once, each named once, ascending."""

    rows: int
    hashes: Keys


def find_repeats(chunks: Iterable[Keys], *, memory_bytes: int, scratch: Path | None) -> Repeated:
    """The hashes that come twice in all chunks; holds about `memory_bytes`, and puts the rest down below `scratch`.

    Raises:
        UnavailableError: the disk is full.
    """
    kept: list[Keys] = []
    rows = waiting = 0
    most = max(1, memory_bytes // 16)  # half of it for the sorted copy
    with ExitStack() as stack:
        place: Path | None = None
        for chunk in chunks:
            kept.append(chunk)
            rows, waiting = rows + len(chunk), waiting + len(chunk)
            if waiting >= most:
                place = place or _folder(scratch, stack)
                _put_down(_sorted(kept), place)
                kept, waiting = [], 0
        if place is None:
            return Repeated(rows, _repeated(_sorted(kept)))
        _put_down(_sorted(kept), place)
        return Repeated(rows, np.concatenate([_repeated(_sorted([part])) for part in _taken_up(place)]))


def _folder(scratch: Path | None, stack: ExitStack) -> Path:
    with os_errors(scratch or Path(tempfile.gettempdir())):
        if scratch is not None:
            scratch.mkdir(parents=True, exist_ok=True)
        return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="flyball-hashes-", dir=scratch)))


def _sorted(kept: list[Keys]) -> Keys:
    if not kept:
        return np.zeros(0, dtype=np.uint64)
    return pl.Series(np.concatenate(kept)).sort().to_numpy()  # on all cores, twice as fast as numpy's


def _repeated(ordered: Keys) -> Keys:
    found: Keys = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    return found


def _put_down(ordered: Keys, place: Path) -> None:
    ends = np.searchsorted(ordered, np.arange(1, _PARTS, dtype=np.uint64) << _SHIFT)
    with os_errors(place):
        for number, part in enumerate(np.split(ordered, ends)):
            if len(part):
                with (place / f"{number:03}").open("ab") as file:
                    file.write(part.tobytes())


def _taken_up(place: Path) -> Iterator[Keys]:
    for path in sorted(place.iterdir()):
        yield np.fromfile(path, dtype=np.uint64)
        path.unlink()
