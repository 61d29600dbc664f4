"""Which rows a training may learn from where records come late: those that whoever asked had in time, once we have them too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl

from flyball.data.declared.files import files
from flyball.data.history import known_until
from flyball.data.model import ARRIVAL, EVENT_TIME, KNOWN_TIME, PREDICTION_TIME, TIME, Dataset
from flyball.data.prediction import late_keys, predicted_rows, prediction_rows

START = datetime(2024, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
VISITS = Dataset("visits", files("visits"), key="visit", event_time="at", known_before="6h")


def history(*rows: tuple[str, float, float, int]) -> pl.DataFrame:
    """(visit, event hour, known hour, value), in order of arrival."""
    events = pl.Series([START + hours * HOUR for _, hours, _, _ in rows], dtype=TIME)
    frame = pl.DataFrame(
        {
            "visit": [row[0] for row in rows],
            "at": events,
            "value": [row[3] for row in rows],
            EVENT_TIME: events,
            KNOWN_TIME: pl.Series([START + row[2] * HOUR for row in rows], dtype=TIME),
            ARRIVAL: list(range(len(rows))),
        }
    )
    return known_until(frame, ["visit"])


def found(rows: pl.DataFrame) -> dict[str, tuple[int, float]]:
    """The value of each visit, and the hour since when we have it."""
    return {row["visit"]: (row["value"], (row[KNOWN_TIME] - START) / HOUR) for row in rows.to_dicts()}


def test_a_row_whose_record_came_after_its_prediction_is_learnt_from_once_we_have_it() -> None:
    late = history(("early", 10, 4, 1), ("late", 10, 12, 2))
    assert late_keys(late, key=["visit"], lead=HOUR) == 1
    assert found(predicted_rows(late, VISITS, lead=HOUR)) == {"early": (1, 4.0), "late": (2, 12.0)}


def test_a_correction_that_came_late_changes_nothing_of_what_was_asked() -> None:
    corrected = history(("in time", 10, 4, 1), ("in time", 10, 12, 9), ("late", 10, 11, 2), ("late", 10, 20, 3))
    assert found(predicted_rows(corrected, VISITS, lead=HOUR)) == {"in time": (1, 4.0), "late": (2, 11.0)}


def test_what_nobody_can_have_known_in_time_is_not_predicted() -> None:
    assert found(predicted_rows(history(("late", 10, 12, 2)), VISITS, lead=7 * HOUR)) == {}


def test_where_all_records_come_in_time_nothing_is_otherwise() -> None:
    rows = history(("b", 11, 4, 1), ("a", 11, 5, 2), ("c", 10, 4, 3), ("c", 10, 4.5, 4))
    plain = prediction_rows(rows, key=["visit"], lead=HOUR)
    assert (
        predicted_rows(rows, VISITS, lead=HOUR).drop(KNOWN_TIME).equals(plain.select("visit", "at", "value", EVENT_TIME, PREDICTION_TIME))
    )
