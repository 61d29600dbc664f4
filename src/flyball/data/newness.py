"""What of a batch is new: told by hashes, in the memory of the batch's own rows, however much is stored.

A row is known by two hashes of 64 bits, of its key and of its content, so that it passes for another one only where 128 bits agree
by chance; so are the texts of rows that are set aside. What is stored is read in one streaming pass over its keys, and in a
second over the content of just those rows whose keys come again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from flyball.data.contracts.judging import AT_ROW, RAW, ROW, Checked
from flyball.data.model import ARRIVAL, KNOWN_TIME, TIME

KEY, CONTENT = "__key", "__content"
_RAW_ONE, _RAW_TWO = "__raw_one", "__raw_two"
_MARKS = {KEY: pl.UInt64(), CONTENT: pl.UInt64()}
_GOOD = pl.Schema({**_MARKS, KNOWN_TIME: TIME})
_BROKEN = pl.Schema({**_MARKS, _RAW_ONE: pl.UInt64(), _RAW_TWO: pl.UInt64()})
_FIRST, _STORED, _LAST = "__first", "__stored", "__last"


@dataclass(frozen=True)
class Parted:
    """Per good row whether it is `accepted`, or `late`: it would change the past. Per broken row whether it is `stored` all the same.

    `corrections` counts the accepted rows whose key stood already, in the store or earlier among them.
    """

    accepted: pl.Series
    late: pl.Series
    stored: pl.Series
    corrections: int


@dataclass
class Newness:
    """Hears of the rows of one batch chunk by chunk, in their order, and tells in the end which of them are new. Used once."""

    key: Sequence[str]
    columns: Sequence[str]
    _good: list[pl.DataFrame] = field(default_factory=list)
    _broken: list[pl.DataFrame] = field(default_factory=list)

    def add(self, checked: Checked) -> None:
        """The next chunk's rows."""
        self._good.append(checked.good.select(*self._marks, KNOWN_TIME))
        if checked.broken.height:
            read = checked.read.select(*self._marks, pl.col(AT_ROW).alias(ROW))
            broken = checked.broken.select(ROW, *_raw_marks()).join(read, on=ROW, how="left", maintain_order="left")
            self._broken.append(broken.select(_BROKEN.names()))

    def part(self, stored: pl.LazyFrame | None) -> Parted:
        """Which rows are new beside those `stored`.

        A row equal to a stored or an earlier one is not; a row whose key is stored, and that was not known later than the stored
        one, is late.
        """
        good, broken = pl.concat([_GOOD.to_frame(), *self._good]), pl.concat([_BROKEN.to_frame(), *self._broken])
        self._good.clear()  # they stand in `good` now, and would take as much again
        standing = self._standing(stored, pl.concat([good[KEY], broken[KEY].drop_nulls()]).unique())
        equal = standing.select(*_MARKS, pl.lit(True).alias(_STORED)).unique()
        known = broken.join(equal, on=list(_MARKS), how="left", maintain_order="left")[_STORED].fill_null(False)
        facts = good.select(KEY, KNOWN_TIME, _firsts(good))
        if standing.height:
            last = standing.group_by(KEY).agg(pl.col(KNOWN_TIME).max().alias(_LAST))
            marked = good.join(equal, on=list(_MARKS), how="left", maintain_order="left")[_STORED]
            facts = facts.with_columns(marked).join(last, on=KEY, how="left", maintain_order="left")
        else:
            facts = facts.with_columns(pl.lit(None, dtype=pl.Boolean).alias(_STORED), pl.lit(None, dtype=TIME).alias(_LAST))
        fresh = pl.col(_FIRST) & pl.col(_STORED).is_null()
        past = pl.col(_LAST).is_not_null() & (pl.col(KNOWN_TIME) <= pl.col(_LAST))
        told = facts.select(KEY, _LAST, (fresh & ~past).alias("accepted"), (fresh & past).alias("late"))
        taken = told.filter("accepted")
        corrections = int(taken.select((pl.col(_LAST).is_not_null() | ~pl.col(KEY).is_first_distinct()).sum()).item())
        return Parted(told["accepted"], told["late"], known, corrections)

    def texts(self) -> pl.DataFrame:
        """The marks of the broken rows' texts, in their order."""
        return pl.concat([_BROKEN.to_frame(), *self._broken]).select(_RAW_ONE, _RAW_TWO)

    @property
    def _marks(self) -> list[pl.Expr]:
        return [pl.struct(self.key).hash(1).alias(KEY), pl.struct(self.columns).hash(2).alias(CONTENT)]

    def _standing(self, stored: pl.LazyFrame | None, keys: pl.Series) -> pl.DataFrame:
        """KEY, CONTENT and KNOWN_TIME of the stored rows of these keys."""
        if stored is None or not keys.len():
            return _GOOD.to_frame()
        wanted = keys.to_frame(KEY).lazy()
        first, last = pl.col(ARRIVAL).min().alias("first"), pl.col(ARRIVAL).max().alias("last")
        found = stored.select(pl.struct(self.key).hash(1).alias(KEY), ARRIVAL).join(wanted, on=KEY, how="semi").select(first, last)
        between = found.collect(engine="streaming").row(0)
        if between[0] is None:
            return _GOOD.to_frame()
        rows = stored.filter(pl.col(ARRIVAL).is_between(*between)).select(*self._marks, KNOWN_TIME)
        return rows.join(wanted, on=KEY, how="semi").collect(engine="streaming")


class Texts:
    """The texts of rows that were set aside, each once; `known` are those of earlier versions."""

    def __init__(self, known: pl.DataFrame) -> None:
        self._known = known

    @classmethod
    def standing(cls, aside: pl.LazyFrame | None, wanted: pl.DataFrame) -> Texts:
        """Those of `aside` (has RAW) that are among the `wanted` marks."""
        if aside is None or not wanted.height:
            return cls(wanted.clear())
        marks = aside.select(_raw_marks())
        return cls(marks.join(wanted.lazy(), on=[_RAW_ONE, _RAW_TWO], how="semi").unique().collect(engine="streaming"))

    @staticmethod
    def marks(rows: pl.DataFrame) -> pl.DataFrame:
        """The marks of the rows' texts."""
        return rows.select(_raw_marks())

    def fresh(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows (with RAW) whose text did not come before, of equal ones the first; their texts have come from now on."""
        marked = rows.with_columns(_raw_marks())
        new = marked.unique(subset=[_RAW_ONE, _RAW_TWO], keep="first", maintain_order=True)
        new = new.join(self._known, on=[_RAW_ONE, _RAW_TWO], how="anti", maintain_order="left")
        self._known = pl.concat([self._known, new.select(_RAW_ONE, _RAW_TWO)])
        return new.drop(_RAW_ONE, _RAW_TWO)


def _raw_marks() -> list[pl.Expr]:
    return [pl.col(RAW).hash(3).alias(_RAW_ONE), pl.col(RAW).hash(4).alias(_RAW_TWO)]


def _firsts(good: pl.DataFrame) -> pl.Series:
    """Whether each row is the first of its marks. Most contents come once, which 8 bytes of each row tell."""
    once = good.select((~pl.col(CONTENT).is_duplicated()).alias(_FIRST))[_FIRST]
    again = once.not_().arg_true()
    firsts = good[again].select(pl.struct(*_MARKS).is_first_distinct().alias(_FIRST))[_FIRST]
    return once.scatter(again, firsts) if again.len() else once
