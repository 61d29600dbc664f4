"""The array types that kernels take and give, and the two words of integer time: `MAX` is never, `MIN` is always.

Times are microseconds since 1970 UTC as int64; codes are dense integers from 0 on, and a negative code is a value that is unknown.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from flyball.kernels.errors import ShapeError

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]
Numbers: TypeAlias = NDArray[Any]

MAX = int(np.iinfo(np.int64).max)
"""The time that never comes: the `until` of a row that nothing supersedes."""


def integers(**columns: Numbers) -> tuple[Ints, ...]:
    """The columns as int64 of one length, without a copy where they are so already.

    Raises:
        ShapeError: a column is not one-dimensional, is not of integers, or differs in length from the first.
    """
    arrays: list[Ints] = []
    for name, column in columns.items():
        array = np.asarray(column)
        if array.dtype.kind == "M":
            raise ShapeError(name, "times are int64 microseconds since 1970, not datetime64")
        if array.dtype.kind not in "iub" and array.size:
            raise ShapeError(name, f"integers are needed, not {array.dtype}")
        if array.ndim != 1:
            raise ShapeError(name, f"one dimension is needed, not {array.ndim}")
        if arrays and len(array) != len(arrays[0]):
            raise ShapeError(name, f"{len(arrays[0])} values are needed, not {len(array)}")
        arrays.append(np.ascontiguousarray(array, dtype=np.int64))
    return tuple(arrays)
