"""What features are computed from: predicted rows and histories, with times as int64 microseconds and entities as dense codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from flyball.core.errors import UnknownNameError
from flyball.data import Dataset, Join, join_histories
from flyball.data.model import ARRIVAL, EVENT_TIME, KNOWN_TIME, KNOWN_UNTIL, PREDICTION_TIME, TIME
from flyball.features.errors import EntityTypeError, PredictionTimeError
from flyball.kernels import MAX

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SYSTEM = {EVENT_TIME: TIME, KNOWN_TIME: TIME, KNOWN_UNTIL: TIME, ARRIVAL: pl.Int64()}


def user_schema(schema: pl.Schema) -> pl.Schema:
    """The user's columns of a dataset's schema; a Categorical is a String, because its codes depend on rows still to come."""
    return pl.Schema({name: _plain(dtype) for name, dtype in schema.items() if not name.startswith("__")})


def _plain(dtype: pl.DataType) -> pl.DataType:
    return pl.String() if dtype == pl.Categorical else dtype


def plain(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with every Categorical as String."""
    if pl.Categorical not in frame.dtypes:
        return frame
    return frame.with_columns(pl.col(pl.Categorical).cast(pl.String))


def empty_history(schema: pl.Schema) -> pl.DataFrame:
    """A history without rows, for finding the types of what will be computed."""
    return pl.DataFrame(schema={**user_schema(schema), **_SYSTEM})


def history_of(source: Dataset | Join, histories: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The history of a dataset, or of a join of two; rows without event or known time belong to no time and are left out.

    Raises:
        UnknownNameError: `histories` lacks a dataset.
    """
    if isinstance(source, Join):
        return join_histories(history_of(source.left, histories), history_of(source.right, histories), on=source.on)
    return history_named(source.name, histories)


def history_named(dataset: str, histories: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The history of a dataset as `history_of` gives it.

    Raises:
        UnknownNameError: `histories` lacks it.
    """
    if dataset not in histories:
        raise UnknownNameError("dataset", dataset, known=histories)
    history = plain(histories[dataset])
    timed = not (history[EVENT_TIME].null_count() or history[KNOWN_TIME].null_count())
    return history if timed else history.drop_nulls([EVENT_TIME, KNOWN_TIME])


def times(series: pl.Series) -> NDArray[np.int64]:
    """Microseconds since 1970 UTC whatever the zone and unit of `series`; null is `MAX`, the time that never comes."""
    # Casts are free of the query that to_physical and fill_null start, which costs a request more than all else here.
    whole = series.cast(pl.Datetime("us", getattr(series.dtype, "time_zone", None))).cast(pl.Int64)
    return (whole.fill_null(MAX) if whole.null_count() else whole).to_numpy()


def prediction_times(rows: pl.DataFrame) -> NDArray[np.int64]:
    """The prediction time of each row.

    Raises:
        PredictionTimeError: a row has none.
    """
    if missing := rows[PREDICTION_TIME].null_count():
        raise PredictionTimeError(missing)
    return times(rows[PREDICTION_TIME])


@dataclass(frozen=True)
class Versions:
    """The system columns of a history as arrays of one length, in its row order."""

    event: NDArray[np.int64]
    known: NDArray[np.int64]
    until: NDArray[np.int64]
    arrival: NDArray[np.int64]

    @classmethod
    def of(cls, history: pl.DataFrame) -> Versions:
        """The four system columns of `history`."""
        return cls(times(history[EVENT_TIME]), times(history[KNOWN_TIME]), times(history[KNOWN_UNTIL]), history[ARRIVAL].to_numpy())


@dataclass(frozen=True)
class Entities:
    """The distinct entities of a table without null parts; the code of each is its row in `frame`, dense from 0 on."""

    frame: pl.DataFrame

    @classmethod
    def of(cls, table: pl.DataFrame) -> Entities:
        """The entities of `table`, whose columns are their parts."""
        return cls(table.lazy().unique(maintain_order=True).drop_nulls().collect())

    def codes(self, bound: pl.DataFrame) -> NDArray[np.int64]:
        """The code of each row of `bound`, column by column; -1 where a part is null or the table has no such entity."""
        columns = [f"{index}" for index in range(self.frame.width)]
        code = pl.col("code").cast(pl.Int64).fill_null(-1)
        known, rows = (
            pl.DataFrame([series.alias(name) for series, name in zip(frame.get_columns(), columns, strict=True)]).lazy()
            for frame in (self.frame, bound)
        )
        # One query: each costs a tenth of a millisecond before it begins, and online these tables are small.
        return (
            rows.join(known.with_row_index("code"), on=columns, how="left", maintain_order="left").select(code).collect()["code"].to_numpy()
        )


def check_entity(where: str, entity: Mapping[str, pl.DataType], *, bound: Mapping[str, pl.DataType]) -> None:
    """Entity and bound columns have one type each, so that equal means equal.

    Raises:
        EntityTypeError: they have not.
    """
    for (name, dtype), (column, other) in zip(entity.items(), bound.items(), strict=True):
        if dtype != other:
            raise EntityTypeError(where, name, of_view=str(dtype), bound=column, of_rows=str(other))


def bound_types(where: str, columns: tuple[str, ...], *, rows: pl.Schema) -> dict[str, pl.DataType]:
    """The types of the rows' columns that hold an entity.

    Raises:
        UnknownNameError: the rows lack one.
    """
    for column in columns:
        if column not in rows:
            raise UnknownNameError("column", column, known=rows, where=f"the rows, where {where} looks for its entity")
    return {column: rows[column] for column in columns}


def schema_of(dataset: str, schemas: Mapping[str, pl.Schema]) -> pl.Schema:
    """The user's columns of a dataset.

    Raises:
        UnknownNameError: `schemas` lacks it.
    """
    if dataset not in schemas:
        raise UnknownNameError("dataset", dataset, known=schemas)
    return user_schema(schemas[dataset])


def gather(values: pl.DataFrame, found: NDArray[np.int64]) -> pl.DataFrame:
    """The rows of `values` at the indices `found`; nulls where an index is -1."""
    index = pl.Series(found, dtype=pl.Int64)
    return values.select(pl.all().gather(pl.lit(index.set(index < 0, None))))
