"""Derived datasets are versions like any other: known when their inputs were, built anew by what is new, and never twice."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flyball.core.errors import FlyballError
from flyball.data import Dataset, files
from flyball.data.declared.check import check
from flyball.data.derivation.errors import (
    DerivationCycleError,
    DerivationError,
    DerivedKeyError,
    DerivedRowsError,
    InputHeldError,
    InputMissingError,
)
from flyball.data.derivation.source import derive, derive_sql
from flyball.data.errors import DatasetError
from flyball.data.model import VersionState
from flyball.testing.data_home import DataHome

DAY = datetime(2013, 1, 1, tzinfo=UTC)
TRIPS = Dataset("trips", files("trips"), key="trip", event_time="left", known_time="told")
PLACES = Dataset("places", files("places"), key="place", event_time="built", known_time="told")


def _hours(number: float) -> datetime:
    return DAY + timedelta(hours=number)


def _write(home: DataHome, name: str, *rows: dict[str, Any], part: str = "a") -> None:
    folder = home.place / "project" / name
    folder.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(list(rows)).write_parquet(folder / f"{part}.parquet")


def _trip(number: int, *, told: float | None = None, length: float | None = None, place: str = "p0") -> dict[str, Any]:
    told = number if told is None else told
    return {"trip": f"t{number:03}", "left": _hours(number), "told": _hours(told), "length": length or number * 1.5, "place": place}


def _some(home: DataHome, count: int = 40) -> None:
    _write(home, "trips", *(_trip(number, place=f"p{number % 2}") for number in range(count)))
    places = [{"place": f"p{number}", "built": _hours(-5), "told": _hours(10 * number), "size": 7 + number} for number in range(2)]
    _write(home, "places", *places)
    home.ingest(TRIPS)
    home.ingest(PLACES)


@derive(TRIPS, key="trip", event_time="left")
def long_trips(trips: pl.LazyFrame) -> pl.LazyFrame:
    return trips.filter(pl.col("length") > 3).with_columns(double=pl.col("length") * 2).drop("place")


@derive(TRIPS, PLACES, key="trip", event_time="left")
def placed(trips: pl.LazyFrame, places: pl.LazyFrame) -> pl.LazyFrame:
    return trips.join(places, on="place").select("trip", "left", "size", part=pl.col("length") / pl.col("size"))


@derive(TRIPS, key="place", event_time="last")
def busy(trips: pl.LazyFrame) -> pl.LazyFrame:
    return trips.group_by("place").agg(pl.len().alias("trips"), pl.col("left").max().alias("last"))


def _known(home: DataHome, dataset: Dataset, **when: Any) -> dict[str, datetime]:
    rows = home.service.scan(dataset.name, **when).collect()
    return dict(rows.sort(dataset.key[0]).select(dataset.key[0], "__known_time").iter_rows())


def test_a_row_for_a_row_is_known_when_that_was(home: DataHome) -> None:
    _some(home)
    version = home.ingest(long_trips)
    assert (version.rows, version.quarantined, version.state) == (37, 0, VersionState.ACCEPTED)
    assert _known(home, long_trips)["t005"] == _hours(5)
    assert home.service.scan("long_trips", as_of=_hours(9)).collect().height == 7


def test_what_is_new_alone_is_read_where_rows_follow_from_rows(home: DataHome) -> None:
    _some(home)
    first = home.ingest(long_trips)
    assert first.files[0].name.endswith("whole")
    assert home.ingest(long_trips) == first
    _write(home, "trips", _trip(50), _trip(7, told=51, length=100), _trip(8, told=51, length=1), part="b")
    home.ingest(TRIPS)
    second = home.ingest(long_trips)
    assert (second.number, second.added, second.corrections, second.duplicates) == (2, 2, 1, 0)
    assert second.files[0].name == "long_trips of trips@2, new rows"
    now = home.service.scan("long_trips", as_of=_hours(60)).filter(trip="t007").collect()
    assert now["double"].to_list() == [200]
    assert home.service.scan("long_trips", as_of=_hours(20)).filter(trip="t007").collect()["double"].to_list() == [21]
    assert home.ingest(long_trips) == second


def test_a_pair_is_known_when_both_sides_were(home: DataHome) -> None:
    _some(home)
    home.ingest(placed)
    known = _known(home, placed)
    assert known["t003"] == _hours(10)  # its place was told then
    assert (known["t004"], known["t021"]) == (_hours(4), _hours(21))


def test_pairs_of_corrected_rows_are_known_while_both_are(home: DataHome) -> None:
    _write(home, "trips", _trip(1, length=10), _trip(1, told=5, length=20))
    place = {"place": "p0", "built": _hours(-5), "told": _hours(0), "size": 10}
    _write(home, "places", place, {**place, "told": _hours(3), "size": 5})
    home.ingest(TRIPS)
    home.ingest(PLACES)
    home.ingest(placed)
    seen = [home.service.scan("placed", as_of=_hours(hour)).collect()["part"].to_list() for hour in (0, 1, 2.5, 3, 4.5, 5, 9)]
    assert seen == [[], [1], [1], [2], [2], [4], [4]]


def test_what_looks_across_rows_is_built_whole_and_gives_what_differs(home: DataHome) -> None:
    _some(home)
    first = home.ingest(busy)
    assert (first.added, _known(home, busy)) == (2, {"p0": _hours(38), "p1": _hours(39)})
    _write(home, "trips", _trip(50, place="p0"), part="b")
    home.ingest(TRIPS)
    second = home.ingest(busy)
    assert second.files[0].name == "busy of trips@2, whole"
    assert (second.added, second.corrections, second.quarantined) == (1, 1, 0)
    _write(home, "trips", _trip(1, told=2, length=9, place="p1"), _trip(60, told=3, place="p1"), part="c")  # known long since
    home.ingest(TRIPS)
    third = home.ingest(busy)
    assert (third.added, third.quarantined) == (1, 0)  # it is known after what stood
    rows = home.service.scan("busy", as_of=_hours(100)).sort("place").collect()
    assert rows["trips"].to_list() == [21, 21]
    assert home.service.scan("busy", as_of=_hours(39)).sort("place").collect()["trips"].to_list() == [20, 20]


def test_what_nobody_can_see_through_is_known_when_the_last_row_was(home: DataHome) -> None:
    _some(home)

    @derive(TRIPS, key="trip", event_time="left")
    def looked(trips: pl.LazyFrame) -> pl.LazyFrame:
        mean = trips.select(pl.col("length").mean()).collect().item()
        return trips.select("trip", "left", above=pl.col("length") - mean)

    home.ingest(looked)
    assert set(_known(home, looked).values()) == {_hours(39)}


def test_sql_is_known_as_its_rows_where_it_is_one_table(home: DataHome) -> None:
    _some(home)
    far = derive_sql("far", 'SELECT trip, "left", length * 2 AS twice FROM trips WHERE length > 30', TRIPS, key="trip", event_time="left")
    assert home.ingest(far).rows == 19
    assert _known(home, far)["t030"] == _hours(30)
    _write(home, "trips", _trip(50), part="b")
    home.ingest(TRIPS)
    assert home.ingest(far).files[0].name == "far of trips@2, new rows"
    both = derive_sql(
        "both",
        'select t.trip, t."left", p.size from trips t join places p on t.place = p.place',
        TRIPS,
        PLACES,
        key="trip",
        event_time="left",
    )
    assert home.ingest(both).rows == 41
    assert set(_known(home, both).values()) == {_hours(50)}


def test_rules_of_knowing_are_kept_besides(home: DataHome) -> None:
    _some(home)
    later = derive(TRIPS, key="trip", event_time="left", known_after="5h", name="later")(lambda trips: trips)
    home.ingest(later)
    assert _known(home, later)["t004"] == _hours(9)


def test_derived_of_derived_is_as_its_inputs(home: DataHome) -> None:
    _some(home)
    home.ingest(placed)
    again = derive(placed, key="trip", event_time="left", name="again")(lambda rows: rows.filter(pl.col("part") > 1))
    home.ingest(again)
    known, before = _known(home, again), _known(home, placed)
    assert known == {key: before[key] for key in known}


def test_lineage_names_the_inputs_versions_and_the_code(home: DataHome) -> None:
    _some(home)
    version = home.ingest(placed)
    parents = {(edge.kind, edge.parent.partition("/")[0]) for edge in home.service.lineage.list_parents(version.reference)}
    assert {("derived-from", "dataset"), ("made-by", "code")} <= parents
    assert "dataset/trips@1" in {edge.parent for edge in home.service.lineage.list_parents(version.reference)}


def test_other_code_makes_other_rows_from_the_start(home: DataHome) -> None:
    _some(home)

    def declare(function: Callable[[pl.LazyFrame], pl.LazyFrame]) -> Dataset:
        return derive(TRIPS, key="trip", event_time="left", name="coded")(function)

    home.ingest(declare(lambda trips: trips.select("trip", "left", twice=pl.col("length") * 2)))
    one = declare(lambda trips: trips.select("trip", "left", thrice=pl.col("length") * 3).filter(pl.col("trip") < "t010"))
    second = home.ingest(one)
    assert (second.number, second.rows, second.corrections) == (2, 10, 0)
    assert "thrice" in home.service.scan("coded").collect_schema()
    assert "twice" in home.service.scan("coded", version=1).collect_schema()
    assert home.ingest(one) == second


def test_held_and_missing_inputs_stop_it(home: DataHome) -> None:
    with pytest.raises(InputMissingError, match="flyball ingest trips"):
        home.ingest(long_trips)
    _some(home)
    first = home.ingest(long_trips)
    _write(home, "trips", *({**_trip(100 + number), "told": None} for number in range(5)), part="b")
    assert home.ingest(TRIPS).state is VersionState.HELD
    with pytest.raises(InputHeldError, match="flyball release trips@2"):
        home.ingest(long_trips)
    assert home.service.list("long_trips") == [first]


def test_a_derived_version_is_held_as_any_other_and_superseded(home: DataHome) -> None:
    _some(home)
    short = check("short", pl.col("double") < 200, severity="hold")
    judged = derive(TRIPS, key="trip", event_time="left", name="judged", checks=[short])(
        lambda trips: trips.with_columns(double=pl.col("length") * 2)
    )
    first = home.ingest(judged)
    assert first.state is VersionState.ACCEPTED
    _write(home, "trips", _trip(50, length=500), part="b")
    home.ingest(TRIPS)
    held = home.ingest(judged)
    assert held.state is VersionState.HELD
    assert home.ingest(judged) == held
    _write(home, "trips", _trip(51), part="c")
    home.ingest(TRIPS)
    assert home.ingest(judged).added == 2  # the held row comes again with the new one


def test_equal_numbers_are_equal_in_whatever_order_they_were_added(home: DataHome) -> None:
    _write(home, "trips", *(_trip(number, place="p0", length=0.1 * number + 1 / 3) for number in range(40)))
    home.ingest(TRIPS)
    sums = derive(TRIPS, key="place", event_time="last", name="sums")(
        lambda trips: trips.group_by("place").agg(pl.col("length").sum().alias("length"), pl.col("left").min().alias("last"))
    )
    first = home.ingest(sums)
    _write(home, "trips", _trip(50, place="p1"), part="b")
    home.ingest(TRIPS)
    second = home.ingest(sums)
    assert (first.added, second.added) == (1, 1)


def test_killed_while_it_is_built_it_is_built_once(home: DataHome, tmp_path: Path) -> None:
    _some(home)
    script = tmp_path / "killed.py"
    script.write_text(_KILLED.format(place=str(home.place)), encoding="utf-8")
    for point in ("code", "batch"):
        done = subprocess.run([sys.executable, str(script), point], check=False, capture_output=True, timeout=120)
        assert done.returncode == -9, done.stderr
        assert home.service.list("fragile") == []
    done = subprocess.run([sys.executable, str(script), "never"], check=False, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    (version,) = home.service.list("fragile")
    assert (version.rows, home.service.scan("fragile").collect().height) == (40, 40)


_KILLED = """
import os, signal, sys
from pathlib import Path
import polars as pl
from flyball.data import Dataset, files
from flyball.data.derivation.source import derive
from flyball.testing.data_home import opened_data_home

