"""What waits while a model is busy is asked as one call: a model whose call costs much and whose rows cost little answers so many more.

Rows keep to their callers: where a call of several raises, it is divided until each bad one stands alone, and where it takes the model
with it, each is asked by itself. Only a measured cost earns a pause before a call, and then only for callers who were just answered.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Sequence
from itertools import accumulate
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from flyball.core.clock import Timer
from flyball.serving.errors import ModelFailedError, ModelRaisedError

Said: TypeAlias = npt.NDArray[Any]
FIRST_ROWS, MOST_ROWS = 64, 1000
_PART_OF_CALL, _LONGEST_WINDOW_SECONDS = 0.1, 0.002
_DEATHS = 2
"""So many more of a model's processes may a call that ended one cost, to find who did it."""


class OneAtATime(Protocol):
    """A model that does one thing at a time."""

    def ask(self, frame: pl.DataFrame) -> Awaitable[Said]:
        """What it says of the rows.

        Raises:
            ModelRaisedError: it said that it has no answer to them, and is well.
            ModelFailedError: it is not.
        """
        ...

    def revive(self) -> Awaitable[None]:
        """It is well again when this returns, or will not be soon."""
        ...


class _Waiting:
    """Rows of several callers; `answers` is what each of them is told."""

    def __init__(self, frame: pl.DataFrame, sizes: Sequence[int]) -> None:
        self.frame, self.sizes = frame, sizes
        self.answers: list[Said | Exception] = [ModelFailedError("it was interrupted")] * len(sizes)
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def settle(self) -> None:
        if not self.done.done():
            self.done.set_result(None)


class Merger:
    """Asks a model for all who wait at once. `target_seconds` is how long a call of several may take.

    `call_seconds` is what a call costs beside its rows, where that was measured; 0 where it was not. For one event loop.
    """

    def __init__(self, model: OneAtATime, *, timer: Timer, target_seconds: float, call_seconds: float = 0.0) -> None:
        self._model, self._timer, self._target = model, timer, target_seconds
        self._window = min(_PART_OF_CALL * call_seconds, _LONGEST_WINDOW_SECONDS)
        self._waiting: deque[_Waiting] = deque()
        self._running: asyncio.Task[None] | None = None
        self._most_rows = FIRST_ROWS
        self._company = 0
        self._arrived = asyncio.Event()

    async def predict(self, frame: pl.DataFrame, sizes: Sequence[int]) -> list[Said | Exception]:
        """What the model says of the rows of `frame` to each of its callers, who have so many of them, in their order.

        To whom it has no answer it says why: a `ModelFailedError`.
        """
        asked = _Waiting(frame, sizes)
        self._waiting.append(asked)
        self._arrived.set()
        if self._running is None:
            self._running = asyncio.get_running_loop().create_task(self._run())
        await asked.done
        return asked.answers

    async def _run(self) -> None:
        try:
            while self._waiting:
                await self._wait_for_company()
                batch = self._next()
                self._company = _callers(batch) + _callers(self._waiting)
                await self._answer(batch)
        finally:
            self._running = None

    async def _wait_for_company(self) -> None:
        """Those who were answered just now ask again at once, if they do; a moment for them saves a call."""
        until = self._timer.seconds() + self._window
        while self._window and _callers(self._waiting) < self._company:
            left = until - self._timer.seconds()
            if left <= 0:
                return
            self._arrived.clear()
            try:
                async with asyncio.timeout(left):
                    await self._arrived.wait()
            except TimeoutError:
                return

    def _next(self) -> list[_Waiting]:
        """Those that wait, in order, as many as one call may have, of rows with the columns of the first."""
        batch = [self._waiting.popleft()]
        rows, schema = batch[0].frame.height, batch[0].frame.schema
        while self._waiting and rows + self._waiting[0].frame.height <= self._most_rows and self._waiting[0].frame.schema == schema:
            rows += self._waiting[0].frame.height
            batch.append(self._waiting.popleft())
        return batch

    async def _answer(self, batch: Sequence[_Waiting]) -> None:
        sizes = [size for asked in batch for size in asked.sizes]
        try:
            frame = batch[0].frame if len(batch) == 1 else pl.concat([asked.frame for asked in batch])
            answers = await self._ask(frame, sizes)
            for asked in batch:
                asked.answers, answers = answers[: len(asked.sizes)], answers[len(asked.sizes) :]
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait are told
            for asked in batch:
                asked.answers = [error] * len(asked.sizes)
        finally:
            for asked in batch:
                asked.settle()

    async def _ask(self, frame: pl.DataFrame, sizes: Sequence[int]) -> list[Said | Exception]:
        if frame.height > self._most_rows and len(sizes) > 1:
            return await self._halves(frame, sizes)
        start = self._timer.seconds()
        try:
            answers = _divided(await self._model.ask(frame), sizes)
        except ModelRaisedError as error:
            return [error] if len(sizes) == 1 else await self._halves(frame, sizes)
        except ModelFailedError as error:
            return [error] if len(sizes) == 1 else await self._each(frame, sizes, error=error)
        self._learn(frame.height, seconds=self._timer.seconds() - start)
        return [*answers]

    async def _halves(self, frame: pl.DataFrame, sizes: Sequence[int]) -> list[Said | Exception]:
        middle = len(sizes) // 2
        rows = sum(sizes[:middle])
        return [*await self._ask(frame[:rows], sizes[:middle]), *await self._ask(frame[rows:], sizes[middle:])]

    async def _each(self, frame: pl.DataFrame, sizes: Sequence[int], *, error: Exception) -> list[Said | Exception]:
        """Whoever of them ended the model is found, while that does not cost more of its processes than it may."""
        self._most_rows = max(1, self._most_rows // 2)
        answers: list[Said | Exception] = []
        deaths = 0
        for size, end in zip(sizes, accumulate(sizes), strict=True):
            if deaths == _DEATHS:
                answers.append(error)
                continue
            await self._model.revive()
            try:
                answers.append(await self._model.ask(frame[end - size : end]))
            except ModelFailedError as own:
                answers.append(own)
                deaths += not isinstance(own, ModelRaisedError)
        return answers

    def _learn(self, rows: int, *, seconds: float) -> None:
        if seconds > self._target:
            self._most_rows = max(1, int(rows * self._target / seconds))
        elif seconds < self._target / 2 and rows > self._most_rows // 2:
            self._most_rows = min(2 * self._most_rows, MOST_ROWS)


def _callers(waiting: Sequence[_Waiting] | deque[_Waiting]) -> int:
    return sum(len(asked.sizes) for asked in waiting)


def _divided(said: Said, sizes: Sequence[int]) -> list[Said]:
    """To each what was said of its rows; what was said of so many rows at once may be flat."""
    if len(sizes) == 1:
        return [said]
    rows = sum(sizes)
    width, rest = divmod(said.size, rows)
    if rest or not width:
        raise ModelRaisedError(f"it gave {said.size} values for {rows} rows")
    shaped = said.reshape(rows, width) if width > 1 else said.reshape(rows)
    return np.split(shaped, [*accumulate(sizes)][:-1])


def together(answers: Sequence[Said | Exception]) -> Said | list[Said | Exception]:
    """The answers to several callers as one, flat where they are several; as they are where one got none."""
    given = [answer for answer in answers if not isinstance(answer, Exception)]
    if len(given) < len(answers):
        return [*answers]
    return given[0] if len(given) == 1 else np.concatenate([answer.reshape(-1) for answer in given])
