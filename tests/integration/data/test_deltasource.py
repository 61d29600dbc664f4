"""Delta tables of others keep the laws of sources, whatever their writers do meanwhile."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake

from flyball.app.sources import open_source
from flyball.core.errors import FlyballError
from flyball.data.declared.source import Source
from flyball.data.declared.tables import delta
from flyball.data.errors import ColumnTypeError, DatasetError, SourceEmptyError, SourceUnreadableError
from flyball.data.sourceerrors import DatabasePlaceError, TableFeatureError, TableFilesGoneError
from flyball.data.sources.port import OpenSource, Seen, Surroundings
from flyball.testing.sources import OpenSourceSuite, Rows
from tests.integration.data.pulling import pull


class TestDelta(OpenSourceSuite):
    def declare(self, place: Path) -> Source:
        del place
        return delta("lake/rows")

    def open(self, source: Source, surroundings: Surroundings) -> OpenSource:
        return open_source(source, surroundings)

    def add(self, place: Path, rows: Rows) -> None:
        frame = pl.DataFrame([dict(row) for row in rows], schema={"id": pl.String, "at": pl.String, "text": pl.String})
        write_deltalake(place / "lake" / "rows", frame, mode="append")

    def change(self, place: Path) -> None:
        table = DeltaTable(place / "lake" / "rows")
        table.update(updates={"text": "'changed'"}, predicate="id = 'a1'")


def _write(place: Path, frame: pl.DataFrame, **options: str | list[str]) -> None:
    write_deltalake(place / "lake", frame, mode="append", **options)  # type: ignore[call-overload]  # as given


LAKE = delta("lake")


def test_partitions_and_columns_that_came_later_are_columns(tmp_path: Path) -> None:
    _write(tmp_path, pl.DataFrame({"id": [1, 2], "shop": ["a/b é", None], "day": [10, 20]}), partition_by=["shop", "day"])
    _write(tmp_path, pl.DataFrame({"id": [3], "shop": ["c"], "day": [30], "price": [1.5]}), schema_mode="merge")
    found = pull(LAKE, tmp_path).rows.sort("id")
    assert found.rows() == [(1, "a/b é", 10, None), (2, None, 20, None), (3, "c", 30, 1.5)]
    assert found.schema["day"] == pl.Int64


def test_a_table_that_was_compacted_has_the_same_rows_in_other_parts(tmp_path: Path) -> None:
    for number in range(4):
        _write(tmp_path, pl.DataFrame({"id": [number]}))
    first = pull(LAKE, tmp_path)
    DeltaTable(tmp_path / "lake").optimize.compact()
    again = pull(LAKE, tmp_path, seen=first.seen)
    assert sorted(again.rows["id"]) == sorted(first.rows["id"]) == [0, 1, 2, 3]


def test_a_version_that_lost_a_file_says_so(tmp_path: Path) -> None:
    _write(tmp_path, pl.DataFrame({"id": [1]}))
    with open_source(LAKE, Surroundings(root=tmp_path, scratch=tmp_path / "scratch")) as source:
        (part,) = source.find(Seen())
        next((tmp_path / "lake").glob("*.parquet")).unlink()
        with pytest.raises(TableFilesGoneError, match="Version 0 of the table lake has lost its file"):
            list(source.read(part))


def test_a_file_that_is_no_parquet_is_named(tmp_path: Path) -> None:
    _write(tmp_path, pl.DataFrame({"id": [1]}))
    next((tmp_path / "lake").glob("*.parquet")).write_bytes(b"PAR1 no parquet PAR1")
    with pytest.raises(SourceUnreadableError, match="lake/part-"):
        pull(LAKE, tmp_path)


@pytest.mark.parametrize("what", ["nothing", "directory", "file", "log"])
def test_what_is_no_table_is_named(what: str, tmp_path: Path) -> None:
    match what:
        case "directory":
            (tmp_path / "lake").mkdir()
        case "file":
            (tmp_path / "lake").write_text("no table")
        case "log":
            (tmp_path / "lake" / "_delta_log").mkdir(parents=True)
            (tmp_path / "lake" / "_delta_log" / "00000000000000000000.json").write_text("no json")
        case _:
            pass
    with pytest.raises(FlyballError, match="lake") as caught:
        pull(LAKE, tmp_path)
    assert what == "log" or isinstance(caught.value, DatabasePlaceError | SourceUnreadableError)


def test_an_empty_table_says_so_at_first_and_nothing_later(tmp_path: Path) -> None:
    _write(tmp_path, pl.DataFrame(schema={"id": pl.Int64}))
    with pytest.raises(SourceEmptyError, match="no rows yet"):
        pull(LAKE, tmp_path)
    _write(tmp_path, pl.DataFrame({"id": [1]}))
    first = pull(LAKE, tmp_path)
    DeltaTable(tmp_path / "lake").delete()
    assert pull(LAKE, tmp_path, seen=first.seen).rows.is_empty()


def test_nested_columns_are_refused_by_name(tmp_path: Path) -> None:
    _write(tmp_path, pl.DataFrame({"id": [1], "tags": [["a"]]}))
    with pytest.raises(ColumnTypeError, match="tags"):
        pull(LAKE, tmp_path)


@pytest.mark.parametrize("feature", ["deletionVectors", "columnMapping"])
def test_features_that_other_readers_get_wrong_are_refused(feature: str, tmp_path: Path) -> None:
    _write(tmp_path, pl.DataFrame({"id": [1]}))
    log = tmp_path / "lake" / "_delta_log"
    lines = [json.loads(line) for line in (log / f"{0:020}.json").read_text().splitlines()]
    meta = next(line for line in lines if "metaData" in line)
    if feature == "columnMapping":
        mapped = {"delta.columnMapping.id": 1, "delta.columnMapping.physicalName": "id"}
        schema = json.loads(meta["metaData"]["schemaString"])
        schema["fields"][0]["metadata"] = mapped
        meta["metaData"] |= {"schemaString": json.dumps(schema), "configuration": {"delta.columnMapping.mode": "name"}}
    features = {"readerFeatures": [feature], "writerFeatures": [feature]}
    protocol = {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, **features}}
    (log / f"{1:020}.json").write_text(f"{json.dumps(protocol)}\n{json.dumps(meta)}\n")
    with pytest.raises(TableFeatureError, match="does not read"):
        pull(LAKE, tmp_path)


@pytest.mark.parametrize("path", ["", "a\0b", "gs://bucket/a", "s3://bucket/a", "s3://key:secret@bucket/a"])
def test_declarations_that_can_never_be_right_are_refused(path: str) -> None:
    with pytest.raises(DatasetError) as caught:
        delta(path)
    assert "secret" not in str(caught.value)
