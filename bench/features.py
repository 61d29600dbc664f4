"""Features of a year of flights, against Polars' as-of joins alone in the same run; and vectors for requests out of the online store.

The data are synthetic and of the real size: 336,776 predicted rows, 26,130 weather rows of 3 airports, one landing per flight.
The peer does less: two plain as-of joins on the event time and no aggregation, neither corrections nor late rows. The ratio says what the
join law and exact windows cost on top. A vector is held against a look-up of finished rows in plain dictionaries, and against
`FeatureSet.compute` over the history, which it replaces.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from flyball.data import Dataset, FileSource, known_until
from flyball.data.model import ARRIVAL, EVENT_TIME, KNOWN_TIME, PREDICTION_TIME, TIME
from flyball.features import Feature, FeatureSet, count, mean, on_demand, view, window_view
from flyball.features._sqlite import SqliteOnlineStore
from flyball.features.materialise import Materialiser
from flyball.features.vectors import Vectors

ROWS, HOURS, ORIGINS, CARRIERS = 336_776, 8_710, ("EWR", "JFK", "LGA"), tuple(f"C{number:02}" for number in range(16))
LIMIT_SECONDS, REPEATS = 3.0, 5
LIMITS_MS = {"32 requests": 1.0, "1 request": 0.5, "3 weather rows": 20.0, "50 landings": 20.0, "closing 3 window views": 30.0}
START = datetime(2013, 1, 1, tzinfo=UTC)

flights = Dataset("flights", FileSource("flights"), key="flight_id", event_time="departs_at", known_before="24h")
landings = Dataset("landings", FileSource("landings"), key="flight_id", event_time="landed_at", known_after="10m")
weather = Dataset("weather", FileSource("weather"), key=["origin", "observed_at"], event_time="observed_at", known_after="5m")


@view(weather, entity="origin", ttl="3h")
def sky(rows: pl.LazyFrame) -> pl.LazyFrame:
    """The weather at the airport."""
    return rows.select("temp", "wind_speed", "visib", "precip")


punctuality = window_view(
    landings.join(flights, on="flight_id"), entity="carrier", over="7d", every="1h",
    late=mean(pl.col("arr_delay") > 15), landed=count(),
)  # fmt: skip

congestion = window_view(
    landings.join(flights, on="flight_id"), entity="origin", over="3h", every="1h", late=mean(pl.col("arr_delay") > 15)
)
arrivals = window_view(landings.join(flights, on="flight_id"), entity="dest", over="24h", every="1h", late=mean(pl.col("arr_delay") > 15))


@on_demand
def calendar(departs_at: pl.Expr) -> dict[str, pl.Expr]:
    """Local hour and weekday."""
    local = departs_at.dt.convert_time_zone("America/New_York")
    return {"hour": local.dt.hour(), "weekday": local.dt.weekday()}


def _history(frame: pl.DataFrame, dataset: Dataset, *, known: timedelta) -> pl.DataFrame:
    event = pl.col(dataset.event_time)
    timed = frame.with_columns(event.alias(EVENT_TIME), (event + known).alias(KNOWN_TIME))
    return known_until(timed.with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias(ARRIVAL)), dataset.key)


def make_histories() -> dict[str, pl.DataFrame]:
    """The three datasets as histories, from one seed."""
    random = np.random.default_rng(0)
    minutes = np.sort(random.integers(0, 365 * 24 * 60, ROWS))
    start = pl.lit(START, dtype=TIME)
    planned = pl.DataFrame({"minutes": minutes}).select(
        flight_id=pl.int_range(ROWS),
        departs_at=(start + pl.duration(minutes="minutes")).cast(TIME),
        carrier=pl.Series(random.choice(CARRIERS, ROWS)),
        origin=pl.Series(random.choice(ORIGINS, ROWS)),
        dest=pl.Series(random.choice([f"D{number:03}" for number in range(105)], ROWS)),
        distance=pl.Series(random.integers(80, 5000, ROWS)),
    )
    landed = planned.select(
        "flight_id",
        (pl.col("departs_at") + pl.duration(minutes=pl.lit(pl.Series(random.integers(60, 400, ROWS))))).cast(TIME).alias("landed_at"),
        pl.Series("arr_delay", random.normal(7, 40, ROWS).round()),
    )
    observed = pl.DataFrame({"hour": np.tile(np.arange(HOURS), 3), "origin": np.repeat(ORIGINS, HOURS)}).select(
        "origin",
        (start + pl.duration(hours="hour")).cast(TIME).alias("observed_at"),
        *(pl.Series(name, random.normal(size=3 * HOURS)) for name in ("temp", "wind_speed", "visib", "precip")),
    )
    return {
        "flights": _history(planned, flights, known=-timedelta(hours=24)),
        "landings": _history(landed, landings, known=timedelta(minutes=10)),
        "weather": _history(observed, weather, known=timedelta(minutes=5)),
    }


def peer(rows: pl.DataFrame, histories: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """Two as-of joins on the event time: weather by origin, landings by carrier."""
    carriers = histories["flights"].select("flight_id", "carrier")
    landed = histories["landings"].select("flight_id", "arr_delay", EVENT_TIME).join(carriers, on="flight_id").rename({EVENT_TIME: "at"})
    observed = histories["weather"].select("origin", "temp", "wind_speed", "visib", "precip", EVENT_TIME).rename({EVENT_TIME: "at"})
    return (
        rows.sort(PREDICTION_TIME)
        .join_asof(observed.sort("at"), left_on=PREDICTION_TIME, right_on="at", by="origin", tolerance="3h", check_sortedness=False)
        .join_asof(landed.sort("at"), left_on=PREDICTION_TIME, right_on="at", by="carrier", suffix="_2", check_sortedness=False)
    )


def _median_seconds(work: Callable[[], object]) -> float:
    taken = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


class Live:
    """Twelve hours of December beside an online store, each call clocked by its name."""

    def __init__(self, histories: dict[str, pl.DataFrame], place: Path) -> None:
        self.histories, self.taken = histories, {name: list[float]() for name in LIMITS_MS}
        schemas = {name: frame.schema for name, frame in histories.items()}
        declared: list[Feature] = [flights["carrier", "origin", "dest", "distance"], sky, punctuality, congestion, arrivals, calendar]
        self.features = FeatureSet.compile(declared, flights, schemas=schemas)
        self.store, self.other = SqliteOnlineStore.write(place / "online.db"), SqliteOnlineStore.read(place / "online.db")
        self.writer = Materialiser(self.features, self.store, partners=timedelta(days=3))
        self.now = datetime(2013, 12, 1, 0, 30, tzinfo=UTC)
        begin = time.perf_counter()
        self.writer.open({name: self.recent(name) for name in histories}, self.now)
        self.opening_ms = (time.perf_counter() - begin) * 1000

    def recent(self, name: str) -> pl.DataFrame:
        """What is known now and still matters."""
        back, known = self.writer.horizon(name), self.histories[name].filter(pl.col(KNOWN_TIME) <= self.now)
        return known if back is None else known.filter(pl.col(EVENT_TIME) >= self.now - back)

    def clocked(self, name: str, work: Callable[[], object]) -> None:
        begin = time.perf_counter()
        work()
        self.taken[name].append((time.perf_counter() - begin) * 1000)

    def apply(self, dataset: str, *, name: str) -> None:
        rows = self.recent(dataset)
        self.clocked(name, lambda: self.writer.apply(dataset, rows, now=self.now))

    def hour(self) -> None:
        """Boundaries close before the rows come that they should have had: the dear case."""
        self.now += timedelta(hours=1)
        self.clocked("closing 3 window views", lambda: self.writer.close_boundaries(self.now))
        self.apply("weather", name="3 weather rows")
        self.apply("landings", name="50 landings")
        self.writer.apply("flights", self.recent("flights"), now=self.now)


def online(histories: dict[str, pl.DataFrame]) -> int:
    """Print what the writer and the reader of the online store need; 1 over a limit."""
    with tempfile.TemporaryDirectory() as place:
        live = Live(histories, Path(place))
        for _ in range(12):
            live.hour()
        vectors = Vectors(live.features, live.other)
        requests = histories["flights"].filter(pl.col(EVENT_TIME) > live.now).head(32).select(*live.features.inputs)
        requests = requests.with_columns(pl.lit(live.now, dtype=TIME).alias(PREDICTION_TIME))
        one = requests.head(1)
        for _ in range(300):
            live.clocked("32 requests", lambda: vectors.compute(requests))
            live.clocked("1 request", lambda: vectors.compute(one))
        offline = _median_seconds(lambda: live.features.compute(requests, histories)) * 1000
        plain = _dictionaries(vectors.compute(requests).frame, requests)
        live.other.close()
        live.store.close()
    medians = {name: statistics.median(found) for name, found in live.taken.items()}
    for name, found in medians.items():
        verdict = "ok" if found <= LIMITS_MS[name] else "TOO SLOW"
        print(f"online: {name} {found:.2f} ms, at most {max(live.taken[name]):.1f} ms (limit {LIMITS_MS[name]} ms: {verdict})")
    batch = medians["32 requests"]
    print(f"online: opening {live.opening_ms:.0f} ms; 32 rows offline over all history {offline:.0f} ms, ratio {batch / offline:.4f}")
    print(f"online: finished rows out of dictionaries {plain:.3f} ms, ratio {batch / plain:.1f}")
    return int(any(found > LIMITS_MS[name] for name, found in medians.items()))


def _dictionaries(vectors: pl.DataFrame, requests: pl.DataFrame) -> float:
    """Milliseconds to find the finished vectors by key and to make a frame of them."""
    finished = dict(zip(requests["flight_id"], vectors.rows(), strict=True))
    keys, schema = requests["flight_id"].to_list(), vectors.schema
    return 1000 * _median_seconds(lambda: pl.DataFrame([finished[key] for key in keys], schema=schema, orient="row"))


def main() -> int:
    """Print the medians, their ratio and whether the limit holds; 1 when it does not."""
    histories = make_histories()
    rows = histories["flights"].with_columns((pl.col(EVENT_TIME) - timedelta(hours=1)).alias(PREDICTION_TIME))
    schemas = {name: frame.schema for name, frame in histories.items()}
    declared: list[Feature] = [flights["carrier", "origin", "dest", "distance"], sky, punctuality, calendar]
    compiling = _median_seconds(lambda: FeatureSet.compile(declared, flights, schemas=schemas).fingerprint)
    features = FeatureSet.compile(declared, flights, schemas=schemas)
    ours, theirs = _median_seconds(lambda: features.compute(rows, histories)), _median_seconds(lambda: peer(rows, histories))
    request = rows.head(100)
    small = _median_seconds(lambda: features.compute(request, histories))
    verdict = "ok" if ours <= LIMIT_SECONDS else "TOO SLOW"
    print(f"features: {ROWS:,} rows x {len(features.names)} features in {ours:.2f} s (limit {LIMIT_SECONDS} s: {verdict})")
    print(f"features: two plain as-of joins of Polars alone {theirs:.2f} s; ratio {ours / theirs:.1f}")
    print(f"features: compile and fingerprint {compiling * 1000:.0f} ms; 100 rows over all history {small:.2f} s")
    return int(ours > LIMIT_SECONDS) | online(histories)


if __name__ == "__main__":
    sys.exit(main())
