"""Times that need to be told how they are meant become texts that mean one moment, or that say why they mean none."""

from __future__ import annotations

import re

import polars as pl

from flyball.data.declared.files import EPOCHS, FileSource

_MICROSECONDS = {"s": 1_000_000, "ms": 1_000, "us": 1}
_LOCAL = r"^\s*\d{4}-\d{2}-\d{2}(T| +)\d{2}:\d{2}(:\d{2}([.,]\d+)?)?\s*$"
_CLOCK = re.compile(r"%[-_0]?[HIMSTRXcspfkl]|%\.\d?f")
_FIRST, _LAST = -62_135_596_800_000_000, 253_402_300_799_999_999  # the years 1 to 9999
_UTC = "%Y-%m-%dT%H:%M:%S%.fZ"


def with_times(source: FileSource, frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with its declared times as ISO 8601 in UTC.

    A column in `times` holds seconds (or ms, us, ns) since 1970 or texts of its pattern; with `time_zone`, times without a zone
    are of that one in every column. A cell that is no such time stays as it is; one that the zone's clocks skip or show twice
    (unless `ambiguous` says which is meant) becomes a text that says so, and is no time.
    """
    declared = dict(source.times)
    told = [name for name in frame.columns if name in declared]
    others = [name for name in frame.columns if name not in declared] if source.time_zone is not None else []
    frame = frame.with_columns(_declared(pl.col(name), declared[name], source=source).alias(name) for name in told) if told else frame
    return frame.with_columns(_localised(frame[name], source) for name in others) if others else frame


def _declared(cell: pl.Expr, form: str, *, source: FileSource) -> pl.Expr:
    text = cell.cast(pl.String)
    if form in EPOCHS:
        return pl.coalesce(_epoch(text.str.strip_chars(), form), text)
    bare = text.str.strip_chars()
    if not _CLOCK.search(form):
        return pl.coalesce(bare.str.to_date(form, strict=False).dt.strftime("%Y-%m-%d"), text)
    if "%z" in form or "%#z" in form or "%:z" in form:
        zoned = bare.str.to_datetime(form, strict=False, time_unit="us", time_zone="UTC")
        return pl.coalesce(zoned.dt.strftime(_UTC), text)
    naive = bare.str.to_datetime(form, strict=False, time_unit="us")
    return pl.coalesce(_moment(naive, text, source=source), text)


def _epoch(text: pl.Expr, unit: str) -> pl.Expr:
    whole, fraction = text.cast(pl.Int64, strict=False), text.cast(pl.Float64, strict=False)
    if unit == "ns":
        exact, rounded = whole // 1_000, (fraction / 1_000).round()
    else:
        factor = _MICROSECONDS[unit]
        exact = pl.when(whole.abs() <= _LAST // factor).then(whole * factor)
        rounded = (fraction * factor).round()
    instant = pl.coalesce(exact, pl.when(rounded.is_between(_FIRST, _LAST)).then(rounded).cast(pl.Int64, strict=False))
    return pl.when(instant.is_between(_FIRST, _LAST)).then(instant).cast(pl.Datetime("us")).dt.strftime(_UTC)


def _localised(cells: pl.Series, source: FileSource) -> pl.Series:
    if isinstance(cells.dtype, pl.Datetime) and cells.dtype.time_zone is None:
        cells = cells.dt.strftime("%Y-%m-%dT%H:%M:%S%.f")
    if cells.dtype != pl.String or not cells.str.contains(_LOCAL).any():
        return cells
    text = pl.col(cells.name)
    bare = text.str.strip_chars().str.replace(" +", "T").str.replace(",", ".", literal=True)
    naive = pl.coalesce(bare.str.to_datetime(form, strict=False, time_unit="us") for form in ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"))
    read = pl.when(text.str.contains(_LOCAL)).then(_moment(naive, text, source=source))
    return cells.to_frame().select(pl.coalesce(read, text).alias(cells.name)).to_series()


def _moment(naive: pl.Expr, text: pl.Expr, *, source: FileSource) -> pl.Expr:
    zone = source.time_zone
    if zone is None:
        return naive.dt.strftime(_UTC)
    meant = {"earlier": "earliest", "later": "latest"}.get(source.ambiguous, "null")
    local = naive.dt.replace_time_zone(zone, ambiguous=pl.lit(meant), non_existent="null")
    either = naive.dt.replace_time_zone(zone, ambiguous=pl.lit("earliest"), non_existent="null")
    why = (
        pl.when(either.is_null())
        .then(pl.lit(f" (never shown by the clocks of {zone})"))
        .otherwise(pl.lit(f" (shown twice by the clocks of {zone})"))
    )
    return pl.when(local.is_not_null()).then(local.dt.convert_time_zone("UTC").dt.strftime(_UTC)).when(naive.is_not_null()).then(text + why)
