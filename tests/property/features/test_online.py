"""Online equals offline to the bit: vectors at any time are what `FeatureSet.compute` has over all rows that have come by then.

Small worlds are lived through: rows come late, twice, corrected, and known only in the future; boundaries close before or after the
rows that they should have seen; writers begin anew, and two feature sets share the store.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from flyball import features as fb
from flyball.core.duration import floor_time
from flyball.data import Dataset, FileSource, known_until
from flyball.data.model import ARRIVAL, EVENT_TIME, KNOWN_TIME, PREDICTION_TIME, TIME
from flyball.features._sqlite import SqliteOnlineStore
from flyball.features.materialise import Materialiser
from flyball.features.vectors import Vectors

Row = dict[str, Any]
START = datetime.fromisoformat("2013-03-09T22:00:00+00:00")
STEP = timedelta(minutes=20)
STEPS = 30

trips = Dataset("trips", FileSource("trips"), key="trip", event_time="leaves")
ends = Dataset("ends", FileSource("ends"), key="trip", event_time="ended")
readings = Dataset("readings", FileSource("readings"), key="sensor", event_time="at")
DATASETS = {"trips": trips, "ends": ends, "readings": readings}


@fb.view(readings, entity=["place", "floor"], ttl="1h")
def air(rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.filter(pl.col("value") != 2.0).with_columns(double=pl.col("value") * 2, high=pl.col("value") > 1).select("double", "high")


@fb.view(readings, entity="place")
def newest(rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.select(
        "value", "text", moment=pl.col("at"), day=pl.col("at").dt.date(), ago=pl.col("at") - pl.datetime(2013, 3, 9, time_zone="UTC")
    )


@fb.view(trips, entity="route", ttl="2h")
def plans(rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.with_columns(route=pl.concat_str("place", pl.col("floor").cast(pl.String), separator="/")).select("note")


pace = fb.window_view(
    ends.join(trips, on="trip"), entity="place", over="2h", every="1h",
    late=fb.mean(pl.col("delay") > 0), ended=fb.count(), timed=fb.count("delay"), total=fb.sum("delay"), mean=fb.mean("delay"),
    least=fb.min("delay"), most=fb.max("note"), newest=fb.last("note"),
)  # fmt: skip
noise = fb.window_view(
    readings, entity=["place", "floor"], over="3h", every="40m", level=fb.mean("value"), loud=fb.sum(pl.col("value") > 1)
)


@fb.on_demand(value="newest.value", double="air@place+floor.double")
def mixed(leaves: pl.Expr, value: pl.Expr, *, double: pl.Expr) -> dict[str, pl.Expr]:
    return {"hour": leaves.dt.convert_time_zone("America/New_York").dt.hour(), "both": value + double, "one": pl.lit(1)}


@fb.on_demand
def after(both: pl.Expr, ended: pl.Expr) -> dict[str, pl.Expr]:
    return {"more": both + ended}


SCHEMAS = {
    "trips": pl.Schema(
        {"trip": pl.Int64(), "leaves": TIME, "place": pl.String(), "floor": pl.Int64(), "route": pl.String(), "note": pl.String()}
    ),
    "ends": pl.Schema({"trip": pl.Int64(), "ended": TIME, "delay": pl.Float64()}),
    "readings": pl.Schema(
        {"sensor": pl.Int64(), "at": TIME, "place": pl.String(), "floor": pl.Int64(), "value": pl.Float64(), "text": pl.Categorical()}
    ),
}
CHAMPION = fb.FeatureSet.compile(
    [trips["note"], newest, air, air.on("place", "floor"), plans, mixed, pace, noise, after], trips, schemas=SCHEMAS
)
CANARY = fb.FeatureSet.compile([pace, newest, noise.on("note", "floor")], trips, schemas=SCHEMAS)
TIMES = frozenset(("leaves", "ended", "at", "known", "predicted"))
PLACES, NOTES = (None, "a", "a", "b"), (None, "a", "x", "y")
FLOORS, DELAYS = (None, 1, 1, 2), (None, -1.5, 0.0, 0.1, 0.2, 1e16, -1e16, 30.0)
MOMENTS = range(-6, 26)
FIELDS: dict[str, dict[str, Sequence[Any]]] = {
    "trips": {
        "trip": range(8), "leaves": MOMENTS, "place": PLACES, "floor": FLOORS, "route": (None, "a/1", "b/2"), "note": NOTES,
    },
    "ends": {"trip": range(8), "ended": MOMENTS, "delay": DELAYS},
    "readings": {
        "sensor": range(5), "at": MOMENTS, "place": PLACES, "floor": FLOORS, "value": (None, 0.5, 1.5, 2.0), "text": NOTES,
    },
}  # fmt: skip


def at(step: int) -> datetime:
    return START + step * STEP


class World:
    """Rows that come one after the other: `arrives` is the step at which a row comes, `known` never before."""

    def __init__(self, seed: int, rows: int) -> None:
        draw = np.random.default_rng(seed)
        self.rows: dict[str, list[Row]] = {name: [] for name in DATASETS}
        for name, fields in FIELDS.items():
            steps = np.sort(draw.integers(-3, STEPS, rows))
            for arrives in steps.tolist():
                row: Row = {key: values[int(draw.integers(len(values)))] for key, values in fields.items()}
                event = row[DATASETS[name].event_time]
                known = max(arrives, int(event) + int(draw.integers(0, 3)) if draw.random() < 0.8 else arrives + int(draw.integers(0, 9)))
                row |= {"arrives": arrives, "known": known}
                self.rows[name].append({key: at(value) if key in TIMES else value for key, value in row.items()})
        asked = [{key: values[int(draw.integers(len(values)))] for key, values in FIELDS["trips"].items()} for _ in range(8)]
        asked = [row | {"place": "never"} if index == 0 else row for index, row in enumerate(asked)]
        self.asked = pl.DataFrame([row | {"leaves": at(row["leaves"])} for row in asked], schema=SCHEMAS["trips"])

    def history(self, dataset: str, step: int) -> pl.DataFrame:
        """What has come by `step`."""
        rows = [row for row in self.rows[dataset] if row["arrives"] <= step]
        frame = pl.DataFrame([{name: row[name] for name in SCHEMAS[dataset]} for row in rows], schema=SCHEMAS[dataset])
        frame = frame.with_columns(
            pl.col(DATASETS[dataset].event_time).alias(EVENT_TIME), pl.Series(KNOWN_TIME, [row["known"] for row in rows], dtype=TIME),
            pl.Series(ARRIVAL, range(len(rows)), dtype=pl.Int64),
        )  # fmt: skip
        return known_until(frame, DATASETS[dataset].key)

    def histories(self, step: int) -> dict[str, pl.DataFrame]:
        return {name: self.history(name, step) for name in DATASETS}

    def requests(self, time: datetime) -> pl.DataFrame:
        return self.asked.with_columns(pl.lit(time, dtype=TIME).alias(PREDICTION_TIME))


class Writer:
    """A feature set's materialiser that gets no older rows than it says it needs."""

    def __init__(self, features: fb.FeatureSet, store: SqliteOnlineStore, *, world: World, now: datetime, step: int) -> None:
        self.materialiser, self.world = Materialiser(features, store), world
        histories = {name: self._recent(name, step=step, now=now) for name in DATASETS}
        self.materialiser.open(histories, now)

    def apply(self, dataset: str, *, step: int, now: datetime) -> None:
        self.materialiser.apply(dataset, self._recent(dataset, step=step, now=now), now=now)

    def _recent(self, dataset: str, *, step: int, now: datetime) -> pl.DataFrame:
        back, history = self.materialiser.horizon(dataset), self.world.history(dataset, step)
        return history if back is None else history.filter(pl.col(EVENT_TIME) >= now - back)


