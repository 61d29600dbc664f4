"""Events carry UTC and JSON whatever they were given, and go out as CloudEvents."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from flyball.core.errors import NaiveTimeError
from flyball.core.events import Event
from flyball.core.ids import EventId

_NOON = datetime(2013, 1, 1, 12, tzinfo=UTC)


def test_time_is_utc_and_data_is_json() -> None:
    event = Event(EventId("e"), "a.b", "s", datetime(2013, 1, 1, 7, tzinfo=timezone(timedelta(hours=-5))), {"pair": (1, 2), "at": _NOON})
    assert event.time == _NOON
    assert event.time.tzinfo is UTC
    assert event.data == {"pair": [1, 2], "at": "2013-01-01T12:00:00.000000+00:00"}


def test_data_is_the_events_own() -> None:
    given = {"rows": [1]}
    event = Event(EventId("e"), "a.b", "s", _NOON, given)
    given["rows"].append(2)
    assert event.data == {"rows": [1]}


def test_a_naive_time_and_data_that_is_no_json_are_refused() -> None:
    with pytest.raises(NaiveTimeError):
        Event(EventId("e"), "a.b", "s", datetime(2013, 1, 1))  # noqa: DTZ001  the naive time is the case
    with pytest.raises(TypeError):
        Event(EventId("e"), "a.b", "s", _NOON, {"x": object()})


def test_the_shape_is_a_cloudevent() -> None:
    event = Event(EventId("evt-2"), "version.validated", "model/late/version/3", _NOON, {"version": 3}, "ann", EventId("evt-1"))
    assert json.loads(json.dumps(event.to_cloudevent("flyball/home"))) == {
        "specversion": "1.0",
        "id": "evt-2",
        "type": "dev.flyball.version.validated",
        "source": "flyball/home",
        "subject": "model/late/version/3",
        "time": "2013-01-01T12:00:00+00:00",
        "datacontenttype": "application/json",
        "data": {"version": 3},
        "actor": "ann",
        "cause": "evt-1",
    }


def test_extensions_without_value_are_left_out() -> None:
    # CloudEvents 1.0, section "Type System": null is no value of an attribute.
    assert "cause" not in Event(EventId("e"), "a.b", "s", _NOON).to_cloudevent()
