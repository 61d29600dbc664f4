"""Profiles of versions: what one added, what it holds, what is other, and what columns say of a label."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from flyball.data import Dataset, files, label
from flyball.data.errors import VersionNotFoundError
from flyball.data.profiling import Profiling
from flyball.testing.data_home import DataHome

SALES = Dataset("sales", files("data"), key="id", event_time="sold_at", known_after="1h")
PAID = Dataset("paid", files("paid"), key="id", event_time="sold_at", known_after="1h")
START = datetime(2013, 1, 1, tzinfo=UTC)
LATER = datetime(2020, 1, 1, tzinfo=UTC)


def sales(first: int, last: int, *, shop: str = "a") -> str:
    rows = [f"s{n},{(START + timedelta(hours=n)).isoformat()},{n}.5,{shop}" for n in range(first, last)]
    return "\n".join(["id,sold_at,amount,shop", *rows, ""])


@pytest.fixture
def two(home: DataHome) -> Profiling:
    """Two versions, of which the second added rows of another shop."""
    home.write("a.csv", sales(0, 100))
    home.ingest(SALES)
    home.write("b.csv", sales(100, 150, shop="b"))
    home.ingest(SALES)
    return Profiling(home.service)


def test_the_content_is_all_that_its_versions_added(two: Profiling) -> None:
    added, content = two.get_added("sales", 2).summary(), two.get("sales", 2).summary()
    assert (added["rows"], content["rows"]) == (50, 150)
    assert added["columns"]["shop"]["top"] == [["b", 50]]
    assert content["columns"]["shop"]["top"] == [["a", 100], ["b", 50]]
    assert content["columns"]["amount"]["quantiles"]["0.5"] == pytest.approx(75, abs=1)
    assert two.get("sales", 1).encode() == two.get_added("sales", 1).encode()
    assert two.get("sales", 2).encode() == two.get("sales", 2).encode()


def test_any_two_versions_can_be_compared(two: Profiling) -> None:
    content = {column.column: column for column in two.compare("sales", before=1, after=2).columns}
    added = {column.column: column for column in two.compare("sales", before=1, after=2, added=True).columns}
    assert (content["shop"].new, content["shop"].gone) == (("b",), ())
    assert (added["shop"].new, added["shop"].gone) == (("b",), ("a",))
    assert added["amount"].wasserstein == pytest.approx(75.0)
    assert not any(column.notable for column in two.compare("sales", before=2, after=2).columns)


def test_what_is_not_there_is_not_found(two: Profiling) -> None:
    for number in (0, 3):
        with pytest.raises(VersionNotFoundError):
            two.get("sales", number)
    with pytest.raises(VersionNotFoundError):
        two.compare("nothing", before=1, after=2)


def test_columns_are_set_beside_the_label_as_it_is_known(home: DataHome, two: Profiling) -> None:
    rows = [f"s{n},{(START + timedelta(hours=n)).isoformat()},{int(n >= 100)}" for n in range(140)]
    place = home.place / "project" / "paid"
    place.mkdir()
    (place / "a.csv").write_text("\n".join(["id,sold_at,paid", *rows, ""]))
    home.ingest(PAID)
    asked = label(PAID, pl.col("paid") == 1)
    found = {one.column: one for one in two.correlate(SALES, 2, label=asked, at=LATER)}
    assert {one.rows for one in found.values()} == {140}
    assert found["shop"].correlation == 1.0
    assert found["amount"].correlation is not None
    assert found["amount"].correlation > 0.7
    before = two.correlate(SALES, 2, label=asked, at=START + timedelta(hours=50))
    assert {one.rows for one in before} == {50}