@contextmanager
def stores() -> Iterator[tuple[SqliteOnlineStore, SqliteOnlineStore]]:
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "online.db"
        writer, reader = SqliteOnlineStore.write(path), SqliteOnlineStore.read(path)
        try:
            yield writer, reader
        finally:
            reader.close()
            writer.close()


def same(vectors: Vectors, features: fb.FeatureSet, *, world: World, step: int, time: datetime) -> None:
    """Online and offline agree at `time` when the rows until `step` have come."""
    rows = world.requests(time)
    assert_frame_equal(vectors.compute(rows).frame, features.compute(rows, world.histories(step)), check_exact=True)


WORLDS = st.builds(World, st.integers(0, 2**32), st.sampled_from([3, 12, 40]))


@settings(max_examples=8, deadline=None)
@given(world=WORLDS, data=st.data())
def test_online_equals_offline_at_every_moment(world: World, data: st.DataObject) -> None:
    with stores() as (store, reader):
        writers = [Writer(features, store, world=world, now=at(-1), step=-1) for features in (CHAMPION, CANARY)]
        readers = [(Vectors(features, reader), features) for features in (CHAMPION, CANARY)]
        step = -1
        while step < STEPS:
            step += data.draw(st.integers(1, 9))
            # Boundaries may have passed since, and are closed in time or only now; rows are applied table by table.
            punctual = data.draw(st.booleans())
            for passed in range(1, step + 1) if punctual else ():
                for writer in writers:
                    if (due := writer.materialiser.next_boundary(at(passed))) is not None and due <= at(passed):
                        writer.materialiser.close_boundaries(at(passed))
            for name in data.draw(st.permutations(list(DATASETS))):
                for writer in writers:
                    writer.apply(name, step=step, now=at(step))
            for writer in writers:
                writer.materialiser.close_boundaries(at(step))
            for vectors, features in readers:
                same(vectors, features, world=world, step=step, time=at(step))
                same(vectors, features, world=world, step=step, time=at(step) + timedelta(minutes=19, seconds=59))


