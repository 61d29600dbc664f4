"""Where a pull by a watermark ended, as text that a version keeps, and from where the next one reads on.

The height is the highest value of the watermark's column that any pull saw. The next pull reads from a stated length below it, so it
meets rows that the last one met; `edge` is the digest of those, by which a pull that met nothing else is known.
"""

from __future__ import annotations

import hashlib
import re
from datetime import date, datetime, timedelta
from enum import StrEnum

import msgspec
import polars as pl

from flyball.core.clock import utc
from flyball.core.ids import Digest
from flyball.data.declared.watermark import Watermark
from flyball.data.model import TIME
from flyball.data.sourceerrors import OverlapError, WatermarkColumnError
from flyball.data.values import ColumnType, as_type

Height = int | float | str | date | datetime

_HOUR, _DAY, _COUNT = timedelta(hours=1), timedelta(days=1), 1000
_ZONE = re.compile(r" ?(Z|UTC|[+-]\d{2}:?\d{0,2})$")


class HeightKind(StrEnum):
    """What a watermark counts in; a time as text is one that a database without times keeps, compared as text."""

    WHOLE = "whole"
    NUMBER = "number"
    DATE = "date"
    TIME = "time"
    TEXT = "text"


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """`asked` is the digest of what was asked: under another question nothing was read yet."""

    asked: Digest
    kind: HeightKind
    height: str
    edge: Digest

    def encode(self) -> str:
        """The text that `decode` reads back."""
        return msgspec.json.encode(self).decode()

    @property
    def value(self) -> Height:
        """The height as a value of its kind."""
        match self.kind:
            case HeightKind.WHOLE:
                return int(self.height)
            case HeightKind.NUMBER:
                return float(self.height)
            case HeightKind.DATE:
                return date.fromisoformat(self.height)
            case HeightKind.TIME:
                return utc(datetime.fromisoformat(self.height))
            case HeightKind.TEXT:
                return self.height


def decode(text: str | None, *, asked: Digest) -> Position | None:
    """The position that stands in `text`; None where there is none, or it answers another question."""
    if text is None:
        return None
    try:
        found = msgspec.json.decode(text, type=Position)
    except msgspec.DecodeError:  # of a source that stood here before this one
        return None
    return found if found.asked == asked else None


def lower_bound(height: Height, watermark: Watermark, *, place: str) -> Height:
    """From which value on the next pull reads.

    Raises:
        OverlapError: the overlap is a time and the watermark a number, or the other way round.
    """
    overlap = watermark.overlap
    if isinstance(height, int | float):
        if isinstance(overlap, timedelta):
            raise OverlapError(place, watermark.column, wanted="a number")
        return height - (_COUNT if overlap is None else overlap)
    if overlap is not None and not isinstance(overlap, timedelta):
        raise OverlapError(place, watermark.column, wanted="a duration")
    if isinstance(height, str):
        return _text_below(height, _HOUR if overlap is None else overlap)
    if isinstance(height, datetime):
        return _below(height, _HOUR if overlap is None else overlap)
    return _below(height, _DAY if overlap is None else timedelta(days=-(-overlap // _DAY)))


def kind_of(dtype: pl.DataType, column: str, *, place: str) -> HeightKind:
    """What a watermark of this type counts in.

    Raises:
        WatermarkColumnError: nothing that grows.
    """
    kinds: dict[pl.DataType, HeightKind] = {
        pl.Int64(): HeightKind.WHOLE, pl.Float64(): HeightKind.NUMBER, pl.Date(): HeightKind.DATE, TIME: HeightKind.TIME,
        pl.String(): HeightKind.TEXT,
    }  # fmt: skip
    if dtype not in kinds:
        raise WatermarkColumnError(place, column, dtype=str(dtype))
    return kinds[dtype]


def to_text(height: Height) -> str:
    """The text of a height, exactly."""
    if isinstance(height, datetime):
        return utc(height).isoformat()
    return height if isinstance(height, str) else height.isoformat() if isinstance(height, date) else repr(height)


def edge_of(rows: pl.LazyFrame, column: str, *, bound: Height) -> Digest:
    """The digest of those `rows` that a pull from `bound` on meets, in whatever order: equal where it meets them and no others.

    It holds within one release of Polars; another costs one pull that brings rows again.
    """
    cell = pl.col(column)
    value = pl.lit(bound, dtype=TIME) if isinstance(bound, datetime) else pl.lit(bound)
    met = rows.filter((cell >= value) | cell.is_null())
    hashes = met.select(pl.struct(pl.all()).hash(0)).collect(engine="streaming").to_series().sort()
    return Digest(hashlib.sha256(hashes.to_numpy().tobytes()).hexdigest())


def _below(height: date, length: timedelta) -> date:
    try:
        return height - length
    except OverflowError:
        return datetime.min.replace(tzinfo=height.tzinfo) if isinstance(height, datetime) else date.min


def _text_below(height: str, length: timedelta) -> str:
    """The text of a time so much earlier, cut to seconds and in the same form: as text it stands before all times from then on."""
    local = _ZONE.sub("", height) if len(height) > 10 else height  # as text, times of one zone stand in order
    moment = pl.Series([local]).to_frame("cell").select(as_type(pl.col("cell"), pl.String(), wanted=ColumnType.TIME)).item()
    if not isinstance(moment, datetime) or not length:
        return height
    earlier = _below(moment, length)
    return earlier.strftime(f"%Y-%m-%d{height[10]}%H:%M:%S") if len(height) > 10 else earlier.strftime("%Y-%m-%d")