TRIPS = Dataset("trips", files("trips"), key="trip", event_time="left", known_time="told")

@derive(TRIPS, key="trip", event_time="left")
def fragile(trips):
    if os.environ.get("POINT") == "code":
        os.kill(os.getpid(), signal.SIGKILL)
    return trips.group_by("trip").agg(pl.col("left").max())

os.environ["POINT"] = sys.argv[1]
with opened_data_home(Path({place!r})) as home:
    if sys.argv[1] == "batch":  # the rows are in the table; nothing says so yet
        type(home.service.versions).create = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    home.ingest(fragile)
"""


def _raises(_: pl.LazyFrame) -> pl.LazyFrame:
    raise RuntimeError("no way")


@pytest.mark.parametrize(
    ("function", "wanted", "said"),
    [
        pytest.param(_raises, DerivationError, r"RuntimeError: no way \(line \d+ of .*test_derived.py\)", id="raises"),
        pytest.param(lambda trips: trips.select("nothing"), DerivationError, "nothing", id="no such column"),
        pytest.param(lambda _: 5, DerivedRowsError, "returns int", id="no frame"),
        pytest.param(lambda trips: trips.drop("trip"), DerivedRowsError, "no column 'trip'", id="no key"),
        pytest.param(
            lambda trips: trips.sort("left").with_columns(trip=pl.col("trip").first()), DerivedKeyError, "40 rows share", id="key"
        ),
        pytest.param(lambda trips: trips.with_columns(x=pl.concat_list("length")), FlyballError, "List", id="nested"),
        pytest.param(lambda trips: trips.with_columns(pl.lit(None).alias("left")), FlyballError, "time", id="no times"),
        pytest.param(lambda trips: trips.limit(0), FlyballError, "no rows yet", id="no rows"),
        pytest.param(lambda trips: trips.with_columns(__x=1), DatasetError, "__x", id="our names"),
    ],
)
def test_code_that_is_wrong_is_told_and_leaves_nothing(home: DataHome, function: Any, wanted: type[FlyballError], said: str) -> None:
    _some(home)
    with pytest.raises(wanted, match=said):
        home.ingest(derive(TRIPS, key="trip", event_time="left", name="wrong")(function))
    assert home.service.list("wrong") == []


def test_declarations_that_can_never_be_right_are_refused() -> None:
    with pytest.raises(DerivationCycleError, match="trips <- long_trips <- trips"):
        derive(long_trips, key="trip", event_time="left", name="trips")(lambda rows: rows)
    with pytest.raises(DatasetError, match="derived from nothing"):
        derive(key="trip", event_time="left", name="none")(lambda: None)
    with pytest.raises(DatasetError, match="one frame per input"):
        derive(TRIPS, PLACES, key="trip", event_time="left", name="few")(lambda trips: trips)
    with pytest.raises(DatasetError, match="one rule"):
        derive(TRIPS, key="trip", event_time="left", name="two", known_after="1h", known_time="told")(lambda trips: trips)
    with pytest.raises(DatasetError, match="no dataset"):
        derive("trips", key="trip", event_time="left", name="text")(lambda trips: trips)  # type: ignore[arg-type]  # the point
    with pytest.raises(DatasetError, match="text of a SQL"):
        derive_sql("empty", " ", TRIPS, key="trip", event_time="left")


def test_paths_stay_out_of_declarations(tmp_path: Path) -> None:
    assert str(tmp_path) not in long_trips.source.describe()
