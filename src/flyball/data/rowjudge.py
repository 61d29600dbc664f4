"""Typed rows get their times, and those that a strict promise or the calendar forbids are told apart. Pure; made once for a contract."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from flyball.data.contracts.blaming import blaming
from flyball.data.contracts.compiled import compile_contract
from flyball.data.contracts.judging import AT_ROW, WHY
from flyball.data.contracts.model import Contract
from flyball.data.history import known_time
from flyball.data.model import EVENT_TIME, KNOWN_TIME, TIME, Dataset

_EARLIEST, _LATEST = datetime.fromisoformat("0002-01-01T00:00Z"), datetime.fromisoformat("9998-12-31T00:00Z")


@dataclass(frozen=True)
class RowsJudged:
    """`good` rows have both times and AT_ROW; `outside` are the others' numbers and reasons, ascending."""

    good: pl.DataFrame
    outside: tuple[tuple[int, str], ...]


class RowJudge:
    """Judges rows of one dataset by one contract. Thread-safe."""

    def __init__(self, dataset: Dataset, contract: Contract) -> None:
        event = pl.col(dataset.event_time).cast(TIME)
        self._times = (event.alias(EVENT_TIME), known_time(dataset, event).alias(KNOWN_TIME))
        strict = compile_contract(dataset, contract).strict
        breaks = [
            (_beyond(EVENT_TIME), "its event time is out of the calendar"),
            (_beyond(KNOWN_TIME), "its known time is out of the calendar"),
            *((promise.broken, promise.why) for promise in strict),
        ]
        self._why = pl.concat_str(
            [pl.when(outside.fill_null(False)).then(pl.lit(why)) for outside, why in breaks], separator="; ", ignore_nulls=True
        ).alias(WHY)
        self._checks = [(promise.check, promise.broken) for promise in strict]
        self._any = pl.any_horizontal([outside.fill_null(False) for outside, _ in breaks]).any()

    def timed(self, typed: pl.DataFrame) -> pl.DataFrame:
        """The rows with both times as declared."""
        return typed.with_columns(self._times)

    def judge(self, typed: pl.DataFrame) -> RowsJudged:
        """The rows of `typed`, which has the contract's columns and AT_ROW."""
        timed = self.timed(typed)
        with blaming(self._checks, timed.lazy()):
            if not timed.select(self._any).item():
                return RowsJudged(timed, ())
        judged = timed.with_columns(self._why)
        outside = judged.filter(pl.col(WHY) != "").select(AT_ROW, WHY)
        return RowsJudged(judged.filter(pl.col(WHY) == "").drop(WHY), tuple(outside.iter_rows()))


def _beyond(column: str) -> pl.Expr:
    return ~pl.col(column).is_between(pl.lit(_EARLIEST, dtype=TIME), pl.lit(_LATEST, dtype=TIME))
