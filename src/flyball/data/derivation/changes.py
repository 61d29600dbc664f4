"""What of a derived dataset that was built whole differs from what stands: only that is stored."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

from flyball.data.derivation.errors import DerivedKeyError
from flyball.data.derivation.source import DerivedSource
from flyball.data.model import ARRIVAL, KNOWN_TIME, KNOWN_UNTIL, SYSTEM_COLUMNS, TIME

TOLERANCE = 1e-12
"""Numbers that differ by less, relatively, are equal: a sum depends on the order in which threads add."""
_LAST, _STANDS, _DIFFERS = "__last", "__stands", "__differs"


def moment(time: datetime | None) -> pl.Expr:
    """The time as a value of a column of times."""
    return pl.lit(time, dtype=TIME)


def check_key(rows: pl.LazyFrame, source: DerivedSource) -> None:
    """Of the rows that are known now, each has a key of its own.

    Raises:
        DerivedKeyError: some share one.
    """
    counted = rows.filter(pl.col(KNOWN_UNTIL).is_null()).group_by(source.key).len("__rows").filter(pl.col("__rows") > 1)
    found = counted.sort("__rows", *source.key, descending=[True, *[False] * len(source.key)]).head(1).collect(engine="streaming")
    if found.height:
        *values, count = found.row(0)
        raise DerivedKeyError(source.name, source.key, example=values[0] if len(values) == 1 else tuple(values), rows=count)


def changed(rows: pl.LazyFrame, stored: pl.LazyFrame, *, source: DerivedSource) -> pl.LazyFrame:
    """Those of `rows` (with KNOWN_UNTIL) that say something else than the last row `stored` of their key.

    A row that says something new of a key that stands is known after what stood, for that cannot become untrue any more; so
    neither does what the past might have been, seen from now, go there.
    """
    schema, standing = rows.collect_schema(), stored.collect_schema()
    key, known = list(source.key), source.known
    shared = [name for name in schema.names() if name in standing and name not in {*key, known, *SYSTEM_COLUMNS}]
    last = (
        stored.sort(KNOWN_TIME, ARRIVAL)
        .group_by(key)
        .agg(*(pl.col(name).last().alias(f"__was_{name}") for name in shared), pl.col(KNOWN_TIME).max().alias(_LAST))
    )
    last = last.with_columns(pl.lit(True).alias(_STANDS))
    casts = [pl.col(name).cast(standing[name]) for name in key if schema[name] != standing[name]]
    met = rows.with_columns(casts).join(last, on=key, how="left", nulls_equal=True)
    differs = pl.any_horizontal([_differs(name, schema[name], stands=standing[name]) for name in shared] or [pl.lit(False)])
    stands, now = pl.col(_STANDS).is_not_null(), pl.col(KNOWN_UNTIL).is_null()
    kept = met.filter(~stands | (now & differs) | (~now & (pl.col(known) > pl.col(_LAST))))
    later = pl.max_horizontal(pl.col(known), pl.col(_LAST) + timedelta(microseconds=1))
    return kept.with_columns(pl.when(stands).then(later).otherwise(pl.col(known)).alias(known)).select(schema.names())


def _differs(name: str, dtype: pl.DataType, *, stands: pl.DataType) -> pl.Expr:
    new, old = pl.col(name), pl.col(f"__was_{name}")
    if dtype.is_float() or (stands.is_float() and dtype.is_numeric()):
        new, old = new.cast(pl.Float64), old.cast(pl.Float64)
        new = pl.when(new.is_finite()).then(new)
        near = (new - old).abs() <= TOLERANCE * pl.max_horizontal(new.abs(), old.abs())
        return ~near.fill_null(new.is_null() & old.is_null())
    if isinstance(dtype, pl.Datetime) and isinstance(stands, pl.Datetime):
        zoned = new.dt.convert_time_zone("UTC") if dtype.time_zone else new.dt.replace_time_zone("UTC")
        return zoned.cast(stands).ne_missing(old)
    return new.cast(stands, strict=False).ne_missing(old)
