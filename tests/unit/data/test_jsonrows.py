"""Rows as JSON are taken strictly, and what is broken is named."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from flyball.data import Dataset, files
from flyball.data.bodies import MAX_ROWS
from flyball.data.contracts.judging import AT_ROW
from flyball.data.contracts.model import Column, Contract, RowCheck
from flyball.data.declared.check import check
from flyball.data.errors import RowsError
from flyball.data.jsonrows import decode_rows, encode_rows, parse_rows
from flyball.data.model import EVENT_TIME, KNOWN_TIME
from flyball.data.values import ColumnType

SALES = Dataset("sales", files("data"), key="id", event_time="sold_at", known_after="1h")
CONTRACT = Contract(
    dataset="sales",
    columns={
        "id": Column(type=ColumnType.TEXT, nullable=False),
        "sold_at": Column(type=ColumnType.TIME, nullable=False),
        "day": Column(type=ColumnType.DATE, nullable=True),
        "count": Column(type=ColumnType.INTEGER, nullable=True),
        "amount": Column(type=ColumnType.NUMBER, nullable=False, minimum=0, maximum=9),
        "paid": Column(type=ColumnType.BOOLEAN, nullable=True),
        "reason": Column(type=ColumnType.TEXT, nullable=True, categories=("a", "b"), values="quarantine"),
    },
)
GOOD: dict[str, Any] = {
    "id": "x", "sold_at": "2013-01-01T00:00:00+02:00", "day": "2013-01-01", "count": 3, "amount": 1.5, "paid": True, "reason": "a",
}  # fmt: skip


def reasons(**cells: Any) -> list[str]:
    parsed = parse_rows(SALES, CONTRACT, rows=[{**GOOD, **cells}])
    assert parsed.good.height + len(parsed.broken) == 1
    return [reason for _, reason in parsed.broken]


def test_a_good_row_is_typed_and_has_both_times() -> None:
    row = parse_rows(SALES, CONTRACT, rows=[GOOD]).good.row(0, named=True)
    event = datetime(2012, 12, 31, 22, tzinfo=UTC)
    assert row == {
        "id": "x", "sold_at": event, "day": date(2013, 1, 1), "count": 3, "amount": 1.5, "paid": True, "reason": "a",
        EVENT_TIME: event, KNOWN_TIME: event + timedelta(hours=1), AT_ROW: 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        ("id", 7, "id is no text: 7"),
        ("id", None, "id is missing"),
        ("sold_at", "2013-01-01T00:00:00", "sold_at has no zone: 2013-01-01T00:00:00"),
        ("sold_at", "2013-01-01", "sold_at has no zone: 2013-01-01"),
        ("sold_at", "soon", "sold_at is no time: soon"),
        ("sold_at", 1356998400, "sold_at is no time: 1356998400"),
        ("sold_at", "0001-01-01T00:00:00+14:00", "its event time is out of the calendar; its known time is out of the calendar"),
        ("sold_at", "9999-12-31T23:30:00Z", "its event time is out of the calendar; its known time is out of the calendar"),
        ("day", "2013-01-01T00:00:00Z", "day is no date: 2013-01-01T00:00:00Z"),
        ("day", "20130101", "day is no date: 20130101"),
        ("count", "3", "count is no integer: 3"),
        ("count", 3.5, "count is no integer: 3.5"),
        ("count", True, "count is no integer: true"),
        ("count", 2**63, f"count is no integer: {2**63}"),
        ("count", 2**70, f"count is no integer: {2**70}"),
        ("amount", "1.5", "amount is no number: 1.5"),
        ("amount", [1.5], "amount is no number: [1.5]"),
        ("amount", False, "amount is no number: false"),
        ("amount", float("inf"), "amount is no number: Infinity"),
        ("amount", None, "amount is missing"),
        ("paid", 1, "paid is no boolean: 1"),
        ("paid", "true", "paid is no boolean: true"),
        ("reason", "c", "reason is no known category"),
    ],
)
def test_a_broken_cell_sets_its_row_aside_with_its_reason(column: str, cell: Any, reason: str) -> None:
    assert reasons(**{column: cell}) == [reason]


@pytest.mark.parametrize(
    ("column", "cell"),
    [("count", 3.0), ("count", -(2**63)), ("amount", 1), ("amount", 99), ("day", None), ("paid", None), ("sold_at", "2013-01-01 10:00Z")],
)
def test_what_json_cannot_tell_apart_and_ranges_that_only_warn_are_taken(column: str, cell: Any) -> None:
    assert reasons(**{column: cell}) == []


def test_all_reasons_are_told_and_rows_count_from_one() -> None:
    parsed = parse_rows(SALES, CONTRACT, rows=[GOOD, {**GOOD, "id": 1, "amount": "x"}, {"id": "y"}])
    assert parsed.good[AT_ROW].to_list() == [1]
    assert parsed.broken == ((2, "id is no text: 1; amount is no number: x"), (3, "sold_at is missing; amount is missing"))


def test_columns_that_the_contract_does_not_know_are_named() -> None:
    parsed = parse_rows(SALES, CONTRACT, rows=[{**GOOD, "__row": 1, "amuont": 2}])
    assert (parsed.unexpected, parsed.good.height, "amuont" in parsed.good.columns) == (("__row", "amuont"), 1, False)


def test_equal_rows_are_equal_bytes() -> None:
    assert encode_rows("sales", [GOOD]) == encode_rows("sales", [dict(reversed(GOOD.items()))])
    assert decode_rows(encode_rows("sales", [GOOD])) == [GOOD]


def _deep() -> object:
    cell: object = 1
    for _ in range(100_000):
        cell = [cell]
    return cell


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ({"id": 1}, "not a list of objects"),
        ("rows", "not a list of objects"),
        (None, "they are null"),
        ([], "they are 0; send 1 to 10,000 at once"),
        ([{}] * (MAX_ROWS + 1), "they are 10,001; send"),
        ([{}, 7], "row 2 is 7, not an object"),
        ([{"id": object()}], "they are no JSON"),
        ([{1.5: object()}], "they are no JSON"),
        ([{"id": "\ud800"}], "they are no JSON"),
    ],
)
def test_what_are_no_rows_is_refused_as_a_whole(rows: object, why: str) -> None:
    with pytest.raises(RowsError, match=why):
        encode_rows("sales", rows)


def test_rows_of_endless_depth_are_refused() -> None:
    with pytest.raises(RowsError, match="they are no JSON"):
        encode_rows("sales", [{"id": _deep()}])


def test_pushed_rows_keep_the_checks_of_contract_and_project_file() -> None:
    declared = Dataset("sales", files("data"), key="id", event_time="sold_at", checks=[check("small", pl.col("count") < 3)])
    amount = Column(type=ColumnType.NUMBER, nullable=False, maximum=9, severities={"maximum": "quarantine", "nullable": "warn"})
    checks = (RowCheck(name="paid", expression="paid or amount = 0"), RowCheck(name="told", expression="count > 5", severity="warn"))
    contract = Contract(dataset="sales", columns={**CONTRACT.columns, "amount": amount}, checks=checks)
    cells: list[dict[str, Any]] = [
        {"count": 1},
        {},
        {"paid": False, "count": 1},
        {"amount": 10, "count": None},
        {"amount": None, "count": 1},
    ]
    rows = [{**GOOD, **changed} for changed in cells]
    parsed = parse_rows(declared, contract, rows=rows)
    assert parsed.broken == ((2, "breaks 'small'"), (3, "breaks 'paid'"), (4, "amount is above 9"))
    assert parsed.good[AT_ROW].to_list() == [1, 5]
