"""Folding many intervals over points: which rows hold at each point, without looking at a row once per point.

A segment tree over the points takes each interval apart into at most 2·log2(points) nodes (de Berg et al., *Computational
Geometry*, 3rd ed., §10.3); all intervals climb one level per step, so that a step is one numpy call. The value of a point is the
fold over its ancestors: only members of a point ever enter it, nothing is subtracted again.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from flyball.kernels.arrays import Ints

Number = TypeVar("Number", bound=np.generic)


def fold_intervals(first: Ints, stop: Ints, *, values: NDArray[Number], points: int, fold: np.ufunc, start: Any) -> NDArray[Number]:
    """Each point p holds `fold` over the values of the intervals with first <= p < stop, and `start` where there is none.

    `fold` is an associative and commutative binary ufunc with the neutral element `start`; empty intervals (stop <= first) hold
    nowhere. Shapes: first, stop, values ``(n,)``; result ``(points,)`` of the dtype of `values`. O(n·log(points) + points), pure.

    >>> fold_intervals(np.array([0, 1]), np.array([2, 4]), values=np.array([5, 7]), points=4, fold=np.add, start=0)
    array([ 5, 12,  7,  7])
    """
    size = 1 << max(points - 1, 0).bit_length()
    tree = np.full(2 * size, start, dtype=values.dtype)
    live = np.flatnonzero(first < stop)
    low, high, held = first[live] + size, stop[live] + size, values[live]
    while len(low):
        left = np.flatnonzero(low & 1)
        fold.at(tree, low[left], held[left])
        right = np.flatnonzero(high & 1)
        fold.at(tree, high[right] - 1, held[right])
        low, high = (low + 1) >> 1, high >> 1
        live = np.flatnonzero(low < high)
        if len(live) < len(low):
            low, high, held = low[live], high[live], held[live]
    width = 1
    while width < size:
        nodes = tree[2 * width : 4 * width].reshape(width, 2)
        fold(nodes, tree[width : 2 * width, None], out=nodes)
        width *= 2
    return tree[size : size + points]
