"""Requests of more rows than are computed at once: checked as a whole, then answered piece by piece.

Between two pieces everybody else is answered, so that nobody waits for longer than a piece takes. Few are under way at a time, and callers
take turns; what waits for its turn is a body and nothing more. Nothing is asked before all rows are known to be right.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import polars as pl

from flyball.governance.turns import Turns
from flyball.predict.batching import Batcher
from flyball.predict.errors import BodyTooLargeError
from flyball.predict.meter import Meter
from flyball.predict.options import BULK_ROWS
from flyball.predict.target import Asker, Origin, Target
from flyball.serving.asked import Answer
from flyball.serving.errors import FieldError, NoRowsError, TooManyRowsError
from flyball.serving.fitting import fit, form_of
from flyball.serving.rowform import MAX_ROWS, RowForm

PIECE_ROWS = 500
AT_ONCE = 2
MOST_CELLS = 10_000_000
"""Rows times columns: what a column says of nothing takes no bytes, but costs a look."""
MOST_TEXT_BYTES = 64 << 20
"""Texts that stand in a stream once may be meant many times over; the log writes each."""
Columns = Mapping[str, pl.Series]


class Bulk:
    """Answers columns of up to `most_rows`. For one event loop; `again` finds what a target's name means by now."""

    def __init__(self, batcher: Batcher, meter: Meter, *, again: Callable[[Target], Target]) -> None:
        self.most_rows = BULK_ROWS
        self._batcher, self._meter, self._again = batcher, meter, again
        self._turns = Turns(AT_ONCE)

    async def answer(self, target: Target, columns: Columns, *, asker: Asker, take: Callable[[Answer], None]) -> None:
        """`take` is given the answers to all rows, in their order, piece by piece; each says who answered.

        Raises:
            NoRowsError, TooManyRowsError, BodyTooLargeError: there are none, or more than a request may have.
            FieldError: they are no rows of the target's form; nothing was asked.
            FlyballError: a row has no answer; those of earlier pieces are in the log.
        """
        rows = check_size(columns, most_rows=self.most_rows)
        await self._turns.take(asker.principal)
        try:
            form = form_of(target.form, columns)
            size = max(1, min(PIECE_ROWS, PIECE_ROWS * MAX_ROWS // (1 + len(columns))))
            starts = range(0, rows, size)
            await _check(form, columns, starts=starts)
            self._meter.charge(target.endpoint.plan, asker.principal, rows=rows)
            for start in starts:
                now = self._again(target)
                piece = fit(form if now.form is target.form else now.form, _piece(columns, start, rows=size))
                number = self._meter.wait(now.endpoint.plan)
                origin = Origin(self._meter.timer.seconds(), asker.principal, asker.trace)
                try:
                    take(await self._batcher.ask(now.endpoint, piece, arrived=origin.arrived, wants=now.wants, asker=origin))
                finally:
                    self._meter.end(now.endpoint.plan, number)
        finally:
            self._turns.give(asker.principal)


def check_size(columns: Columns, *, most_rows: int) -> int:
    """How many rows there are.

    Raises:
        NoRowsError, TooManyRowsError, BodyTooLargeError: there are none, or more than a request may have.
    """
    rows = max(map(len, columns.values()), default=0)
    if not rows:
        raise NoRowsError
    limit = max(MAX_ROWS, min(most_rows, MOST_CELLS // len(columns)))
    if rows > limit:
        raise TooManyRowsError(rows, limit=limit)
    if rows > MAX_ROWS and sum(map(_text_bytes, columns.values())) > MOST_TEXT_BYTES:
        raise BodyTooLargeError(MOST_TEXT_BYTES)
    return rows


def _text_bytes(series: pl.Series) -> int:
    match series.dtype:
        case pl.String():
            sizes = series.str.len_bytes()
        case pl.Categorical() | pl.Enum():
            sizes = series.cat.len_bytes()
        case pl.Binary():
            sizes = series.bin.size()
        case _:
            return 0
    return int(sizes.cast(pl.Int64).sum())


async def _check(form: RowForm, columns: Columns, *, starts: range) -> None:
    """All rows are of the form, and of the same one of its forms."""
    found: RowForm | None = None
    for start in starts:
        try:
            rows = fit(form, _piece(columns, start, rows=starts.step))
        except FieldError as error:
            raise error.later(start) from error
        if found is not None and rows.form is not found:  # some pieces say what stands beside features, others do not
            name = next(name for name in (*rows.form.columns, *found.columns) if (name in rows.columns) is not (name in found.columns))
            raise FieldError(start, name, reason="whole stretches of rows say it, and others do not; send it for each row, or for none")
        found = rows.form
        await asyncio.sleep(0)


def _piece(columns: Columns, start: int, *, rows: int) -> Columns:
    return {name: series[start : start + rows] for name, series in columns.items()}
