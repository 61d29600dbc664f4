"""A pandera schema says the same here as there, and what cannot be said here is refused by name."""

from __future__ import annotations

import subprocess
import sysconfig
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandera.polars as schemas
import polars as pl
import pytest

from flyball.data import Dataset, files
from flyball.data.contracts import Column, Context, Contract, Report, check_scan, compile_contract
from flyball.data.contracts.errors import CheckError
from flyball.data.errors import DatasetError
from flyball.data.values import ColumnType

ROOT = Path(__file__).parents[4]
CONTRACT = Contract(
    dataset="sales",
    columns={
        "id": Column(type=ColumnType.INTEGER, nullable=False),
        "at": Column(type=ColumnType.TIME, nullable=False),
        "x": Column(type=ColumnType.NUMBER, nullable=True),
        "c": Column(type=ColumnType.TEXT, nullable=True),
    },
)
ROWS = pl.DataFrame(
    {
        "id": [1, 2, 3, 3, 5],
        "at": [datetime(2025, 1, day, tzinfo=UTC) for day in range(1, 6)],
        "x": [0.0, 1.0, 5.0, None, 9.0],
        "c": ["ab", "abc", "zz", None, "ab"],
    }
)


def dataset(schema: Any) -> Dataset:
    return Dataset("sales", files("x"), key="id", event_time="at", schema=schema)


def checked(schema: Any) -> Report:
    return check_scan(dataset(schema), CONTRACT, scan=ROWS.lazy(), context=Context(now=datetime(2026, 1, 1, tzinfo=UTC)))


def broken(schema: Any) -> dict[str, int]:
    return {found.check.removeprefix("schema: "): found.broken for found in checked(schema).outcomes if not found.passed}


@pytest.mark.parametrize(
    ("made", "rows"),
    [
        (schemas.Check.gt(1), 2), (schemas.Check.ge(1), 1), (schemas.Check.lt(5), 2), (schemas.Check.le(5), 1),
        (schemas.Check.in_range(1, 5), 2), (schemas.Check.in_range(0, 5, include_min=False, include_max=False), 3),
        (schemas.Check.isin([0.0, 1.0]), 2), (schemas.Check.notin([0.0, 1.0]), 2), (schemas.Check.eq(5.0), 3),
        (schemas.Check.ne(5.0), 1),
    ],
    ids=range(10),
)  # fmt: skip
def test_what_is_said_of_numbers(made: Any, rows: int) -> None:
    assert list(broken(schemas.DataFrameSchema({"x": schemas.Column(float, made, nullable=True)})).values()) == [rows]


@pytest.mark.parametrize(
    ("made", "rows"),
    [
        (schemas.Check.str_matches("b"), 4), (schemas.Check.str_contains("b"), 1), (schemas.Check.str_startswith("a"), 1),
        (schemas.Check.str_endswith("b"), 2), (schemas.Check.str_length(3, 4), 3), (schemas.Check.str_length(None, 2), 1),
    ],
    ids=range(6),
)  # fmt: skip
def test_what_is_said_of_texts(made: Any, rows: int) -> None:
    assert list(broken(schemas.DataFrameSchema({"c": schemas.Column(str, made, nullable=True)})).values()) == [rows]


def test_nulls_uniqueness_and_warnings() -> None:
    columns = {"x": schemas.Column(float, schemas.Check.lt(9, raise_warning=True)), "id": schemas.Column(int, unique=True)}
    report = checked(schemas.DataFrameSchema(columns, unique=["c"]))
    found = {outcome.check: (outcome.broken, str(outcome.severity)) for outcome in report.outcomes if not outcome.passed}
    assert found == {
        "schema: x not null": (1, "quarantine"),
        "schema: x less_than 1": (1, "warn"),
        "schema: id unique": (1, "hold"),
        "schema: (c) unique": (1, "hold"),
    }


def test_a_model_is_a_schema() -> None:
    class Sales(schemas.DataFrameModel):
        x: float = schemas.Field(ge=1, nullable=True)

    assert broken(Sales) == {"x greater_than_or_equal_to 1": 1}


def test_functions_over_polars_are_run_as_they_are() -> None:
    whole = schemas.Check(lambda data: data.lazyframe.select(pl.col(data.key) > 0), name="positive")
    single = schemas.Check(lambda value: value != 5, element_wise=True, name="not five")
    assert broken(schemas.DataFrameSchema({"x": schemas.Column(float, [whole, single], nullable=True)})) == {
        "x positive 1": 1,
        "x not five 2": 1,
    }


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        (schemas.DataFrameSchema({}, checks=[schemas.Check(lambda data: data, name="odd")]), "'odd' of the whole frame"),
        (schemas.DataFrameSchema({"^x.*$": schemas.Column(float, regex=True)}), "a pattern of names"),
        (schemas.DataFrameSchema({"x": schemas.Column(pl.Binary)}), "type Binary"),
        ({"x": float}, "no pandera"),
        (int, "no pandera"),
    ],
    ids=range(5),
)
def test_what_has_no_meaning_here_is_refused_by_name(schema: Any, why: str) -> None:
    with pytest.raises(DatasetError, match=why):
        dataset(schema)


def test_types_are_compared_with_the_contract_s() -> None:
    with pytest.raises(CheckError, match="it says integer, the contract text"):
        compile_contract(dataset(schemas.DataFrameSchema({"c": schemas.Column(int)})), CONTRACT)
    assert broken(schemas.DataFrameSchema({"id": schemas.Column(float), "at": schemas.Column(pl.Datetime("us", "UTC"))})) == {}


PANDAS = """
import sys
sys.path += sys.argv[1:]
import pandera.pandas as pa
from flyball.data.declared.schema import schema_checks
x = pa.Column(float, [pa.Check.in_range(0, 5), pa.Check.isin([1.0])], unique=True)
others = {"k": pa.Column("category", nullable=True), "d": pa.Column("datetime64[ns]", nullable=True)}
print(*(check.name.removeprefix("schema: ") for check in schema_checks(pa.DataFrameSchema({"x": x, **others}))), sep=", ")
schema_checks(pa.DataFrameSchema({"x": pa.Column(float, pa.Check(lambda values: values > 1, name="mine"))}))
"""


def test_a_schema_for_pandas_says_the_same() -> None:
    python = ROOT / ".venv-peers" / "pandera" / "bin" / "python"
    if not python.exists():
        pytest.skip("pandas is not among our packages; python -m tools.clients peers makes an environment that has it")
    place = [str(ROOT / "src"), sysconfig.get_paths()["purelib"]]
    done = subprocess.run([str(python), "-c", PANDAS, *place], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "x type, x not null, x unique, x in_range 1, x isin 2, k type, d type"
    assert "check 'mine' of column 'x' cannot be taken over: it is a function of pandas" in done.stderr
