"""What is inferred from the first history is what its rows keep, and never more than they can show."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from flyball.data import Dataset, files
from flyball.data.contracts.decoding import decode
from flyball.data.contracts.inferring import infer
from flyball.data.contracts.model import Basis, Column, Contract
from flyball.data.errors import ContractFileError
from flyball.data.values import ColumnType

DATASET = Dataset("sales", files("x"), key="id", event_time="at")
BASIS = Basis(rows=0, since=datetime(2013, 1, 1, tzinfo=UTC), until=datetime(2013, 3, 1, tzinfo=UTC))


def inferred(rows: int = 200, **columns: list[str | None]) -> dict[str, Column]:
    times = [(datetime(2013, 1, 1, tzinfo=UTC) + timedelta(hours=n)).isoformat() for n in range(rows)]
    frame = pl.DataFrame(
        {"id": [f"k{n}" for n in range(rows)], "at": times, **columns}, schema_overrides=dict.fromkeys(columns, pl.String())
    )
    return infer(DATASET, frame, everything={name: frame[name] for name in frame.columns}, basis=BASIS).columns


def test_a_column_without_nulls_promises_none_when_it_is_long_enough() -> None:
    assert not inferred(x=["1"] * 200)["x"].nullable
    assert inferred(x=[None, *["1"] * 199])["x"].nullable
    assert inferred(rows=99, x=["1"] * 99)["x"].nullable
    assert not inferred(rows=99, x=["1"] * 99)["id"].nullable


def test_ranges_are_of_numbers_and_categories_of_texts_that_repeat() -> None:
    found = inferred(
        number=[str(n % 7 - 3) for n in range(200)],
        shop=["ab"[n % 2] for n in range(200)],
        name=[f"name {n}" for n in range(200)],
        flag=["yes", "no"] * 100,
    )
    assert found["number"] == Column(type=ColumnType.INTEGER, nullable=False, minimum=-3, maximum=3)
    assert found["shop"].categories == ("a", "b")
    assert found["name"] == Column(type=ColumnType.TEXT, nullable=False)
    assert found["flag"] == Column(type=ColumnType.BOOLEAN, nullable=False)
    assert found["id"].categories is None


def test_a_column_that_is_empty_in_the_history_takes_its_type_from_later() -> None:
    empty = pl.DataFrame(
        {"id": ["a"], "at": ["2013-01-01"], "x": [None], "y": [None]}, schema_overrides={"x": pl.String(), "y": pl.String()}
    )
    later = {**{name: empty[name] for name in ("id", "at", "y")}, "x": pl.Series("x", ["1.5"])}
    found = infer(DATASET, empty, everything=later, basis=BASIS).columns
    assert found["x"] == Column(type=ColumnType.NUMBER, nullable=True)
    assert found["y"] == Column(type=ColumnType.TEXT, nullable=True)


def test_an_event_time_is_a_time_even_where_cells_are_broken() -> None:
    times = ["2013-01-01T00:00Z", *["soon"] * 50, *["2013-01-02T00:00Z"] * 149]
    frame = pl.DataFrame({"id": ["a"] * 200, "at": times})
    assert (
        infer(DATASET, frame, everything={name: frame[name] for name in frame.columns}, basis=BASIS).columns["at"].type is ColumnType.TIME
    )


def test_a_contract_reads_back_as_it_was_written() -> None:
    contract = Contract(dataset="sales", columns=inferred(shop=["a"] * 200), inferred_from=BASIS)
    again = decode(contract.encode(), dataset=DATASET, path="x")
    assert again == contract
    assert (again.digest, again.generation) == (contract.digest, contract.generation)
    squeezed = decode(json.dumps(json.loads(contract.encode())), dataset=DATASET, path="x")
    assert squeezed.digest == contract.digest


def test_the_generation_changes_with_the_types_only() -> None:
    contract = Contract(dataset="sales", columns=inferred(shop=["a"] * 200))
    looser = Contract(dataset="sales", columns={**contract.columns, "shop": Column(type=ColumnType.TEXT, nullable=True)})
    other = Contract(dataset="sales", columns={**contract.columns, "shop": Column(type=ColumnType.NUMBER, nullable=True)})
    assert looser.digest != contract.digest
    assert looser.generation == contract.generation
    assert other.generation != contract.generation


def test_an_event_time_must_be_a_time() -> None:
    text = Contract(dataset="sales", columns={name: Column(type=ColumnType.TEXT, nullable=False) for name in ("id", "at")}).encode()
    with pytest.raises(ContractFileError, match="must be a time or a date"):
        decode(text, dataset=DATASET, path="x")
