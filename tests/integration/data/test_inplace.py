"""Tables of others are read where they lie: no row is copied, nothing of the past changes, and what is gone is told."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake

from flyball.app.querying import Catalogue, Question
from flyball.core.clock import MonotonicTimer
from flyball.data import Dataset
from flyball.data.declared.tables import delta, parquet
from flyball.data.inplace import InPlaceFileError, InPlaceOnlyError, TableChangedError, TableGoneError, is_in_place
from flyball.data.model import ARRIVAL, EVENT_TIME, KNOWN_TIME, DatasetVersion
from flyball.data.querying.running import Querying
from flyball.data.standing import standing_contract
from flyball.storage._sqlstore import SqlPositions
from flyball.testing.data_home import DataHome

START = datetime(2013, 1, 1, tzinfo=UTC)
LAKE = Dataset("lake", delta("lake"), key="id", event_time="at", known_after="1h")
FILES = Dataset("files", parquet("files"), key="id", event_time="at", known_time="seen")


def _frame(first: int, rows: int) -> pl.DataFrame:
    numbers = pl.int_range(first, first + rows, eager=True)
    at = pl.select(pl.lit(START) + pl.lit(numbers) * timedelta(minutes=1)).to_series().cast(pl.Datetime("us", "UTC"))
    return pl.DataFrame({"id": numbers, "at": at, "seen": at + timedelta(hours=2), "amount": (numbers % 97) * 0.5, "text": "text " * 20})


def _lake(home: DataHome) -> Path:
    return home.place / "project" / "lake"


def _append(home: DataHome, frame: pl.DataFrame) -> None:
    home.source.parent.mkdir(exist_ok=True)
    write_deltalake(_lake(home), frame, mode="append")


def _write(home: DataHome, name: str, *, frame: pl.DataFrame) -> Path:
    folder = home.place / "project" / "files"
    folder.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(folder / name)
    return folder / name


def _ids(home: DataHome, dataset: Dataset, *, version: DatasetVersion | None = None) -> list[int]:
    return home.service.history(dataset, None if version is None else version.number)["id"].to_list()


@pytest.mark.parametrize("dataset", [LAKE, FILES], ids=lambda dataset: dataset.name)
def test_a_version_reads_what_a_copy_would_have(dataset: Dataset, home: DataHome) -> None:
    copied = (
        Dataset("copied", delta("lake", copy=True), key="id", event_time="at", known_after="1h")
        if dataset is LAKE
        else Dataset("copied", parquet("files", copy=True), key="id", event_time="at", known_time="seen")
    )
    first, second = _frame(0, 500), _frame(500, 300)
    for number, frame in enumerate([first, second]):
        _append(home, frame)
        _write(home, f"part-{number}.parquet", frame=frame)
        ours, theirs = home.ingest(dataset), home.ingest(copied)
        assert (ours.added, ours.rows, ours.quarantined) == (theirs.added, theirs.rows, theirs.quarantined)
        assert is_in_place(ours)
        assert not is_in_place(theirs)
        assert home.service.history(dataset).equals(home.service.history(copied))
        assert home.service.recent(dataset, START + timedelta(hours=9)).equals(home.service.recent(copied, START + timedelta(hours=9)))
        assert home.ingest(dataset) == ours
    assert _ids(home, dataset, version=home.service.get(dataset.name, 1)) == list(range(500))
    until = START + timedelta(hours=5)
    found = home.service.scan(dataset.name, as_of=until).collect().sort(ARRIVAL)
    assert found.equals(home.service.scan("copied", as_of=until).collect().sort(ARRIVAL))
    assert home.service.scan(dataset.name).select(pl.len()).collect().item() == 800


def test_broken_rows_and_duplicates_are_set_aside_or_passed_over_and_corrections_taken(home: DataHome) -> None:
    first = _frame(0, 200)
    broken = first.with_columns(at=pl.when(pl.col("id").is_in([3, 7, 8])).then(None).otherwise("at"))
    _write(home, "a.parquet", frame=broken)
    version = home.ingest(FILES)
    assert (version.added, version.quarantined) == (197, 3)
    assert home.service.quarantined("files")["row"].to_list() == [4, 8, 9]
    corrected = first.filter(pl.col("id").is_in([20, 30])).with_columns(amount=pl.lit(-1.0), seen=pl.col("seen") + timedelta(days=9))
    late = first.filter(pl.col("id") == 40).with_columns(amount=pl.lit(-2.0))
    _write(home, "b.parquet", frame=pl.concat([first.slice(50, 60), corrected, late, _frame(200, 15)]))
    version = home.ingest(FILES)
    assert (version.added, version.quarantined, version.duplicates, version.corrections) == (17, 1, 60, 2)
    history = home.service.history(FILES)
    assert history.height == version.rows == 214
    assert history.filter(pl.col("id") == 20)["amount"].to_list() == [10.0, -1.0]
    assert history.filter(pl.col("id") == 40)["amount"].to_list() == [20.0]
    assert history[ARRIVAL].is_sorted()
    assert history[ARRIVAL].is_unique().all()


def test_what_is_compacted_outside_brings_no_row_again_and_what_is_deleted_takes_none_away(home: DataHome) -> None:
    for number in range(4):
        _append(home, _frame(number * 10, 10))
    first = home.ingest(LAKE)
    before = home.service.history(LAKE)
    DeltaTable(_lake(home)).optimize.compact()
    assert (home.ingest(LAKE).added, home.service.history(LAKE).equals(before)) == (0, True)
    DeltaTable(_lake(home)).delete("id < 15")
    _append(home, _frame(40, 10))
    assert (home.ingest(LAKE).added, len(_ids(home, LAKE)), _ids(home, LAKE, version=first)) == (10, 50, list(range(40)))
    write_deltalake(_lake(home), _frame(45, 10), mode="overwrite")
    assert (home.ingest(LAKE).added, len(_ids(home, LAKE))) == (5, 55)


def test_a_version_whose_files_were_vacuumed_says_so_and_reads_again_when_they_are_back(home: DataHome) -> None:
    _append(home, _frame(0, 10))
    home.ingest(LAKE)
    kept = {file: file.read_bytes() for file in _lake(home).glob("*.parquet")}
    write_deltalake(_lake(home), _frame(10, 10), mode="overwrite")
    DeltaTable(_lake(home)).vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    for ask in (lambda: home.service.history(LAKE), lambda: home.service.scan("lake"), lambda: home.ingest(LAKE)):
        with pytest.raises(TableGoneError, match=r"'lake' reads .*copy=True"):
            ask()
    for file, content in kept.items():
        file.write_bytes(content)
    assert (home.ingest(LAKE).number, _ids(home, LAKE)) == (2, list(range(20)))


@pytest.mark.parametrize("how", ["truncated", "other rows", "deleted", "same size"])
def test_a_file_that_changed_is_an_error_and_never_other_rows(how: str, home: DataHome) -> None:
    file = _write(home, "a.parquet", frame=_frame(0, 1000))
    _write(home, "b.parquet", frame=_frame(1000, 10))
    home.ingest(FILES)
    scan, content = home.service.scan("files"), file.read_bytes()
    match how:
        case "truncated":
            file.write_bytes(content[: len(content) // 2])
        case "other rows":
            _frame(5000, 1000).write_parquet(file)
        case "deleted":
            file.unlink()
        case _:
            file.write_bytes(content[:200] + bytes([content[200] ^ 1]) + content[201:])
    wanted = TableGoneError if how == "deleted" else TableChangedError
    with pytest.raises(wanted):
        home.service.history(FILES)
    with pytest.raises(wanted):
        scan.collect()
    file.write_bytes(content)
    os.utime(file, ns=(1, 1))
    assert (len(_ids(home, FILES)), scan.collect().height) == (1010, 1010), "the bytes count, not when they were written"


def test_partitions_and_columns_that_came_later_are_read(home: DataHome) -> None:
    frame = _frame(0, 6).with_columns(shop=pl.Series(["a/b é", None, "c"] * 2), day=pl.col("id") % 2, on=pl.col("at").dt.date())
    home.source.parent.mkdir(exist_ok=True)
    write_deltalake(_lake(home), frame, partition_by=["shop", "day", "on"])
    home.ingest(LAKE)
    found = home.service.history(LAKE).sort("id").select(frame.columns)
    assert found.equals(frame)


def test_nothing_is_added_from_elsewhere_and_packed_files_are_refused(home: DataHome) -> None:
    file = _write(home, "a.parquet", frame=_frame(0, 10))
    home.ingest(FILES)
    with pytest.raises(InPlaceOnlyError):
        standing_contract(FILES, home.service)
    (file.parent / "b.parquet.gz").write_bytes(gzip.compress(file.read_bytes()))
    with pytest.raises(InPlaceFileError, match="no plain Parquet"):
        home.ingest(FILES)
    assert len(home.service.list("files")) == 1


def test_the_home_stays_small(home: DataHome) -> None:
    for number in range(3):
        _write(home, f"{number}.parquet", frame=_frame(number * 100_000, 100_000).with_columns(text=pl.col("id").hash().cast(pl.String)))
        home.ingest(FILES)
    there = sum(file.stat().st_size for file in (home.place / "project" / "files").iterdir())
    tables = home.place / "tables"
    assert sum(file.stat().st_size for file in tables.rglob("*") if file.is_file()) < 100_000 < there // 20
    assert home.service.history(FILES).select(EVENT_TIME, KNOWN_TIME).height == 300_000


def _catalogue(home: DataHome) -> Catalogue:
    querying = Querying(home.place / ".queries", [home.place / "tables"], timer=MonotonicTimer())
    return Catalogue(home.service.versions, home.service.tables, SqlPositions(home.database), querying, home.place / ".querytables")


def _answer(home: DataHome, sql: str) -> pl.DataFrame:
    return pl.concat(list(_catalogue(home).stream(Question(sql=sql))))


@pytest.mark.parametrize("which", ["all", "every other"])
def test_queries_read_the_same_rows_where_they_lie(which: str, home: DataHome) -> None:
    first = _frame(0, 6000)
    _write(home, "a.parquet", frame=first.with_columns(text=pl.lit("ä")))
    home.ingest(FILES)
    again = first.with_columns(seen=pl.col("seen") + timedelta(days=30), amount=pl.lit(-1.0), text=pl.lit("ä"))
    old = first.with_columns(text=pl.lit("ä")) if which != "all" else again
    mixed = pl.when(pl.col("id") % 2 == 0)
    _write(home, "b.parquet", frame=again.select(mixed.then(pl.col(name)).otherwise(old[name]).alias(name) for name in again.columns))
    version = home.ingest(FILES)
    assert version.corrections == (3000 if which != "all" else 6000)
    for sql, wanted in (
        ('select * from history.files order by "arrival"', home.service.history(FILES)),
        ("select * from history.files where arrival < 6000 order by arrival", home.service.history(FILES).head(6000)),
    ):
        found = _answer(home, sql)
        assert found.select(first.columns).equals(wanted.select(first.columns))
        assert found["event_time"].equals(wanted[EVENT_TIME], check_names=False)
        assert found["known_time"].equals(wanted[KNOWN_TIME], check_names=False)
        assert found["arrival"].equals(wanted[ARRIVAL], check_names=False)
    known = _answer(home, "select count(*) as n, sum(amount) as s from files").row(0)
    latest = home.service.scan("files", as_of=START + timedelta(days=900)).collect()
    assert known == (6000, latest["amount"].sum())
    assert _answer(home, 'select max(amount) as m, count(*) as n from "files@1"').row(0) == (48.0, 6000)


def test_a_query_of_partitions_texts_of_times_and_what_is_gone(home: DataHome) -> None:
    frame = _frame(0, 6).with_columns(shop=pl.Series(["a/b é", None, "c"] * 2), at=pl.col("at").dt.strftime("%Y-%m-%dT%H:%MZ"))
    home.source.parent.mkdir(exist_ok=True)
    write_deltalake(_lake(home), frame, partition_by=["shop"])
    home.ingest(LAKE)
    found = _answer(home, "select * from history.lake order by id")
    assert found["shop"].to_list() == frame["shop"].to_list()
    assert found["at"].to_list() == _frame(0, 6)["at"].to_list()
    for file in _lake(home).rglob("*.parquet"):
        file.unlink()
    with pytest.raises(TableGoneError):
        _answer(home, "select * from lake")


def test_a_kill_between_the_files_and_the_version_leaves_numbers_that_no_version_has(
    home: DataHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(home, "a.parquet", frame=_frame(0, 50))
    with monkeypatch.context() as patched:
        patched.setattr(type(home.service.versions), "create", _die)
        with pytest.raises(KeyboardInterrupt):
            home.ingest(FILES)
    assert home.service.list("files") == []
    _write(home, "b.parquet", frame=_frame(50, 50))
    version = home.ingest(FILES)
    assert (version.number, version.added, _ids(home, FILES)) == (1, 100, list(range(100)))


def _die(*_: object) -> None:
    raise KeyboardInterrupt


def test_two_ingests_at_once_make_one_version(home: DataHome) -> None:
    _write(home, "a.parquet", frame=_frame(0, 2000))
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda _: home.ingest(FILES), range(2)))
    assert found[0] == found[1]
    assert len(_ids(home, FILES)) == 2000


def test_a_version_without_a_row_that_counts_is_empty_even_where_its_file_is_gone(home: DataHome) -> None:
    file = _write(home, "a.parquet", frame=_frame(0, 20).with_columns(seen=pl.lit(None, dtype=pl.Datetime("us", "UTC"))))
    assert home.ingest(FILES).quarantined == 20
    home.service.accept("files", 1, cause=None)
    file.unlink()
    assert home.service.history(FILES).is_empty()
    assert _answer(home, "select * from files").is_empty()


_INGEST = """
import sys
from pathlib import Path
from tests.integration.data.test_inplace import FILES
from flyball.testing.data_home import opened_data_home
with opened_data_home(Path(sys.argv[1])) as home:
    print("open", flush=True)
    home.ingest(FILES)
"""


def test_a_killed_ingest_leaves_all_rows_to_the_next_one(home: DataHome, repository: Path) -> None:
    for number in range(6):
        _write(home, f"{number}.parquet", frame=_frame(number * 20_000, 20_000))
        command = [sys.executable, "-c", _INGEST, str(home.place)]
        with subprocess.Popen(command, cwd=repository, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"open\n"
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=0.1 + number * 0.15)
            process.kill()
        version = home.ingest(FILES)
        assert (version.rows, version.quarantined) == ((number + 1) * 20_000, 0)
        assert _ids(home, FILES) == list(range(version.rows))
