"""The features of any row are what the law says, in small worlds with corrections, late rows, ties, gaps, nulls and zones.

The oracle computes row by row from plain dictionaries, by the words of the law and by nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from flyball import features as fb
from flyball.data import Dataset, FileSource, known_until
from flyball.data.model import ARRIVAL, EVENT_TIME, KNOWN_TIME, PREDICTION_TIME, TIME

NEW_YORK = ZoneInfo("America/New_York")
START = datetime(2013, 3, 9, 22, tzinfo=UTC)  # New York changes its clock in the middle of what follows
STEP = timedelta(minutes=20)
TTL, OVER = timedelta(hours=1), timedelta(hours=2)
Row = dict[str, Any]

trips = Dataset("trips", FileSource("trips"), key="trip", event_time="leaves")
ends = Dataset("ends", FileSource("ends"), key="trip", event_time="ended")
readings = Dataset("readings", FileSource("readings"), key="sensor", event_time="at")


@fb.view(readings, entity=["place", "floor"], ttl="1h")
def air(rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.filter(pl.col("value") != 2.0).with_columns(double=pl.col("value") * 2).select("double", "text")


@fb.view(readings, entity="place")
def newest(rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.select("value", moment=pl.col("at"))


pace = fb.window_view(
    ends.join(trips, on="trip"), entity="place", over="2h", every="1h",
    late=fb.mean(pl.col("delay") > 0), ended=fb.count(), timed=fb.count("delay"), total=fb.sum("delay"),
    least=fb.min("delay"), most=fb.max("note"), newest=fb.last("note"),
)  # fmt: skip

noise = fb.window_view(readings, entity=["place", "floor"], over="2h", every="1h", level=fb.mean("value"), loud=fb.sum(pl.col("value") > 1))


@fb.on_demand(value="newest.value", double="air.double")
def mixed(leaves: pl.Expr, value: pl.Expr, *, double: pl.Expr) -> dict[str, pl.Expr]:
    return {"hour": leaves.dt.convert_time_zone("America/New_York").dt.hour(), "both": value + double}


SCHEMAS = {
    "trips": pl.Schema({"trip": pl.Int64(), "leaves": TIME, "place": pl.String(), "floor": pl.Int64(), "note": pl.String()}),
    "ends": pl.Schema({"trip": pl.Int64(), "ended": TIME, "delay": pl.Float64()}),
    "readings": pl.Schema(
        {"sensor": pl.Int64(), "at": TIME, "place": pl.String(), "floor": pl.Int64(), "value": pl.Float64(), "text": pl.String()}
    ),
}
FEATURES: list[fb.Feature] = [trips["note"], air, air.on("place", "floor"), newest, mixed, pace, noise]
DATASETS = {"trips": trips, "ends": ends, "readings": readings}


def at(step: int) -> datetime:
    """The moment `step` steps after the start."""
    return START + step * STEP


def history(dataset: str, rows: Sequence[Row]) -> pl.DataFrame:
    """The rows as a history; their order is that of arrival."""
    known = [row["known"] for row in rows]
    frame = pl.DataFrame([{name: row[name] for name in SCHEMAS[dataset]} for row in rows], schema=SCHEMAS[dataset])
    frame = frame.with_columns(
        pl.col(DATASETS[dataset].event_time).alias(EVENT_TIME), pl.Series(KNOWN_TIME, known, dtype=TIME),
        pl.Series(ARRIVAL, range(len(rows)), dtype=pl.Int64),
    )  # fmt: skip
    return known_until(frame, DATASETS[dataset].key)


@dataclass
class World:
    """Rows of the three datasets in order of arrival, each with the moment `known`, and rows to predict, each with `predicted`."""

    rows: dict[str, list[Row]]
    predicted: list[Row]
    zone: str
    features: fb.FeatureSet

    def histories(self) -> dict[str, pl.DataFrame]:
        return {name: history(name, rows) for name, rows in self.rows.items()}

    def requests(self) -> pl.DataFrame:
        frame = pl.DataFrame([{name: row[name] for name in SCHEMAS["trips"]} for row in self.predicted], schema=SCHEMAS["trips"])
        moments = pl.Series(PREDICTION_TIME, [row["predicted"] for row in self.predicted], dtype=TIME)
        return frame.with_columns(moments.dt.convert_time_zone(self.zone))

    def computed(self) -> pl.DataFrame:
        return self.features.compute(self.requests(), self.histories())

    def expected(self) -> pl.DataFrame:
        return pl.DataFrame([expected(self, row) for row in self.predicted], schema=dict(self.features.dtypes))


def as_of(world: World, dataset: str, *, moment: datetime) -> list[Row]:
    """Per key, the last row known by then; of rows known at the same time, the one that arrived later."""
    reduced: dict[object, Row] = {}
    event = DATASETS[dataset].event_time
    for arrival, row in enumerate(world.rows[dataset]):
        key = tuple(row[name] for name in DATASETS[dataset].key)
        if row["known"] <= moment and (key not in reduced or row["known"] >= reduced[key]["known"]):
            reduced[key] = row | {"event": row[event], "arrival": arrival}
    return list(reduced.values())


def newest_of(rows: Iterable[Row], moment: datetime, *, ttl: timedelta | None) -> Row | None:
    """The row with the latest event time not after the moment, ties by later known time, then later arrival."""
    fitting = [row for row in rows if row["event"] <= moment and (ttl is None or row["event"] >= moment - ttl)]
    ranked = sorted(fitting, key=lambda row: (row["event"], row["known"], row["arrival"]))
    return ranked[-1] if ranked else None


def matching(rows: Iterable[Row], asked: Row, *, names: Sequence[str]) -> list[Row]:
    """The rows of the same entity; null equals nothing."""
    return [row for row in rows if all(row[name] is not None and row[name] == asked[name] for name in names)]


def window(rows: Iterable[Row], boundary: datetime) -> list[Row]:
    inside = [row for row in rows if boundary - OVER < row["event"] <= boundary]
    return sorted(inside, key=lambda row: (row["event"], row["known"], row["arrival"]))


def closed(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def mean_of(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def paces(world: World, asked: Row, *, boundary: datetime) -> Row:
    """The aggregates over landings joined with the trips they end, both as of the boundary."""
    known_trips = {row["trip"]: row for row in as_of(world, "trips", moment=boundary)}
    pairs = [
        {**known_trips[row["trip"]], **row, "known": max(row["known"], known_trips[row["trip"]]["known"])}
        for row in as_of(world, "ends", moment=boundary) if row["trip"] in known_trips
    ]  # fmt: skip
    if asked["place"] is None:
        return dict.fromkeys(("late", "ended", "timed", "total", "least", "most", "newest"))
    rows = window(matching(pairs, asked, names=["place"]), boundary)
    delays, notes = ([row[name] for row in rows if row[name] is not None] for name in ("delay", "note"))
    return {
        "late": mean_of([float(delay > 0) for delay in delays]), "ended": len(rows), "timed": len(delays), "total": math.fsum(delays),
        "least": min(delays, default=None), "most": max(notes, default=None), "newest": notes[-1] if notes else None,
    }  # fmt: skip


def noises(world: World, asked: Row, *, boundary: datetime) -> Row:
    if asked["place"] is None or asked["floor"] is None:
        return {"level": None, "loud": None}
    rows = window(matching(as_of(world, "readings", moment=boundary), asked, names=["place", "floor"]), boundary)
    values = [row["value"] for row in rows if row["value"] is not None]
    return {"level": mean_of(values), "loud": len([value for value in values if value > 1])}


def expected(world: World, asked: Row) -> Row:
    """All features of one predicted row, by the law."""
    moment = asked["predicted"]
    known = as_of(world, "readings", moment=moment)
    kept = [row for row in known if row["value"] is not None and row["value"] != 2.0]
    fresh = newest_of(matching(kept, asked, names=["place", "floor"]), moment, ttl=TTL)
    lately = newest_of(matching(known, asked, names=["place"]), moment, ttl=None)
    double = fresh["value"] * 2 if fresh else None
    value = lately["value"] if lately else None
    text = fresh["text"] if fresh else None
    hour = asked["leaves"].astimezone(NEW_YORK).hour
    return {
        "trips.note": asked["note"],
        **{f"air{role}.{name}": found for role in ("", "@place+floor") for name, found in (("double", double), ("text", text))},
        "newest.value": value, "newest.moment": lately["event"] if lately else None,
        "mixed.hour": hour, "mixed.both": None if value is None or double is None else value + double,
        **{f"pace.{name}": found for name, found in paces(world, asked, boundary=closed(moment)).items()},
        **{f"noise.{name}": found for name, found in noises(world, asked, boundary=closed(moment)).items()},
    }  # fmt: skip


STEPS = st.integers(0, 24)
PLACES, FLOORS, NOTES = (None, "a", "a", "b"), (None, 1, 1, 2), (None, "x", "y", "z")
DELAYS, VALUES = (None, -1.5, 0.0, 0.1, 0.2, 1e16, -1e16, 30.0), (None, 0.5, 1.5, 2.0, 3.25)
FIELDS: dict[str, dict[str, Sequence[Any]]] = {
    "trips": {"trip": range(8), "leaves": range(25), "place": PLACES, "floor": FLOORS, "note": NOTES, "known": range(25)},
    "ends": {"trip": range(8), "ended": range(25), "delay": DELAYS, "known": range(25)},
    "readings": {"sensor": range(5), "at": range(25), "place": PLACES, "floor": FLOORS, "value": VALUES, "text": NOTES, "known": range(25)},
    "asked": {"trip": range(8), "leaves": range(25), "place": (*PLACES, "c"), "floor": FLOORS, "note": NOTES, "predicted": range(25)},
}
TIMES = frozenset(("leaves", "ended", "at", "known", "predicted"))
COMPILED = fb.FeatureSet.compile(FEATURES, trips, schemas=SCHEMAS)


def timed(row: Row) -> Row:
    return {name: at(value) if name in TIMES else value for name, value in row.items()}


def few(table: str) -> st.SearchStrategy[list[Row]]:
    """Rows that hypothesis can shrink."""
    fields = {name: st.sampled_from(values) for name, values in FIELDS[table].items()}
    return st.lists(st.fixed_dictionaries(fields).map(timed), min_size=1, max_size=6)


def many(table: str) -> st.SearchStrategy[list[Row]]:
    """So many rows that corrections, ties and full windows meet in every example."""

    def rows(seed: int) -> list[Row]:
        draw = np.random.default_rng(seed)
        return [timed({name: values[int(draw.integers(len(values)))] for name, values in FIELDS[table].items()}) for _ in range(40)]

    return st.integers(0, 2**32).map(rows)


TABLES = st.fixed_dictionaries({name: many(name) | few(name) for name in DATASETS})
ZONES = st.sampled_from(["UTC", "America/New_York", "Asia/Kolkata"])
WORLDS = st.builds(World, TABLES, many("asked") | few("asked"), ZONES, st.just(COMPILED))


@settings(max_examples=45, deadline=None)
@given(world=WORLDS)
def test_features_are_what_the_law_says(world: World) -> None:
    assert_frame_equal(world.computed(), world.expected(), check_exact=True)


@settings(max_examples=30, deadline=None)
@given(world=WORLDS, others=TABLES, step=STEPS)
def test_what_becomes_known_later_changes_nothing(world: World, others: dict[str, list[Row]], step: int) -> None:
    now = at(step)
    world.predicted = [row | {"predicted": min(row["predicted"], now)} for row in world.predicted]
    before = world.computed()
    later = {name: [row for row in rows if row["known"] > now] for name, rows in others.items()}
    world.rows = {name: [row for row in rows if row["known"] <= now] + later[name] for name, rows in world.rows.items()}
    assert_frame_equal(world.computed(), before, check_exact=True)


@settings(max_examples=20, deadline=None)
@given(world=WORLDS, data=st.data())
def test_a_row_has_the_same_features_whatever_is_computed_with_it(world: World, data: st.DataObject) -> None:
    together = world.computed()
    some = data.draw(st.lists(st.integers(0, len(world.predicted) - 1), max_size=10))
    world.predicted = [world.predicted[index] for index in some]
    assert_frame_equal(world.computed(), together[some], check_exact=True)


@settings(max_examples=10, deadline=None)
@given(world=WORLDS, data=st.data())
def test_the_order_of_stored_rows_does_not_matter(world: World, data: st.DataObject) -> None:
    histories = world.histories()
    mixed = {name: frame[data.draw(st.permutations(range(frame.height)))] for name, frame in histories.items()}
    assert_frame_equal(world.features.compute(world.requests(), mixed), world.computed(), check_exact=True)
