"""A model's finished features as the rows of a request, for callers who know them already.

Features have any type, requests only those of `rowform`: what lies between is said here, both ways.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from flyball.serving.rowform import RowForm, find_kind


def vector_form(dtypes: Mapping[str, pl.DataType]) -> RowForm | None:
    """The form of rows that have a column per feature; None where a feature's values cannot be sent.

    No row has a key, and no feature may be left out: one that is not known is null.
    """
    kinds = {name: find_kind(dtype) for name, dtype in dtypes.items()}
    columns = {name: kind for name, kind in kinds.items() if kind is not None}
    return RowForm(columns, key=(), required=frozenset(columns)) if len(columns) == len(kinds) else None


def as_features(frame: pl.DataFrame, dtypes: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """The frame of such rows, with the features' own types; one that has them already is returned as it is.

    Raises:
        pl.exceptions.PolarsError: a value is none of its feature's.
    """
    changed = [_restored(name, dtype) for name, dtype in dtypes.items() if frame.schema[name] != dtype]
    return frame.with_columns(changed) if changed else frame


def _restored(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    match dtype:
        case pl.Datetime(time_unit=unit, time_zone=str(zone)):
            return column.dt.convert_time_zone(zone).dt.cast_time_unit(unit)
        case pl.Duration(time_unit=unit):
            return column.cast(pl.Duration("us")).dt.cast_time_unit(unit)
    return column.cast(dtype)
