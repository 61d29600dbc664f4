"""A version proves itself before it answers: on rows that were kept with it, it must score as it did when it was made.

That a model's bytes are the right ones says nothing of the libraries that read them. The first prediction of a model is also its slowest;
this is it.
"""

from __future__ import annotations

import asyncio
from io import BytesIO
from typing import Any

import numpy as np
import polars as pl

from flyball.core.errors import IntegrityError
from flyball.serving.vector import Framed
from flyball.serving.version import LoadedVersion

SCORE = "score"
"""The column of the samples' scores (`training.steps` writes it); features carry their view in their names, so that none is called so."""
TOLERANCE = 1e-5
"""So much scores may be off, and so much of themselves: another processor adds in another order."""
_DEADLINE_SECONDS = 30.0


class SelfCheckError(IntegrityError):
    """A version scores otherwise than when it was made."""

    code = "self-check"

    def __init__(self, rows: int, *, wrong: int, difference: float) -> None:
        super().__init__(
            f"it scores {wrong} of the {rows} rows that were kept with it otherwise than when it was made, by {difference:g} at most; "
            "the libraries here may be others than those of its training"
        )


def check(version: LoadedVersion, samples: bytes, *, loop: asyncio.AbstractEventLoop) -> None:
    """The version scores the samples as it did. Not from the thread of `loop`, to which processes of models belong.

    Raises:
        SelfCheckError: it does not.
        FlyballError: it does not answer.
    """
    frame = pl.read_ipc(BytesIO(samples))
    expected, said = frame[SCORE].to_numpy(), np.asarray(_ask(version, frame.drop(SCORE), loop=loop), dtype=np.float64)
    if said.shape != expected.shape:
        raise SelfCheckError(len(expected), wrong=len(expected), difference=float("nan"))
    off = np.abs(said - expected)
    wrong = ~(off <= TOLERANCE * (1 + np.abs(expected)))  # NaN is wrong, too
    if wrong.any():
        raise SelfCheckError(len(expected), wrong=int(wrong.sum()), difference=float(off.max()))


def _ask(version: LoadedVersion, features: pl.DataFrame, *, loop: asyncio.AbstractEventLoop) -> Any:
    asked: Any = version.model.predict(features)
    if version.awaited:
        return asyncio.run_coroutine_threadsafe(asked, loop).result(_DEADLINE_SECONDS)
    if version.ask_columns is not None:
        return version.ask_columns(Framed(features).values, features.height)
    return asked
