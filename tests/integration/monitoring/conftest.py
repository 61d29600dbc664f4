"""Three days at two airports, served through a real online store by code that may differ from the one that trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flyball import features as fb
from flyball.data import Dataset, FileSource
from flyball.data.history import known_until
from flyball.data.model import ARRIVAL, EVENT_TIME, KNOWN_TIME, KNOWN_UNTIL, PREDICTION_TIME, TIME
from flyball.features import FeatureSet
from flyball.features._sqlite import SqliteOnlineStore
from flyball.features.materialise import Materialiser
from flyball.features.vectors import Vectors

START, HOURS = datetime(2013, 11, 1, tzinfo=UTC), 72  # with the night on which New York's clocks change
flights = Dataset("flights", FileSource("f"), key="flight_id", event_time="departs_at", known_before="24h")
landings = Dataset("landings", FileSource("l"), key="flight_id", event_time="landed_at", known_after="10m")
weather = Dataset("weather", FileSource("w"), key=["origin", "observed_at"], event_time="observed_at", known_after="5m")
SCHEMAS = {
    "flights": pl.Schema(
        {"flight_id": pl.Int64(), "departs_at": TIME, "carrier": pl.String(), "origin": pl.String(), "distance": pl.Float64()}
    ),
    "landings": pl.Schema({"flight_id": pl.Int64(), "landed_at": TIME, "arr_delay": pl.Float64()}),
    "weather": pl.Schema({"origin": pl.String(), "observed_at": TIME, "temp": pl.Float64(), "gusts": pl.Int64()}),
}  # fmt: skip


@dataclass(frozen=True)
class Code:
    """What may differ between training and serving: helpers of the project."""

    zone: str = "America/New_York"
    factor: float = 1.0

    def compile(self) -> FeatureSet:
        """The features as this code means them."""
        zone, factor = self.zone, self.factor

        @fb.view(weather, entity="origin", ttl="3h")
        def sky(rows: pl.LazyFrame) -> pl.LazyFrame:
            return rows.select(pl.col("temp") * factor, "gusts")

        punctuality = fb.window_view(
            landings.join(flights, on="flight_id"), entity="carrier", over="24h", every="1h",
            delay=fb.mean(pl.col("arr_delay")), worst=fb.max("arr_delay"), landed=fb.count(),
        )  # fmt: skip

        @fb.on_demand
        def calendar(departs_at: pl.Expr) -> dict[str, pl.Expr]:
            local = departs_at.dt.convert_time_zone(zone)
            return {"hour": local.dt.hour(), "weekday": local.dt.weekday()}

        @fb.on_demand
        def chill(temp: pl.Expr, distance: pl.Expr) -> dict[str, pl.Expr]:
            return {"index": temp / distance}

        columns = flights["carrier", "origin", "distance"]
        return FeatureSet.compile([columns, sky, punctuality, calendar, chill], flights, schemas=SCHEMAS)


def history(frame: pl.DataFrame, key: list[str], *, event: str, known: timedelta) -> pl.DataFrame:
    """The bitemporal form of rows that are known `known` after their event."""
    frame = frame.with_columns(pl.col(event).alias(EVENT_TIME), (pl.col(event) + known).alias(KNOWN_TIME)).with_row_index(ARRIVAL)
    return known_until(frame.with_columns(pl.col(ARRIVAL).cast(pl.Int64)), key)


def histories() -> dict[str, pl.DataFrame]:
    """All that was ever known: a flight every 30 minutes, weather on the hour with a correction at noon."""
    hours, many = [START + timedelta(hours=hour) for hour in range(HOURS)], HOURS * 2
    departs = [START + timedelta(minutes=30 * number) for number in range(many)]
    rows = pl.DataFrame({
        "flight_id": range(many), "departs_at": departs, "carrier": [("AA", "UA", "DL")[number % 3] for number in range(many)],
        "origin": [("JFK", "LGA")[number // 2 % 2] for number in range(many)], "distance": [100.0 + number % 17 for number in range(many)],
    }, schema=SCHEMAS["flights"])  # fmt: skip
    landed = pl.DataFrame({
        "flight_id": range(many), "landed_at": [moment + timedelta(minutes=70) for moment in departs],
        "arr_delay": [(number * 37 % 101) / 7 - 3 for number in range(many)],
    }, schema=SCHEMAS["landings"])  # fmt: skip
    seen = pl.DataFrame({
        "origin": ["JFK", "LGA"] * HOURS, "observed_at": [hour for hour in hours for _ in "ab"],
        "temp": [20 + (number * 31 % 97) / 9 for number in range(2 * HOURS)], "gusts": [number * 7 % 23 for number in range(2 * HOURS)],
    }, schema=SCHEMAS["weather"])  # fmt: skip
    sky = history(seen, ["origin", "observed_at"], event="observed_at", known=timedelta(minutes=5))
    corrected = sky.filter(pl.col("observed_at").dt.hour() == 12).with_columns(
        pl.col("temp") + 50, pl.col(KNOWN_TIME) + timedelta(minutes=25)
    )
    both = pl.concat([sky, corrected]).sort(KNOWN_TIME, maintain_order=True).drop(ARRIVAL).with_row_index(ARRIVAL)
    return {
        "flights": history(rows, ["flight_id"], event="departs_at", known=-timedelta(hours=24)),
        "landings": history(landed.filter(pl.col("flight_id") % 7 != 3), ["flight_id"], event="landed_at", known=timedelta(minutes=10)),
        "weather": known_until(both.with_columns(pl.col(ARRIVAL).cast(pl.Int64)), ["origin", "observed_at"]),
    }


def known(frame: pl.DataFrame, key: list[str], *, now: datetime) -> pl.DataFrame:
    """The history as it was at `now`."""
    return known_until(frame.filter(pl.col(KNOWN_TIME) <= now).drop(KNOWN_UNTIL), key)


Histories = Mapping[str, pl.DataFrame]
KEYS = {"flights": ["flight_id"], "landings": ["flight_id"], "weather": ["origin", "observed_at"]}


@dataclass
class Airport:
    """Serves the flights an hour before they depart. What was served once is kept."""

    place: Path
    start: datetime = START
    end: datetime = START + timedelta(hours=HOURS)
    histories: Histories = field(default_factory=histories)
    trained: FeatureSet = field(default_factory=lambda: Code().compile())
    _kept: dict[tuple[object, ...], pl.DataFrame] = field(default_factory=dict)

    def serve(self, *, until: datetime | None = None, lacking: pl.Expr | None = None, **code: Any) -> pl.DataFrame:
        """What the prediction log reads afterwards.

        The store was last written at `until`, and knows no rows for which `lacking` holds (in histories that have its columns).
        """
        name = (until, str(lacking), *code.items())
        if name not in self._kept:
            store = self.place / f"online-{len(self._kept)}.db"
            self._kept[name] = self._serve(Code(**code).compile(), store, until=until or self.end, lacking=lacking)
        return self._kept[name]

    def _serve(self, features: FeatureSet, path: Path, *, until: datetime, lacking: pl.Expr | None) -> pl.DataFrame:
        store = SqliteOnlineStore.write(path)
        writer, reader = Materialiser(features, store), Vectors(features, SqliteOnlineStore.read(path))
        parts: list[pl.DataFrame] = []
        asked = self.histories["flights"].filter(pl.col("departs_at") > START + timedelta(hours=30), pl.col("departs_at").dt.minute() == 30)
        for (departs,), rows in asked.partition_by("departs_at", as_dict=True, maintain_order=True).items():
            now = departs - timedelta(hours=1)
            current = {name: known(_without(frame, lacking), KEYS[name], now=now) for name, frame in self.histories.items()}
            if not parts:
                writer.open(current, now)
            elif now <= until:
                for dataset in ("weather", "flights", "landings"):
                    writer.apply(dataset, current[dataset], now=now)
                writer.close_boundaries(now)
            parts.append(_answered(reader, rows, now=now))
        store.close()
        return pl.concat(parts).with_columns(pl.lit(self.trained.fingerprint).alias("features_digest"))


def _without(frame: pl.DataFrame, lacking: pl.Expr | None) -> pl.DataFrame:
    if lacking is None or not set(lacking.meta.root_names()) <= set(frame.columns):
        return frame
    return frame.filter(~lacking)


def _answered(reader: Vectors, rows: pl.DataFrame, *, now: datetime) -> pl.DataFrame:
    request = rows.select(SCHEMAS["flights"].names())
    vector = reader.compute(request.with_columns(pl.lit(now, dtype=TIME).alias(PREDICTION_TIME)))
    times = [pl.Series(f"value_time.{label}", found, dtype=pl.Int64).cast(TIME) for label, found in vector.value_times.items()]
    base = rows.select(
        pl.format("prd-{}", "flight_id").alias("id"), pl.lit(now, dtype=TIME).alias("time"), pl.lit(None, pl.String).alias("error")
    )
    request = request.rename({name: f"request.{name}" for name in request.columns})
    features = vector.frame.rename({name: f"feature.{name}" for name in vector.frame.columns})
    return pl.concat([base, request, features, pl.DataFrame(times)], how="horizontal")


@pytest.fixture(scope="module")
def airport(tmp_path_factory: pytest.TempPathFactory) -> Airport:
    return Airport(tmp_path_factory.mktemp("airport"))
