"""Tables are kept like their store by a thread of their own: requests wait for nothing, whatever the store does."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Hashable, Iterator
from pathlib import Path

import polars as pl
import pytest

from flyball import features as fb
from flyball.data import Dataset
from flyball.data.model import PREDICTION_TIME, TIME
from flyball.features._sqlite import SqliteOnlineStore
from flyball.features.errors import OnlineStoreError
from flyball.features.following import Following
from flyball.features.materialise import Materialiser
from flyball.features.online import Changes, Revision
from flyball.features.vectors import Vectors
from tests.unit.features.test_online import NOON, Frames, Schemas, weather_of

PATIENCE_SECONDS = 60


@pytest.fixture
def features(sky: fb.View, flights: Dataset, schemas: Schemas) -> fb.FeatureSet:
    return fb.FeatureSet.compile([sky], flights, schemas=schemas)


@pytest.fixture
def empty() -> Frames:
    return {"weather": weather_of().select("origin", "observed_at", "temp", "wind", pl.selectors.starts_with("__"))}


class Unsteady(SqliteOnlineStore):
    """It hangs, or cannot be read, for as long as it is told to."""

    def __init__(self, place: Path) -> None:
        super().__init__(place, mode="ro")
        self.hanging, self.asked = threading.Event(), threading.Event()
        self.hanging.set()
        self.error: Exception | None = None

    def version(self) -> Hashable:
        if self.error is not None:
            raise self.error
        return super().version()

    def changes_after(self, revision: Revision, tables: Collection[str]) -> Changes:
        self.asked.set()
        assert self.hanging.wait(PATIENCE_SECONDS)
        return super().changes_after(revision, tables)


@pytest.fixture
def writer(tmp_path: Path, features: fb.FeatureSet, empty: Frames) -> Iterator[Materialiser]:
    store = SqliteOnlineStore.write(tmp_path / "online.db")
    made = Materialiser(features, store)
    made.open(empty, NOON)
    yield made
    store.close()


def temp(vectors: Vectors) -> float | None:
    rows = pl.DataFrame({"flight_id": [1], "origin": ["JFK"], PREDICTION_TIME: pl.Series([NOON], dtype=TIME)})
    found: float | None = vectors.compute(rows).frame["sky.temp"].item()
    return found


def until(what: Callable[[], bool]) -> None:
    """Wait until it is so."""
    for _ in range(PATIENCE_SECONDS * 200):
        if what():
            return
        time.sleep(0.005)
    raise AssertionError("it never came to be")


def test_what_is_written_is_seen_by_itself(tmp_path: Path, features: fb.FeatureSet, writer: Materialiser) -> None:
    following = Following(SqliteOnlineStore.read(tmp_path / "online.db"))
    vectors = following.vectors(features)
    writer.apply("weather", weather_of(("JFK", NOON, 7.0)), now=NOON)
    until(lambda: temp(vectors) == 7.0)
    following.close()


def test_on_a_fast_clock_a_request_sees_all_that_was_written_before_it(
    tmp_path: Path, features: fb.FeatureSet, writer: Materialiser
) -> None:
    following = Following(SqliteOnlineStore.read(tmp_path / "online.db"), pause_seconds=3600, at_once=True)
    vectors = following.vectors(features)
    written = []
    for degrees in (7.0, 8.0, 9.0):
        written.append(("JFK", NOON, degrees))
        writer.apply("weather", weather_of(*written), now=NOON)
        assert temp(vectors) == degrees
    following.close()


def test_no_request_waits_while_the_store_hangs(tmp_path: Path, features: fb.FeatureSet, writer: Materialiser) -> None:
    store = Unsteady(tmp_path / "online.db")
    following = Following(store)
    vectors = following.vectors(features)
    writer.apply("weather", weather_of(("JFK", NOON, 7.0)), now=NOON)
    until(lambda: temp(vectors) == 7.0)
    store.hanging.clear()
    store.asked.clear()
    writer.apply("weather", weather_of(("JFK", NOON, 7.0), ("JFK", NOON, 8.0)), now=NOON)
    assert store.asked.wait(PATIENCE_SECONDS)
    assert temp(vectors) == 7.0  # the store is being read, and answers nobody
    store.hanging.set()
    until(lambda: temp(vectors) == 8.0)
    following.close()


@pytest.mark.parametrize("error", [OnlineStoreError("there", "it is gone"), ValueError("garbage")], ids=["gone", "garbage"])
def test_a_store_that_cannot_be_read_is_told_once_and_asked_again(
    tmp_path: Path, features: fb.FeatureSet, writer: Materialiser, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    store = Unsteady(tmp_path / "online.db")
    following = Following(store, pause_seconds=0.001)
    vectors = following.vectors(features)
    writer.apply("weather", weather_of(("JFK", NOON, 7.0)), now=NOON)
    until(lambda: temp(vectors) == 7.0)
    with caplog.at_level(logging.INFO):
        store.error = error
        until(lambda: following.failing is not None)
        assert temp(vectors) == 7.0
        store.error = None
        until(lambda: following.failing is None)
    assert [record.levelname for record in caplog.records].count("INFO") == 1
    assert len(caplog.records) == 2
    following.close()


def test_what_nobody_has_any_more_is_not_followed(tmp_path: Path, features: fb.FeatureSet, writer: Materialiser) -> None:
    del writer
    following = Following(SqliteOnlineStore.read(tmp_path / "online.db"))
    vectors = following.vectors(features)
    assert vectors.ready
    del vectors
    until(lambda: not following._vectors)
    following.close()
