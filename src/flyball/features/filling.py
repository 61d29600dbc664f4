"""What a view's features are where they would be null: one declared value per column, the same in trainings and in requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from flyball.core.errors import UnknownNameError
from flyball.features.errors import FeatureDefinitionError


def fills_of(where: str, default: Mapping[str, Any], *, dtypes: Mapping[str, pl.DataType]) -> dict[str, pl.Series]:
    """The defaults as series of one value, by the full names that `dtypes` has.

    Raises:
        UnknownNameError: the view has no such column.
        FeatureDefinitionError: a value is not of its column's type, or is none.
    """
    own = {full.partition(".")[2]: full for full in dtypes}
    found: dict[str, pl.Series] = {}
    for name, value in default.items():
        if name not in own:
            raise UnknownNameError("column", name, known=own, where=f"the defaults of {where}")
        full = own[name]
        if value is None:
            raise FeatureDefinitionError(where, f"the default of {name!r} is None, which it is without one; leave it out")
        try:
            found[full] = pl.Series(full, [value], dtype=dtypes[full], strict=True)
        except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError) as error:
            raise FeatureDefinitionError(where, f"the default of {name!r} is {value!r}, but the column is {dtypes[full]}") from error
    return found


def filled(frame: pl.DataFrame, fills: Mapping[str, pl.Series]) -> pl.DataFrame:
    """The frame with the default wherever a value is null."""
    if not fills:
        return frame
    return frame.with_columns(pl.col(name).fill_null(pl.lit(series.item(), dtype=series.dtype)) for name, series in fills.items())
