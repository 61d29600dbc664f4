"""A record of another system is the row that a server of ours would have logged."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from flyball.serving.posted import Known, PostedError, Sent, answered, read_record
from flyball.serving.rowform import RowForm

AT = "2026-01-01T06:00:00Z"
KINDS = {
    "number": "Int64", "name": "String", "leaves_at": "Datetime(time_unit='us', time_zone='UTC')", "day": "Date", "sound": "Boolean",
}  # fmt: skip


def known(*key: str) -> Known:
    return Known(model="late", task="binary", own="trips", key=key, champion=1, inputs=KINDS, features={"trips.number": "Int64"})


def sent(**facts: Any) -> Sent:
    return read_record(msgspec.Raw(json.dumps({"id": "a", "endpoint": "late", "time": AT, "score": 0.5, **facts}).encode()))


@pytest.mark.parametrize(
    ("key", "row"),
    [
        (("number",), {"number": 5}),
        (("number", "name"), {"number": 2**53 + 1, "name": "b"}),
        (("leaves_at",), {"leaves_at": AT}),
        (("day", "sound"), {"day": "2026-01-01", "sound": True}),
    ],
    ids=["number", "long-number", "time", "day"],
)
def test_a_row_has_the_key_that_a_server_gives_it(key: tuple[str, ...], row: dict[str, Any]) -> None:
    form = RowForm({name: KINDS[name] for name in row}, key, frozenset(row))
    own = form.decode(json.dumps({"rows": [row]}).encode())
    found = answered(sent(inputs=row), known(*key))
    assert found.keys == own.texts(key)
    assert {name: found.request[name] for name in row} == own.columns


def test_whole_numbers_stay_whole() -> None:
    found = answered(sent(inputs={"number": 2**53 + 1}), known())
    assert found.request["number"] == found.features["trips.number"] == [2**53 + 1]
    assert found.keys == ["a"]  # nothing says which row it was


@pytest.mark.parametrize("field", ["score", "prediction", "latency_seconds"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")], ids=str)
def test_what_is_no_number_is_none(field: str, value: float) -> None:
    record = {"id": "a", "endpoint": "late", "time": datetime(2026, 1, 1, tzinfo=UTC), field: value}  # as an Arrow stream may say it
    with pytest.raises(PostedError):
        read_record(record)


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**400], ids=["more", "less", "far-more"])
def test_a_whole_number_that_no_column_holds_is_refused(number: int) -> None:
    for facts in ({"prediction": number}, {"inputs": {"number": number}}):
        with pytest.raises(PostedError):
            answered(sent(**facts), known())
