"""The writer and the reader of online features: what they need, what they forgive, and what they say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from flyball import features as fb
from flyball.core.errors import UnknownNameError
from flyball.data import Dataset, known_until
from flyball.data.model import ARRIVAL, EVENT_TIME, KNOWN_TIME, KNOWN_UNTIL, PREDICTION_TIME, TIME
from flyball.features._sqlite import SqliteOnlineStore
from flyball.features.errors import FeatureDefinitionError, FeatureFunctionError, OnlineStoreError, PredictionTimeError
from flyball.features.materialise import Materialiser
from flyball.features.mirror import Mirror
from flyball.features.online import Revision, TableWrite
from flyball.features.packing import OnlineTable, Step, physical
from flyball.features.vectors import Vectors

NOON = datetime(2013, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
Frames = dict[str, pl.DataFrame]
Schemas = Mapping[str, pl.Schema]


@fb.on_demand
def cold(temp: pl.Expr) -> dict[str, pl.Expr]:
    return {"frost": temp < 0}


@pytest.fixture
def features(sky: fb.View, punctuality: fb.WindowView, flights: Dataset, schemas: Schemas) -> fb.FeatureSet:
    return fb.FeatureSet.compile([flights["carrier"], sky, punctuality, cold], flights, schemas=schemas)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "online.db"


@pytest.fixture
def store(place: Path) -> Iterator[SqliteOnlineStore]:
    store = SqliteOnlineStore.write(place)
    yield store
    store.close()


@pytest.fixture
def empty(schemas: Schemas) -> Frames:
    system = {EVENT_TIME: TIME, KNOWN_TIME: TIME, KNOWN_UNTIL: TIME, ARRIVAL: pl.Int64()}
    return {name: pl.DataFrame(schema={**schema, **system}) for name, schema in schemas.items()}


def weather_of(*rows: tuple[str, datetime, float], known: timedelta = timedelta()) -> pl.DataFrame:
    """Weather in order of arrival, each known so long after its event time."""
    columns = {"origin": pl.String(), "observed_at": TIME, "temp": pl.Float64()}
    frame = pl.DataFrame(rows, schema=columns, orient="row").with_columns(wind=pl.lit(1.0))
    event = pl.col("observed_at")
    frame = frame.with_columns(
        event.alias(EVENT_TIME), (event + known).alias(KNOWN_TIME), pl.int_range(pl.len(), dtype=pl.Int64).alias(ARRIVAL)
    )
    return known_until(frame, ["origin", "observed_at"])


def requests(time: datetime = NOON, origin: str | None = "JFK") -> pl.DataFrame:
    row = {"flight_id": 1, "carrier": "AA", "origin": origin, PREDICTION_TIME: time}
    return pl.DataFrame([row], schema_overrides={"origin": pl.String(), PREDICTION_TIME: TIME})


def temp(vectors: Vectors, time: datetime = NOON) -> float | None:
    found: float | None = vectors.compute(requests(time)).frame["sky.temp"].item()
    return found


def test_horizons_say_what_still_matters(features: fb.FeatureSet, store: SqliteOnlineStore) -> None:
    writer = Materialiser(features, store)
    assert writer.horizon("weather") == 2 * timedelta(hours=3)
    assert writer.horizon("landings") == timedelta(days=7) + 3 * HOUR
    assert writer.horizon("flights") is None
    assert writer.horizon("other") == timedelta()
    assert Materialiser(features, store, partners=timedelta(days=2)).horizon("flights") == timedelta(days=9) + 3 * HOUR


def test_a_view_without_ttl_needs_all_rows(weather: Dataset, flights: Dataset, schemas: Schemas, store: SqliteOnlineStore) -> None:
    @fb.view(weather, entity="origin")
    def ever(rows: pl.LazyFrame) -> pl.LazyFrame:
        return rows.select("temp")

    writer = Materialiser(fb.FeatureSet.compile([ever], flights, schemas=schemas), store)
    assert writer.horizon("weather") is None
    assert writer.next_boundary(NOON) is None


def test_boundaries_are_due_until_they_are_closed(features: fb.FeatureSet, store: SqliteOnlineStore, empty: Frames) -> None:
    writer = Materialiser(features, store)
    writer.open(empty, NOON + timedelta(minutes=10))
    assert writer.next_boundary(NOON + timedelta(minutes=10)) == NOON + HOUR
    assert writer.next_boundary(NOON + 5 * HOUR) == NOON + HOUR
    writer.close_boundaries(NOON + 5 * HOUR)
    assert writer.next_boundary(NOON + 5 * HOUR) == NOON + 6 * HOUR
    vectors = Vectors(features, store)
    assert vectors.compute(requests(NOON + 5 * HOUR)).value_times["punctuality"] == [int((NOON + 5 * HOUR).timestamp()) * 10**6]


def test_a_stale_store_answers_with_what_it_has_and_says_of_when(features: fb.FeatureSet, store: SqliteOnlineStore, empty: Frames) -> None:
    Materialiser(features, store).open(empty, NOON)
    vector = Vectors(features, store).compute(requests(NOON + 5 * HOUR))
    assert vector.value_times["punctuality"] == [int(NOON.timestamp()) * 10**6]
    assert vector.frame["punctuality.landed"].to_list() == [0]


def test_before_the_first_write_look_ups_are_null(features: fb.FeatureSet, store: SqliteOnlineStore, empty: Frames) -> None:
    vectors = Vectors(features, store)
    assert not vectors.ready
    vector = vectors.compute(requests())
    assert vector.frame.schema == pl.Schema(features.dtypes)
    assert vector.frame.row(0) == ("AA", None, None, None, None, None)
    assert vector.value_times == {"sky": [None], "punctuality": [None]}
    Materialiser(features, store).open(empty, NOON)
    again = Vectors(features, store)
    assert again.ready
    assert vectors.compute(requests()).frame.row(0) == again.compute(requests()).frame.row(0) == ("AA", None, None, None, 0, None)


def test_no_rows_are_no_rows(features: fb.FeatureSet, store: SqliteOnlineStore, empty: Frames) -> None:
    Materialiser(features, store).open(empty, NOON)
    vector = Vectors(features, store).compute(requests().clear())
    assert vector.frame.schema == pl.Schema(features.dtypes)
    assert vector.frame.height == 0
    assert vector.value_times == {"sky": [], "punctuality": []}


def test_bad_requests_are_refused_as_offline(features: fb.FeatureSet, store: SqliteOnlineStore) -> None:
    vectors = Vectors(features, store)
    with pytest.raises(UnknownNameError, match="carrier"):
        vectors.compute(requests().rename({"carrier": "carriers"}))
    with pytest.raises(PredictionTimeError):
        vectors.compute(requests().with_columns(pl.lit(None, dtype=TIME).alias(PREDICTION_TIME)))
    with pytest.raises(FeatureFunctionError):
        vectors.compute(requests().with_columns(flight_id=pl.lit("seven")))
    assert vectors.compute(requests().with_columns(pl.col("carrier").cast(pl.Categorical))).frame["flights.carrier"].to_list() == ["AA"]


def test_readers_go_on_without_a_store(features: fb.FeatureSet, store: SqliteOnlineStore, empty: Frames, tmp_path: Path) -> None:
    Materialiser(features, store).open(empty | {"weather": weather_of(("JFK", NOON, -1.0))}, NOON)
    reader = SqliteOnlineStore.read(tmp_path / "online.db")
    vectors = Vectors(features, reader)
    assert temp(vectors) == -1.0
    reader.close()
    for suffix in ("", "-wal", "-shm"):
        (tmp_path / f"online.db{suffix}").unlink(missing_ok=True)
    vector = vectors.compute(requests())
    assert vector.frame["sky.temp"].to_list() == [-1.0]
    assert vector.frame["cold.frost"].to_list() == [True]


def test_a_store_that_was_removed_is_filled_again(features: fb.FeatureSet, store: SqliteOnlineStore, empty: Frames, tmp_path: Path) -> None:
    writer, reader = Materialiser(features, store), SqliteOnlineStore.read(tmp_path / "online.db")
    writer.open(empty | {"weather": weather_of(("JFK", NOON, -1.0), ("EWR", NOON, 3.0))}, NOON)
    vectors = Vectors(features, reader)
    assert temp(vectors) == -1.0
    (tmp_path / "online.db").unlink()
    rows = weather_of(("JFK", NOON, -1.0), ("EWR", NOON, 3.0), ("EWR", NOON + timedelta(minutes=1), 4.0))
    writer.apply("weather", rows, now=NOON + timedelta(minutes=2))
    assert temp(vectors) == -1.0
    assert temp(Vectors(features, reader)) == -1.0
    reader.close()


class Failing(SqliteOnlineStore):
    """It fails to write while it is told to."""

    failing = False

    def set(self, tables: Mapping[str, TableWrite]) -> Revision:
        if self.failing:
            raise OnlineStoreError("here", "the disk is full")
        return super().set(tables)


def test_a_write_that_failed_is_made_up_for(features: fb.FeatureSet, empty: Frames, tmp_path: Path) -> None:
    store = Failing(tmp_path / "online.db", mode="rwc")
    writer, vectors = Materialiser(features, store), Vectors(features, store)
    writer.open(empty | {"weather": weather_of(("JFK", NOON, 1.0))}, NOON)
    store.failing = True
    rows = weather_of(("JFK", NOON, 1.0), ("JFK", NOON + timedelta(minutes=1), 2.0))
    with pytest.raises(OnlineStoreError, match="disk is full"):
        writer.apply("weather", rows, now=NOON + timedelta(minutes=2))
    assert temp(vectors, NOON + timedelta(minutes=2)) == 1.0
    store.failing = False
    writer.close_boundaries(NOON + timedelta(minutes=3))
    assert temp(vectors, NOON + timedelta(minutes=3)) == 2.0
    store.close()


def test_a_correction_counts_though_it_moves_its_row_beyond_the_horizon(
    features: fb.FeatureSet, store: SqliteOnlineStore, empty: Frames
) -> None:
    writer, vectors = Materialiser(features, store), Vectors(features, store)
    row = weather_of(("JFK", NOON, 1.0))
    writer.open(empty | {"weather": row}, NOON)
    assert temp(vectors, NOON + HOUR) == 1.0
    # The version that supersedes it has an event time long past, so that only the end of the old one is seen.
    ended = row.with_columns(pl.lit(NOON + timedelta(minutes=5), dtype=TIME).alias(KNOWN_UNTIL))
    writer.apply("weather", ended, now=NOON + timedelta(minutes=5))
    assert temp(vectors, NOON + timedelta(minutes=4)) == 1.0
    assert temp(vectors, NOON + timedelta(minutes=5)) is None


def test_a_correction_beyond_the_horizon_changes_a_boundary_that_was_closed(
    features: fb.FeatureSet, store: SqliteOnlineStore, empty: Frames
) -> None:
    system = {EVENT_TIME: NOON - HOUR, KNOWN_TIME: NOON - HOUR, KNOWN_UNTIL: None, ARRIVAL: 0}
    landing = pl.DataFrame([{"flight_id": 1, "landed_at": NOON - HOUR, "arr_delay": 20.0, **system}], schema=empty["landings"].schema)
    flight = {"flight_id": 1, "departs_at": NOON - 5 * HOUR, "carrier": "AA", "origin": "JFK", "dest": "EWR", "seats": 1, **system}
    writer, vectors = Materialiser(features, store), Vectors(features, store)
    writer.open(empty | {"landings": landing, "flights": pl.DataFrame([flight], schema=empty["flights"].schema)}, NOON)
    assert vectors.compute(requests()).frame["punctuality.landed"].to_list() == [1]
    ended = landing.with_columns(pl.lit(NOON - HOUR / 2, dtype=TIME).alias(KNOWN_UNTIL))
    writer.apply("landings", ended, now=NOON + HOUR / 4)
    assert vectors.compute(requests()).frame["punctuality.landed"].to_list() == [0]


def test_what_changes_nothing_is_not_written(features: fb.FeatureSet, store: SqliteOnlineStore, empty: Frames) -> None:
    writer = Materialiser(features, store)
    rows = weather_of(("JFK", NOON, 1.0))
    writer.open(empty | {"weather": rows}, NOON)
    before = store.version()
    writer.apply("weather", rows, now=NOON + timedelta(minutes=1))
    writer.apply("other", rows, now=NOON + timedelta(minutes=1))
    writer.close_boundaries(NOON + timedelta(minutes=1))
    assert store.version() == before


def test_a_window_that_has_just_slid_on_is_still_found(
    weather: Dataset, flights: Dataset, schemas: Schemas, empty: Frames, place: Path
) -> None:
    warmth = fb.window_view(weather, entity="origin", over="1h", every="1h", seen=fb.count())
    features = fb.FeatureSet.compile([warmth], flights, schemas=schemas)
    store = SqliteOnlineStore.write(place)
    Materialiser(features, store).open(empty | {"weather": weather_of(("JFK", NOON - HOUR / 2, 1.0))}, NOON + 2 * HOUR)
    seen = [Vectors(features, store).compute(requests(NOON + hours * HOUR)).frame["warmth.seen"].item() for hours in range(-1, 3)]
    assert seen == [None, 1, 0, 0]
    store.close()


def test_what_has_left_the_histories_is_gone_after_the_next_start(features: fb.FeatureSet, store: SqliteOnlineStore, empty: Frames) -> None:
    vectors = Vectors(features, store)
    Materialiser(features, store).open(empty | {"weather": weather_of(("JFK", NOON, 1.0), ("EWR", NOON, 2.0))}, NOON)
    assert temp(vectors) == 1.0
    Materialiser(features, store).open(empty | {"weather": weather_of(("EWR", NOON, 2.0))}, NOON)
    assert temp(vectors) is None


def test_a_table_that_was_deleted_and_made_anew_has_nothing_of_before(
    features: fb.FeatureSet, store: SqliteOnlineStore, empty: Frames
) -> None:
    vectors = Vectors(features, store)
    Materialiser(features, store).open(empty | {"weather": weather_of(("JFK", NOON, 1.0))}, NOON)
    assert temp(vectors) == 1.0
    store.keep([])
    assert temp(vectors) == 1.0
    Materialiser(features, store).open(empty, NOON)
    assert temp(vectors) is None


def test_a_missing_history_is_named(features: fb.FeatureSet, store: SqliteOnlineStore, empty: Frames) -> None:
    del empty["landings"]
    with pytest.raises(UnknownNameError, match="landings"):
        Materialiser(features, store).open(empty, NOON)


def test_tables_of_dead_feature_sets_can_go(
    features: fb.FeatureSet, sky: fb.View, flights: Dataset, schemas: Schemas,
    store: SqliteOnlineStore, empty: Frames,
) -> None:  # fmt: skip
    old, new = Materialiser(features, store), Materialiser(fb.FeatureSet.compile([sky], flights, schemas=schemas), store)
    old.open(empty, NOON)
    new.open(empty, NOON)
    assert set(new.tables) < set(old.tables)
    assert store.list() == sorted(old.tables)
    store.keep(new.tables)
    assert store.list() == list(new.tables)


class Slow(OnlineTable):
    """While a thread unpacks a value, another one takes a newer value over."""

    def unpack(self, value: bytes) -> list[Step]:
        found = super().unpack(value)
        if found == [OLD]:
            MIRROR.take({self.pack_key("a"): self.pack([NEW])}, closed=None, fresh=False)
        return found


OLD, NEW = (1, 1, 1.0), (2, 2, 2.0)
MIRROR = Mirror(Slow("t-0", b"12345678", (pl.String(),), (pl.Float64(),)))


def test_an_old_value_never_replaces_a_newer_one() -> None:
    table = MIRROR.table
    MIRROR.take({table.pack_key("a"): table.pack([OLD])}, closed=None, fresh=True)
    assert MIRROR.steps("a") == [OLD]
    assert MIRROR.steps("a") == [NEW]


def columns_of(rows: pl.DataFrame, features: fb.FeatureSet) -> tuple[dict[str, list[Any]], dict[str, pl.DataType], list[int]]:
    """The rows as a request has them: columns in physical form, their types, and their prediction times."""
    columns = {name: physical(rows[name]) for name in features.inputs}
    return columns, {name: features.schema[name] for name in features.inputs}, rows[PREDICTION_TIME].to_physical().to_list()


@fb.on_demand
def moods(temp: pl.Expr, late: pl.Expr, *, departs_at: pl.Expr) -> dict[str, pl.Expr]:
    return {"always": pl.lit(1), "soon": departs_at + pl.duration(hours=1), "sum": temp + late, "word": pl.format("{}!", temp)}


@fb.on_demand(said="moods.sum", fixed="moods.always")
def twice(said: pl.Expr, fixed: pl.Expr) -> dict[str, pl.Expr]:
    return {"sum": said * 2, "is": fixed == 1}


@fb.on_demand
def lone() -> dict[str, pl.Expr]:
    return {"answer": pl.lit(42)}


@pytest.mark.parametrize("count", [0, 1, 3, 33])
def test_columns_of_a_request_give_what_a_frame_gives(
    sky: fb.View, punctuality: fb.WindowView, flights: Dataset, schemas: Schemas, store: SqliteOnlineStore, empty: Frames, count: int
) -> None:
    declared: list[fb.Feature] = [flights["carrier", "departs_at", "seats"], sky, punctuality, moods, twice, lone]
    features = fb.FeatureSet.compile(declared, flights, schemas=schemas)
    Materialiser(features, store).open(empty | {"weather": weather_of(("JFK", NOON, -1.0))}, NOON)
    origins = ["JFK", "EWR", None] * 11
    rows = pl.DataFrame(
        {
            "flight_id": pl.Series(range(count), dtype=pl.Int64), "carrier": ["AA", None, "é"][:count] * (count // 3 or 1),
            "origin": origins[:count], "departs_at": pl.Series([NOON + number * HOUR for number in range(count)], dtype=TIME),
            "seats": pl.Series([None if number % 2 else 7 for number in range(count)], dtype=pl.Int32),
            PREDICTION_TIME: pl.Series([NOON + number * HOUR / 4 for number in range(count)], dtype=TIME),
        }, schema_overrides={"carrier": pl.String, "origin": pl.String},
    )  # fmt: skip
    vectors = Vectors(features, store)
    asked, schema, times = columns_of(rows, features)
    by_frame, by_columns = vectors.compute(rows), vectors.compute_columns(asked, schema, times=times)
    assert_frame_equal(by_columns.frame, by_frame.frame)
    assert by_frame.frame.schema == pl.Schema(features.dtypes)
    assert by_columns.value_times == by_frame.value_times
    assert by_columns.lacks == by_frame.lacks
    assert list(by_columns.values) == list(features.names)


def test_columns_of_another_type_are_cast(features: fb.FeatureSet, store: SqliteOnlineStore, empty: Frames) -> None:
    Materialiser(features, store).open(empty, NOON)
    asked, schema, times = columns_of(requests(), features)
    schema["flight_id"] = pl.Int32()
    assert Vectors(features, store).compute_columns(asked, schema, times=times).frame["flights.carrier"].to_list() == ["AA"]


def test_a_row_without_a_fresh_value_is_told_why(features: fb.FeatureSet, store: SqliteOnlineStore, empty: Frames) -> None:
    vectors = Vectors(features, store)
    assert vectors.compute(requests()).lacks == {"sky": {0: "unpublished"}, "punctuality": {0: "unpublished"}}
    Materialiser(features, store).open(empty | {"weather": weather_of(("JFK", NOON, -1.0))}, NOON)
    assert vectors.compute(requests()).lacks == {}
    assert vectors.compute(requests(origin=None)).lacks == {"sky": {0: "unnamed"}}
    assert vectors.compute(requests(origin="ZZZ")).lacks == {"sky": {0: "unknown"}}
    assert vectors.compute(requests(NOON + 3 * HOUR)).lacks == {"punctuality": {0: "late"}}
    assert vectors.compute(requests(NOON + 4 * HOUR)).lacks == {"sky": {0: "stale"}, "punctuality": {0: "late"}}


def with_defaults(weather: Dataset, flights: Dataset, *, schemas: Schemas, **given: Any) -> fb.FeatureSet:
    """A view and a window view of which some columns have defaults, and what is computed of them."""

    @fb.view(weather, entity="origin", ttl="3h", **given)
    def sky(rows: pl.LazyFrame) -> pl.LazyFrame:
        return rows.select("temp", "wind", seen=pl.col("observed_at"), word=pl.format("{}!", "temp"))

    warmth = fb.window_view(weather, entity="origin", over="1h", every="1h", missing={"top": 50.0}, seen=fb.count(), top=fb.max("temp"))
    return fb.FeatureSet.compile([sky, warmth, cold], flights, schemas=schemas)


DEFAULTS = {"temp": -5, "seen": NOON, "word": "none"}


def test_defaults_stand_where_nothing_answers_offline_as_online(
    weather: Dataset, flights: Dataset, schemas: Schemas, store: SqliteOnlineStore, empty: Frames
) -> None:
    features = with_defaults(weather, flights, schemas=schemas, missing=DEFAULTS)
    vectors = Vectors(features, store)
    asked = pl.concat([requests(NOON + hours * HOUR, origin) for hours in (0, 1, 4) for origin in ("JFK", "ZZZ", None)])
    assert vectors.compute(asked).frame.row(2) == (-5.0, None, NOON, "none", None, 50.0, True)
    histories = empty | {"weather": weather_of(("JFK", NOON - HOUR / 2, 1.0))}
    writer = Materialiser(features, store)
    writer.open(histories, NOON)
    for hours in (0, 1, 4):
        writer.close_boundaries(NOON + hours * HOUR)
        rows = asked.filter(pl.col(PREDICTION_TIME) == NOON + hours * HOUR)
        assert_frame_equal(vectors.compute(rows).frame, features.compute(rows, histories), check_exact=True)
        columns, schema, times = columns_of(rows, features)
        assert_frame_equal(vectors.compute_columns(columns, schema, times=times).frame, features.compute(rows, histories))
    assert vectors.compute(requests()).value_times["sky"] == [int((NOON - HOUR / 2).timestamp() * 10**6)]
    assert vectors.compute(requests(origin="ZZZ")).value_times["sky"] == [None]


def test_what_stands_for_nothing_changes_the_fingerprint_and_no_table(
    weather: Dataset, flights: Dataset, schemas: Schemas, store: SqliteOnlineStore
) -> None:
    plain, filled, strict = (
        with_defaults(weather, flights, schemas=schemas, **given) for given in ({}, {"missing": DEFAULTS}, {"missing": "error"})
    )
    assert len({found.fingerprint for found in (plain, filled, strict)}) == 3
    assert len({Vectors(found, store).tables for found in (plain, filled, strict)}) == 1
    assert with_defaults(weather, flights, schemas=schemas, missing={}).fingerprint == plain.fingerprint


@pytest.mark.parametrize(
    ("default", "error"),
    [({"temps": 1.0}, UnknownNameError), ({"temp": "warm"}, FeatureDefinitionError), ({"temp": None}, FeatureDefinitionError)],
    ids=["unknown", "another type", "none"],
)
def test_a_default_that_its_column_cannot_have_is_refused(
    weather: Dataset, flights: Dataset, schemas: Schemas, default: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error, match="temp"):
        with_defaults(weather, flights, schemas=schemas, missing=default)


def test_what_is_missing_is_defaulted_or_refused_and_nothing_else(weather: Dataset) -> None:
    given: Any = "ignore"
    with pytest.raises(FeatureDefinitionError, match="neither 'error' nor values"):
        fb.view(weather, entity="origin", missing=given)
    named: Any = fb.count()
    with pytest.raises(FeatureDefinitionError, match="needs another name"):
        windowed(weather, missing=named)


def windowed(weather: Dataset, missing: Any) -> fb.WindowView:
    window = fb.window_view(weather, entity="origin", over="1h", every="1h", missing=missing)
    return window  # noqa: RET504 - it is named after the variable
