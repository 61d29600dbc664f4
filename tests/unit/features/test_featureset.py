"""A feature set is checked before any data is read; what is wrong is named, with the near name and the way out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from flyball import features as fb
from flyball.core.errors import UnknownNameError
from flyball.data import Dataset, FileSource, known_until
from flyball.data.model import ARRIVAL, EVENT_TIME, KNOWN_TIME, PREDICTION_TIME, TIME
from flyball.features.errors import (
    AmbiguousArgumentError,
    CircularFeatureError,
    DuplicateFeatureError,
    EntityTypeError,
    FeatureDefinitionError,
    FeatureFunctionError,
    NotRowWiseError,
    PredictionTimeError,
    UnnamedFeatureError,
)

Schemas = Mapping[str, pl.Schema]


def compiled(flights: Dataset, schemas: Schemas, *features: fb.Feature) -> fb.FeatureSet:
    return fb.FeatureSet.compile(features, flights, schemas=schemas)


@fb.on_demand
def calendar(departs_at: pl.Expr) -> dict[str, pl.Expr]:
    return {"hour": departs_at.dt.hour(), "weekday": departs_at.dt.weekday()}


@fb.on_demand
def early(hour: pl.Expr) -> dict[str, pl.Expr]:
    return {"early": hour < 8}


def test_names_types_and_inputs_are_known_without_data(
    flights: Dataset, sky: fb.View, punctuality: fb.WindowView, schemas: Schemas
) -> None:
    features = compiled(flights, schemas, early, flights["carrier", "seats"], sky, sky.on("dest"), punctuality, calendar)
    assert features.dtypes == {
        "early.early": pl.Boolean(), "flights.carrier": pl.String(), "flights.seats": pl.Int32(), "sky.temp": pl.Float64(),
        "sky.wind": pl.Float64(), "sky@dest.temp": pl.Float64(), "sky@dest.wind": pl.Float64(), "punctuality.late": pl.Float64(),
        "punctuality.landed": pl.Int64(), "calendar.hour": pl.Int8(), "calendar.weekday": pl.Int8(),
    }  # fmt: skip
    assert features.names == tuple(features.dtypes)
    assert features.inputs == ("flight_id", "departs_at", "carrier", "origin", "dest", "seats")


def test_the_key_is_always_an_input(flights: Dataset, schemas: Schemas) -> None:
    assert compiled(flights, schemas, calendar).inputs == ("flight_id", "departs_at")


def test_a_misspelt_column_of_the_rows_is_named_with_the_near_one(flights: Dataset, schemas: Schemas) -> None:
    with pytest.raises(UnknownNameError, match=r"no column 'carier' in dataset 'flights'. Did you mean 'carrier'"):
        compiled(flights, schemas, flights["carier"])


def test_a_misspelt_column_in_a_view_is_named_with_the_near_one(flights: Dataset, weather: Dataset, schemas: Schemas) -> None:
    @fb.view(weather, entity="origin")
    def air(rows: pl.LazyFrame) -> pl.LazyFrame:
        return rows.with_columns(double=pl.col("tmep") * 2)

    with pytest.raises(UnknownNameError, match=r"no column 'tmep' in View 'air'. Did you mean 'temp'"):
        compiled(flights, schemas, air)


def test_a_misspelt_column_in_a_window_is_named_with_the_near_one(flights: Dataset, landings: Dataset, schemas: Schemas) -> None:
    slow = fb.window_view(landings.join(flights, on="flight_id"), entity="carrier", over="7d", every="1h", late=fb.mean("ar_delay"))
    with pytest.raises(UnknownNameError, match=r"no column 'ar_delay' in Window view 'slow'. Did you mean 'arr_delay'"):
        compiled(flights, schemas, slow)


@pytest.mark.parametrize("entity", ["orign", "flight"])
def test_an_entity_that_the_rows_or_the_view_lack_is_refused(flights: Dataset, weather: Dataset, schemas: Schemas, entity: str) -> None:
    @fb.view(weather, entity=entity)
    def air(rows: pl.LazyFrame) -> pl.LazyFrame:
        return rows.select("temp")

    with pytest.raises(UnknownNameError, match=entity):
        compiled(flights, schemas, air)


def test_an_entity_missing_from_the_rows_is_refused(flights: Dataset, sky: fb.View, schemas: Schemas) -> None:
    with pytest.raises(UnknownNameError, match=r"no column 'des' in the rows.*Did you mean 'dest'"):
        compiled(flights, schemas, sky.on("des"))


def test_an_entity_of_another_type_is_refused(flights: Dataset, sky: fb.View, schemas: Schemas) -> None:
    with pytest.raises(EntityTypeError, match="'origin', which is String there, but 'seats' of the rows is Int32"):
        compiled(flights, schemas, sky.on("seats"))


def test_a_role_needs_as_many_columns_as_the_entity(sky: fb.View) -> None:
    with pytest.raises(FeatureDefinitionError, match="needs 1 columns"):
        sky.on("origin", "dest")


def test_columns_of_another_dataset_are_no_features(flights: Dataset, weather: Dataset, schemas: Schemas) -> None:
    with pytest.raises(FeatureDefinitionError, match="known without a view"):
        compiled(flights, schemas, weather["temp"])


def test_the_same_view_twice_is_refused(flights: Dataset, sky: fb.View, schemas: Schemas) -> None:
    with pytest.raises(DuplicateFeatureError, match="'sky' is taken twice"):
        compiled(flights, schemas, sky, sky)


def test_an_argument_with_two_meanings_is_refused_with_both(flights: Dataset, sky: fb.View, schemas: Schemas) -> None:
    @fb.on_demand
    def felt(temp: pl.Expr) -> dict[str, pl.Expr]:
        return {"felt": temp - 2}

    with pytest.raises(AmbiguousArgumentError, match=r"may be 'sky.temp' or 'sky@dest.temp'. Say which: @fb.on_demand\(temp='sky.temp'\)"):
        compiled(flights, schemas, sky, sky.on("dest"), felt)


def test_an_argument_may_be_bound_by_its_full_name(flights: Dataset, sky: fb.View, schemas: Schemas) -> None:
    @fb.on_demand(temp="sky@dest.temp", carrier="flights.carrier")
    def felt(temp: pl.Expr, carrier: pl.Expr) -> dict[str, pl.Expr]:
        return {"felt": temp - 2, "own": carrier == "AA"}

    features = compiled(flights, schemas, sky.on("dest"), felt)
    assert features.dtypes["felt.felt"] == pl.Float64
    assert "carrier" in features.inputs


def test_an_argument_that_nothing_is_called_is_refused(flights: Dataset, sky: fb.View, schemas: Schemas) -> None:
    @fb.on_demand
    def felt(tmp: pl.Expr) -> dict[str, pl.Expr]:
        return {"felt": tmp}

    with pytest.raises(UnknownNameError, match=r"'tmp' in the arguments of On-demand feature 'felt'. Did you mean 'temp'"):
        compiled(flights, schemas, sky, felt)


def test_on_demand_features_in_a_circle_are_refused_with_the_path(flights: Dataset, schemas: Schemas) -> None:
    @fb.on_demand
    def one(second: pl.Expr) -> dict[str, pl.Expr]:
        return {"first": second}

    @fb.on_demand
    def two(first: pl.Expr) -> dict[str, pl.Expr]:
        return {"second": first}

    with pytest.raises(CircularFeatureError) as caught:
        compiled(flights, schemas, one, two)
    assert caught.value.path == ("one", "two", "one")


def test_an_on_demand_feature_must_be_row_wise_too(flights: Dataset, schemas: Schemas) -> None:
    @fb.on_demand
    def crowd(seats: pl.Expr) -> dict[str, pl.Expr]:
        return {"share": seats / seats.sum()}

    with pytest.raises(NotRowWiseError, match="On-demand feature 'crowd' uses"):
        compiled(flights, schemas, crowd)


def test_what_a_function_raises_is_said_with_its_line(flights: Dataset, schemas: Schemas) -> None:
    @fb.on_demand
    def broken(seats: pl.Expr) -> dict[str, pl.Expr]:
        return {"x": seats / (1 // 0)}

    with pytest.raises(FeatureFunctionError, match=r"'broken' does not work: ZeroDivisionError.*test_featureset.py, line \d+"):
        compiled(flights, schemas, broken)


def test_a_window_needs_a_row_wise_expression_and_a_fitting_type(flights: Dataset, landings: Dataset, schemas: Schemas) -> None:
    sly = fb.window_view(
        landings.join(flights, on="flight_id"), entity="carrier", over="7d", every="1h", x=fb.mean(pl.col("arr_delay").max())
    )
    odd = fb.window_view(landings.join(flights, on="flight_id"), entity="carrier", over="7d", every="1h", x=fb.sum("dest"))
    with pytest.raises(NotRowWiseError, match="Window view 'sly'"):
        compiled(flights, schemas, sly)
    with pytest.raises(FeatureDefinitionError, match="no sum of values of type String"):
        compiled(flights, schemas, odd)


def test_a_window_view_needs_a_name(flights: Dataset) -> None:
    with pytest.raises(UnnamedFeatureError):
        [fb.window_view(flights, entity="carrier", over="7d", every="1h", n=fb.count())]


@pytest.mark.parametrize(("over", "every"), [("0s", "1h"), ("7d", "0s")])
def test_a_window_has_a_length(flights: Dataset, over: str, every: str) -> None:
    with pytest.raises(FeatureDefinitionError, match="longer than nothing"):
        _ = fb.window_view(flights, entity="carrier", over=over, every=every, n=fb.count())


def test_the_fingerprint_follows_meaning(flights: Dataset, sky: fb.View, weather: Dataset, schemas: Schemas) -> None:
    moved = Dataset("flights", FileSource("elsewhere"), key="flight_id", event_time="departs_at", known_before="24h")
    longer = fb.view(weather, entity="origin", ttl="4h")(sky.function)
    same = fb.view(weather, entity="origin", ttl="180m")(sky.function)
    prints = [compiled(flights, schemas, view).fingerprint for view in (sky, same, longer, sky.on("dest"))]
    assert prints[0] == prints[1] == compiled(moved, schemas, sky).fingerprint
    assert len(set(prints)) == 3


def _rows(moments: list[datetime | None]) -> pl.DataFrame:
    days = pl.datetime_range(datetime(2013, 1, 2, tzinfo=UTC), datetime(2013, 1, 4, tzinfo=UTC), "1d", time_unit="us", eager=True)
    return pl.DataFrame({"flight_id": [1, 2, 3], "departs_at": days, "carrier": ["AA", "BB", None], "seats": [1, 2, 3]}).with_columns(
        pl.Series(PREDICTION_TIME, moments, dtype=TIME)
    )


def test_rows_without_a_prediction_time_or_a_column_are_refused(flights: Dataset, sky: fb.View, schemas: Schemas) -> None:
    features = compiled(flights, schemas, calendar, sky)
    day = datetime(2013, 1, 1, tzinfo=UTC)
    with pytest.raises(UnknownNameError, match=r"no column 'origin' in the rows"):
        features.compute(_rows([day, day, day]), {})
    with pytest.raises(PredictionTimeError, match="1 rows have no prediction time"):
        features.compute(_rows([day, None, day]).with_columns(origin=pl.lit("JFK")), {"weather": _weather()})


def test_a_column_of_another_type_is_refused(flights: Dataset, schemas: Schemas) -> None:
    rows = _rows([datetime(2013, 1, 1, tzinfo=UTC)] * 3).with_columns(seats=pl.Series(["two", "three", None]))
    with pytest.raises(FeatureFunctionError, match=r"The type of a column does not work: .*seats"):
        compiled(flights, schemas, flights["seats"]).compute(rows, {})


def _weather(*rows: tuple[str, int, float]) -> pl.DataFrame:
    start = datetime(2013, 1, 1, tzinfo=UTC)
    moments = [start + timedelta(hours=hour) for _, hour, _ in rows]
    frame = pl.DataFrame({"origin": [row[0] for row in rows], "observed_at": moments, "temp": [row[2] for row in rows], "wind": 1.0},
                         schema={"origin": pl.String, "observed_at": TIME, "temp": pl.Float64, "wind": pl.Float64})  # fmt: skip
    frame = frame.with_columns(pl.col("observed_at").alias(EVENT_TIME), pl.col("observed_at").alias(KNOWN_TIME))
    return known_until(frame.with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias(ARRIVAL)), ["origin", "observed_at"])


def test_no_rows_and_no_history_give_typed_empty_features(
    flights: Dataset, sky: fb.View, punctuality: fb.WindowView, schemas: Schemas
) -> None:
    features = compiled(flights, schemas, flights["carrier"], sky, punctuality, calendar)
    empty = {name: _weather().clear() for name in ("weather",)}
    system = {EVENT_TIME: TIME, KNOWN_TIME: TIME, "__known_until": TIME, ARRIVAL: pl.Int64()}
    empty |= {name: pl.DataFrame(schema={**schemas[name], **system}) for name in ("flights", "landings")}
    moments = [datetime(2013, 1, 1, tzinfo=UTC)] * 3
    rows = _rows([*moments]).with_columns(origin=pl.lit("JFK"))
    found = features.compute(rows, empty)
    assert found.schema == features.dtypes
    assert found["sky.temp"].null_count() == 3
    assert found["punctuality.landed"].to_list() == [0, 0, None]
    assert features.compute(rows.clear(), empty).schema == features.dtypes


def test_a_categorical_column_is_a_string(flights: Dataset, schemas: Schemas) -> None:
    categorical = {**schemas, "flights": pl.Schema({**schemas["flights"], "carrier": pl.Categorical()})}
    features = compiled(flights, categorical, flights["carrier"])
    rows = _rows([datetime(2013, 1, 1, tzinfo=UTC)] * 3).with_columns(pl.col("carrier").cast(pl.Categorical))
    assert features.compute(rows, {}).to_dict(as_series=False) == {"flights.carrier": ["AA", "BB", None]}


def test_the_catalogue_says_where_each_feature_comes_from(
    flights: Dataset, sky: fb.View, punctuality: fb.WindowView, schemas: Schemas
) -> None:
    entries = {
        entry.name: entry
        for entry in fb.list_features(compiled(flights, schemas, flights["carrier"], sky.on("dest"), punctuality, calendar))
    }
    assert [entry.kind for entry in entries.values()] == ["columns", "view", "view", "window-view", "window-view", "on-demand", "on-demand"]
    view, window, hour = entries["sky@dest.temp"], entries["punctuality.late"], entries["calendar.hour"]
    assert (view.view, view.sources, view.entity, view.bound, view.rule) == (
        "sky@dest",
        ("weather",),
        ("origin",),
        ("dest",),
        "not older than 3h",
    )
    assert (window.dtype, window.sources, window.rule) == ("Float64", ("landings", "flights"), "over 7d every 1h")
    assert hour.sources == ("flights.departs_at",)
