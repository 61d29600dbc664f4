"""A plain as-of join on one of the two times is not the join law: the two counter-examples that the documentation tells.

One sensor is corrected late (its first reading turns out to be from an earlier hour), another arrives late. Joined by event time,
the future leaks in; joined by known time, a late row displaces a newer one.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl

from flyball.data import Dataset, FileSource, known_until
from flyball.data.model import ARRIVAL, EVENT_TIME, KNOWN_TIME, PREDICTION_TIME, TIME
from flyball.features import FeatureSet, view

rides = Dataset("rides", FileSource("rides"), key="ride", event_time="at")
readings = Dataset("readings", FileSource("readings"), key="reading", event_time="at")


@view(readings, entity="place")
def air(rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.select("value")


def hour(number: int) -> datetime:
    return datetime(2013, 1, 1, tzinfo=UTC) + timedelta(hours=number)


# reading, event hour, known hour, value
READINGS: list[tuple[int, int, int, float]] = [(1, 8, 9, 10.0), (2, 6, 10, 20.0), (3, 11, 14, 30.0), (1, 5, 16, 11.0)]
SCHEMAS = {
    "rides": pl.Schema({"ride": pl.Int64(), "at": TIME, "place": pl.String()}),
    "readings": pl.Schema({"reading": pl.Int64(), "at": TIME, "place": pl.String(), "value": pl.Float64()}),
}
ASKED = [9, 11, 12, 14, 17]


def _readings() -> pl.DataFrame:
    events, knowns = [hour(event) for _, event, _, _ in READINGS], [hour(known) for _, _, known, _ in READINGS]
    times = [pl.Series(name, moments, dtype=TIME) for name, moments in ((EVENT_TIME, events), (KNOWN_TIME, knowns), ("at", events))]
    frame = pl.DataFrame({"reading": [row[0] for row in READINGS], "place": "x", "value": [row[3] for row in READINGS]})
    return known_until(frame.with_columns(*times, pl.Series(ARRIVAL, range(len(READINGS)), dtype=pl.Int64)), ["reading"])


def _rides() -> pl.DataFrame:
    moments = pl.Series("at", [hour(number) for number in ASKED], dtype=TIME)
    return pl.DataFrame({"ride": range(len(ASKED)), "place": "x"}).with_columns(moments, moments.alias(PREDICTION_TIME))


def _as_of_join(time: str) -> list[float | None]:
    right = _readings().select("value", pl.col(time).alias("when")).sort("when")
    return _rides().join_asof(right, left_on=PREDICTION_TIME, right_on="when")["value"].to_list()


def test_the_law_disagrees_with_both_plain_joins() -> None:
    features = FeatureSet.compile([air], rides, schemas=SCHEMAS)
    law = features.compute(_rides(), {"readings": _readings()})["air.value"].to_list()
    # At 17 the first reading has moved back to 5, so the one of 11 is the newest; at 11 and 12 nobody knows the one of 11 yet.
    assert law == [10.0, 10.0, 10.0, 30.0, 30.0]
    assert _as_of_join(EVENT_TIME) == [10.0, 30.0, 30.0, 30.0, 30.0]  # at 11 and 12 it sees what becomes known at 14
    assert _as_of_join(KNOWN_TIME) == [10.0, 20.0, 20.0, 30.0, 11.0]  # at 11 an older reading displaces a newer, at 17 a moved one does
