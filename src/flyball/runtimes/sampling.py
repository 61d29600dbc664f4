"""Rows to compare two forms of a model on: those that were logged with it, and ones that lie where forms tend to differ.

Drawn by a fixed seed, so that the same model is compared on the same rows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from flyball.runtimes.mlmodel import Mlmodel
from flyball.runtimes.model import Files

ROWS = 256
MOST_LOGGED = 1000
EXTREMES = (0.0, -1.0, 1e-9, 1e6, -1e6, 1e9, -1e9)
BEYOND = (1e39, -1e39, 1e300)
"""Greater than single precision holds."""
UNSEEN = "a value that no model has seen"
_FEW = 32


@dataclass(frozen=True)
class Samples:
    """Frames of the same columns: `usual` rows, with `whole` numbers for floats, with `extremes`, and with `unseen` texts.

    By its column, rows that lack a value each: `missing`, null and, of floats, NaN; and rows `beyond` single precision.
    """

    usual: pl.DataFrame
    whole: pl.DataFrame
    extremes: pl.DataFrame
    unseen: pl.DataFrame
    missing: Mapping[str, pl.DataFrame]
    beyond: Mapping[str, pl.DataFrame]
    n_logged: int


def samples(schema: Mapping[str, pl.DataType], logged: pl.DataFrame | None, *, texts: Sequence[str] = ()) -> Samples:
    """Rows of the columns of `schema`, around the `logged` ones if there are any; `texts` are values that texts may have."""
    draw = np.random.default_rng(0)
    known = None if logged is None or not set(schema) <= set(logged.columns) else _cast(logged.select(list(schema)), schema)
    drawn = pl.DataFrame({name: _drawn(name, dtype, known=known, texts=texts, draw=draw) for name, dtype in schema.items()}, schema=schema)
    usual = drawn if known is None else pl.concat([known, drawn])
    return Samples(
        usual=usual,
        whole=_whole(drawn),
        extremes=_extremes(drawn),
        unseen=_unseen(drawn),
        missing=_missing(drawn),
        beyond=_beyond(drawn),
        n_logged=0 if known is None else known.height,
    )


def logged_rows(told: Mlmodel, files: Files) -> pl.DataFrame | None:
    """The input example that was logged with a model; None where there is none, or it is no table."""
    path, _ = told.example or ("", "")
    if path not in files:
        return None
    try:
        found = json.loads(files[path])
        if isinstance(found, dict) and "data" in found:
            data = found["data"][:MOST_LOGGED]
            names = [str(name) for name in found.get("columns", range(len(data[0])))]
            return pl.DataFrame([dict(zip(names, row, strict=True)) for row in data], infer_schema_length=None)
        if isinstance(found, dict) and isinstance(found.get("inputs"), list):
            return pl.DataFrame([{str(place): value for place, value in enumerate(row)} for row in found["inputs"][:MOST_LOGGED]])
    except (ValueError, TypeError, IndexError, KeyError, RecursionError, pl.exceptions.PolarsError):
        return None
    return None


def _cast(rows: pl.DataFrame, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    return rows.with_columns(pl.col(name).cast(dtype, strict=False) for name, dtype in schema.items())


def _drawn(name: str, dtype: pl.DataType, *, known: pl.DataFrame | None, texts: Sequence[str], draw: np.random.Generator) -> list[Any]:
    seen: list[Any] = [] if known is None else known[name].drop_nulls().to_list()
    if dtype == pl.Boolean:
        return [bool(truth) for truth in draw.integers(0, 2, ROWS)]
    if dtype == pl.String:
        values = sorted({*map(str, seen), *texts}) or ["a", "b"]
        return [values[place] for place in draw.integers(0, len(values), ROWS)]
    if dtype.is_temporal():
        base = draw.integers(0, 2 * 10**9, ROWS)
        return pl.Series(base * 10**6).cast(pl.Datetime("us")).cast(dtype).to_list()
    centre, spread = (float(np.mean(seen)), float(np.std(seen)) or 1.0) if seen else (0.0, 1.0)
    wide = 10.0 ** draw.uniform(-1, 2 if seen else 4, ROWS)
    numbers = centre + spread * draw.normal(0, 1, ROWS) * np.where(draw.uniform(size=ROWS) < 0.7, 1.0, wide)
    if dtype.is_integer() or draw.uniform() < 0.2:  # whole numbers come for floats, too
        numbers = np.clip(np.round(numbers), -(2**31), 2**31 - 1)
    return [int(number) if dtype.is_integer() else float(number) for number in numbers]


def _extremes(rows: pl.DataFrame) -> pl.DataFrame:
    numbers = [name for name, dtype in rows.schema.items() if dtype.is_numeric()]
    found = [
        rows.head(1).with_columns(pl.lit(int(value) if rows.schema[name].is_integer() else value).cast(rows.schema[name]).alias(name))
        for name in numbers
        for value in EXTREMES
    ]
    return pl.concat(found) if found else rows.clear()


def _unseen(rows: pl.DataFrame) -> pl.DataFrame:
    texts = [name for name, dtype in rows.schema.items() if dtype == pl.String]
    found = [rows.slice(place, 2).with_columns(pl.lit(word).alias(name)) for place, name in enumerate(texts) for word in (UNSEEN, "", " ")]
    return pl.concat(found) if found else rows.clear()


def _whole(rows: pl.DataFrame) -> pl.DataFrame:
    floats = [name for name, dtype in rows.schema.items() if dtype.is_float()]
    return rows.head(_FEW).with_columns(pl.col(floats).round().cast(pl.Int64)) if floats else rows.clear()


def _missing(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    return {name: pl.concat(_without(rows[place % rows.height], name)) for place, name in enumerate(rows.columns)}


def _without(row: pl.DataFrame, name: str) -> list[pl.DataFrame]:
    nothing = [None, float("nan")] if row.schema[name].is_float() else [None]
    return [row.with_columns(pl.lit(value, dtype=row.schema[name]).alias(name)) for value in nothing]


def _beyond(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    doubles = [name for name, dtype in rows.schema.items() if dtype == pl.Float64]
    return {name: pl.concat([rows.head(1).with_columns(pl.lit(value).alias(name)) for value in BEYOND]) for name in doubles}
