"""Who was known when, against naive oracles that look at one moment and one key at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from flyball.data import Dataset, as_of, files, join_histories, known_until, label, label_history, labels_as_of, late_keys, prediction_rows
from flyball.data.model import ARRIVAL, EVENT_TIME, KNOWN_TIME, KNOWN_UNTIL, PREDICTION_TIME, TIME

ORIGIN = datetime(2013, 1, 1, tzinfo=UTC)
HOURS = 12
quick = settings(deadline=None, max_examples=60)


def at(hour: int) -> datetime:
    return ORIGIN + timedelta(hours=hour)


@dataclass(frozen=True)
class Version:
    """One row: few keys, few hours, so that corrections, ties and late rows are the rule."""

    key: str | None
    side: int
    event: int
    known: int
    value: int | None
    arrival: int


hours = st.integers(0, HOURS)
rows = st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(0, 1), hours, hours, st.none() | st.integers(-3, 3)), max_size=9)


def versions(drawn: list[tuple[Any, ...]]) -> list[Version]:
    return [Version(key, side, event, known, value, arrival) for arrival, (key, side, event, known, value) in enumerate(drawn)]


def frame(found: list[Version]) -> pl.DataFrame:
    columns: dict[str, Any] = {
        "key": [row.key for row in found],
        "side": [row.side for row in found],
        "value": [row.value for row in found],
        EVENT_TIME: [at(row.event) for row in found],
        KNOWN_TIME: [at(row.known) for row in found],
        ARRIVAL: [row.arrival for row in found],
    }
    schema = {"key": pl.String(), "side": pl.Int64(), "value": pl.Int64(), EVENT_TIME: TIME, KNOWN_TIME: TIME, ARRIVAL: pl.Int64()}
    return pl.DataFrame(columns, schema=schema)


def known_at(found: list[Version], moment: int, *, key: tuple[str, ...]) -> dict[tuple[Any, ...], Version]:
    """Per key the last row known by the moment: the law, word for word."""
    last: dict[tuple[Any, ...], Version] = {}
    for row in sorted(found, key=lambda row: (row.known, row.arrival)):
        if row.known <= moment:
            last[tuple(getattr(row, name) for name in key)] = row
    return last


@quick
@given(rows, st.sampled_from([("key",), ("key", "side")]), st.randoms(use_true_random=False))
def test_as_of_is_the_last_row_known_per_key_at_every_moment(drawn: list[tuple[Any, ...]], key: tuple[str, ...], shuffler: Any) -> None:
    found = versions(drawn)
    shuffler.shuffle(found)
    history = known_until(frame(found), key)
    assert history.drop(KNOWN_UNTIL).equals(frame(found))
    for moment in range(-1, HOURS + 2):
        assert set(as_of(history, at(moment))[ARRIVAL]) == {row.arrival for row in known_at(found, moment, key=key).values()}


@quick
@given(rows, rows)
def test_a_join_is_known_when_both_sides_are(lefts: list[tuple[Any, ...]], rights: list[tuple[Any, ...]]) -> None:
    left, right = versions(lefts), versions(rights)
    joined = join_histories(known_until(frame(left), ["key", "side"]), known_until(frame(right), ["key"]), on=["key"])
    for moment in range(-1, HOURS + 2):
        partners = known_at(right, moment, key=("key",))
        expected = sorted(
            (row.arrival, row.event, partners[row.key,].value is None, partners[row.key,].value or 0)
            for row in known_at(left, moment, key=("key", "side")).values()
            if (row.key,) in partners
        )
        now = as_of(joined, at(moment))
        got = [
            (arrival, (event - ORIGIN) // timedelta(hours=1), value is None, value or 0)
            for arrival, event, value in now.select(ARRIVAL, EVENT_TIME, "value_right").rows()
        ]
        assert sorted(got) == expected


@quick
@given(rows, st.integers(0, 4))
def test_a_row_is_predicted_once_as_it_was_known_then(drawn: list[tuple[Any, ...]], lead: int) -> None:
    found = versions(drawn)
    history = known_until(frame(found), ["key"])
    expected: dict[Any, tuple[int, int]] = {}
    for moment in range(-HOURS, HOURS + 1):
        for (key,), row in known_at(found, moment, key=("key",)).items():
            if row.event - lead == moment and key not in expected:
                expected[key] = (moment, row.arrival)
    rows_ = prediction_rows(history.with_columns(pl.col(ARRIVAL).alias("number")), key=["key"], lead=timedelta(hours=lead))
    got = {
        key: ((time - ORIGIN) // timedelta(hours=1), number) for key, time, number in rows_.select("key", PREDICTION_TIME, "number").rows()
    }
    assert got == expected
    assert rows_.select(PREDICTION_TIME, "key").rows() == sorted(rows_.select(PREDICTION_TIME, "key").rows())
    assert late_keys(history, key=["key"], lead=timedelta(hours=lead)) == len({row.key for row in found} - set(expected))


@quick
@given(rows, rows, hours, st.integers(0, 4))
def test_a_label_is_the_one_known_at_the_moment(
    predicted: list[tuple[Any, ...]], outcomes: list[tuple[Any, ...]], moment: int, timeout: int
) -> None:
    dataset = Dataset("outcomes", files("x"), key="key", event_time="t")
    wanted = prediction_rows(known_until(frame(versions(predicted)), ["key"]), key=["key"], lead=timedelta())
    found = versions(outcomes)
    labels = label_history(wanted, label(dataset, pl.col("value") > 0), history=known_until(frame(found), ["key"]), key=["key"])
    got = labels_as_of(wanted, labels, key=["key"], timeout=timedelta(hours=timeout), at=at(moment))
    known = known_at(found, moment, key=("key",))
    for (key, event), (value, resolved) in zip(wanted.select("key", EVENT_TIME).rows(), got.rows(), strict=True):
        outcome = known[key,].value if (key,) in known else None
        assert value == (None if outcome is None else outcome > 0)
        assert resolved == (value is not None or at(moment) >= event + timedelta(hours=timeout))