@settings(max_examples=8, deadline=None)
@given(world=WORLDS, step=st.integers(0, STEPS))
def test_what_becomes_known_later_appears_without_new_rows(world: World, step: int) -> None:
    with stores() as (store, reader):
        writer = Writer(CHAMPION, store, world=world, now=at(step), step=step)
        vectors = Vectors(CHAMPION, reader)
        for later in range(step, step + 12, 2):
            writer.materialiser.close_boundaries(at(later))
            same(vectors, CHAMPION, world=world, step=step, time=at(later))


@settings(max_examples=15, deadline=None)
@given(world=WORLDS, first=st.integers(0, STEPS), second=st.integers(0, STEPS))
def test_a_writer_that_begins_anew_makes_the_same_store(world: World, first: int, second: int) -> None:
    first, second = min(first, second), max(first, second)
    with stores() as (store, reader), stores() as (fresh, other):
        Writer(CHAMPION, store, world=world, now=at(first), step=first)
        vectors = Vectors(CHAMPION, reader)
        same(vectors, CHAMPION, world=world, step=first, time=at(first))
        Writer(CHAMPION, store, world=world, now=at(second), step=second)
        Writer(CHAMPION, fresh, world=world, now=at(second), step=second)
        rows = world.requests(at(second))
        again, anew = vectors.compute(rows), Vectors(CHAMPION, other).compute(rows)
        assert_frame_equal(again.frame, anew.frame, check_exact=True)
        assert again.value_times == anew.value_times
        same(vectors, CHAMPION, world=world, step=second, time=at(second))


@settings(max_examples=15, deadline=None)
@given(world=WORLDS, step=st.integers(0, STEPS), behind=st.integers(0, 19))
def test_a_time_slightly_behind_finds_its_own_values(world: World, step: int, behind: int) -> None:
    with stores() as (store, reader):
        Writer(CHAMPION, store, world=world, now=at(step), step=step)
        time = at(step) - timedelta(minutes=behind)
        same(Vectors(CHAMPION, reader), CHAMPION, world=world, step=step, time=time)


@settings(max_examples=15, deadline=None)
@given(world=WORLDS, step=st.integers(0, STEPS))
def test_values_carry_their_times(world: World, step: int) -> None:
    with stores() as (store, reader):
        Writer(CHAMPION, store, world=world, now=at(step), step=step)
        vector = Vectors(CHAMPION, reader).compute(world.requests(at(step)))
        moments = vector.frame["newest.moment"].to_physical().to_list()
        assert vector.value_times["newest"] == moments
        end = int(floor_time(at(step), timedelta(hours=1)).timestamp() * 1_000_000)
        places = world.asked["place"].to_list()
        assert vector.value_times["pace"] == [None if place is None else end for place in places]
        assert list(vector.value_times) == ["newest", "air", "air@place+floor", "plans", "pace", "noise"]
