"""Values of every flat type come back from a packed value as they were, and keys find equal entities."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_series_equal

from flyball import features as fb
from flyball.data import Dataset
from flyball.features.errors import OnlineSchemaError, OnlineTypeError
from flyball.features.lookup import ViewLookup
from flyball.features.packing import OnlineLookup, OnlineTable, Step, logical, physical

MOMENT = datetime(1969, 7, 20, 20, 17, 40, 1, tzinfo=UTC)
COLUMNS: dict[str, tuple[Any, Any]] = {
    "text": (["é\n", "", None], pl.String),
    "yes": ([True, False, None], pl.Boolean),
    "i8": ([-128, 1, None], pl.Int8),
    "i64": ([-(2**63), 2**63 - 1, None], pl.Int64),
    "u64": ([2**64 - 1, 0, None], pl.UInt64),
    "i128": ([-(2**100), 2**100, None], pl.Int128),
    "f32": ([0.1, float("inf"), None], pl.Float32),
    "f64": ([float("nan"), -0.0, None], pl.Float64),
    "bytes": ([b"\x00\xff", b"", None], pl.Binary),
    "day": ([date(1969, 7, 20), date(2100, 1, 1), None], pl.Date),
    "time": ([time(23, 59, 59, 1), time(0), None], pl.Time),
    "moment": ([MOMENT, MOMENT, None], pl.Datetime("us", "Asia/Kolkata")),
    "milli": ([MOMENT, MOMENT, None], pl.Datetime("ms", "UTC")),
    "nano": ([MOMENT.replace(tzinfo=None), MOMENT.replace(tzinfo=None, year=2013), None], pl.Datetime("ns")),
    "length": ([timedelta(days=-3, microseconds=1), timedelta(), None], pl.Duration("us")),
    "price": ([Decimal("1.50"), Decimal("-99999.99"), None], pl.Decimal(12, 2)),
    "size": (["S", "L", None], pl.Enum(["S", "L"])),
    "nothing": ([None, None, None], pl.Null),
}
TABLE = OnlineTable("t-0", b"12345678", (pl.String(),), (pl.Int64(), pl.String()))


@pytest.mark.parametrize("name", COLUMNS)
def test_values_of_every_flat_type_come_back(name: str) -> None:
    values, dtype = COLUMNS[name]
    column = pl.Series(name, values, dtype=dtype)
    steps: list[Step] = [(since, since, value, "x") for since, value in enumerate(physical(column))]
    found = TABLE.unpack(TABLE.pack(steps))
    assert_series_equal(logical(name, column.dtype)([step[2] for step in found]), column, check_exact=True)


def test_a_step_without_answer_is_as_long_as_the_others() -> None:
    steps: list[Step] = [(1, 1, 5, "a"), (2, None, None, None), (3, 2, None, "b")]
    assert TABLE.unpack(TABLE.pack(steps)) == steps


def test_a_value_of_other_columns_is_refused() -> None:
    other = OnlineTable("t-0", b"87654321", (pl.String(),), (pl.Int64(),))
    with pytest.raises(OnlineSchemaError, match="Restart the control plane"):
        other.unpack(TABLE.pack([(1, 1, 5, "a")]))


@pytest.mark.parametrize("name", sorted(COLUMNS.keys() - {"nothing"}))
def test_equal_entities_have_equal_keys(name: str) -> None:
    values, dtype = COLUMNS[name]
    column = pl.Series(name, values, dtype=dtype)
    for entity, bound in (((dtype,), [column]), ((dtype, dtype), [column, column])):
        table = OnlineTable("t-0", b"12345678", entity, ())
        keys = table.keys(bound)
        assert keys[2] is None
        for key in keys[:2]:
            packed = table.pack_key(key)
            assert table.unpack_key(packed) == key
            assert hash(table.unpack_key(packed)) == hash(key)


def test_numbers_that_frames_hold_equal_are_one_entity() -> None:
    table = OnlineTable("t-0", b"12345678", (pl.Float64(),), ())
    keys = table.keys([pl.Series([0.0, -0.0, float("nan"), -float("nan"), 1.5])])
    packed = [table.pack_key(key) for key in keys]
    assert packed[0] == packed[1] != packed[2]
    assert packed[2] == packed[3]
    assert len(set(packed)) == 3


def _lookup(feature: fb.View | fb.WindowView, flights: Dataset, *, schemas: Mapping[str, pl.Schema]) -> tuple[OnlineLookup, pl.Schema]:
    features = fb.FeatureSet.compile([feature], flights, schemas=schemas)
    found = features.lookups[0]
    assert isinstance(found, OnlineLookup)
    return found, features.schema


def test_a_table_belongs_to_what_is_answered_not_to_who_asks(sky: fb.View, flights: Dataset, schemas: Mapping[str, pl.Schema]) -> None:
    one, role = (OnlineTable.of(*_lookup(feature, flights, schemas=schemas)) for feature in (sky, sky.on("dest")))
    assert one == role
    assert one.name.startswith("sky-")
    seen = schemas["weather"]
    typed = {**schemas, "weather": pl.Schema({**seen, "temp": pl.Float32()})}
    assert OnlineTable.of(*_lookup(sky, flights, schemas=typed)).name != one.name
    older = ViewLookup.compile(fb.view(sky.source, entity="origin", ttl="4h")(sky.function), schemas["flights"], schemas=schemas)
    assert OnlineTable.of(older, schemas["flights"]).name != one.name


def test_a_nested_value_is_refused(weather: Dataset, flights: Dataset, schemas: Mapping[str, pl.Schema]) -> None:
    @fb.view(weather, entity="origin")
    def both(rows: pl.LazyFrame) -> pl.LazyFrame:
        return rows.select(pair=pl.struct("temp", "wind"))

    with pytest.raises(OnlineTypeError, match=r"'both\.pair' is Struct"):
        OnlineTable.of(*_lookup(both, flights, schemas=schemas))
