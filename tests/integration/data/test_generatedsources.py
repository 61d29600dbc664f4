"""Functions of a project keep the laws of sources, whatever they yield."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from flyball.app.sources import open_source
from flyball.core.errors import FlyballError
from flyball.data.declared.generated import RowsSource, rows
from flyball.data.declared.source import Source
from flyball.data.errors import ColumnTypeError, DatasetError, SourceEmptyError
from flyball.data.model import TIME
from flyball.data.sourceerrors import GeneratedRowsError, GeneratorFailedError, OverlapError, WatermarkColumnError
from flyball.data.sources.port import OpenSource, Seen, Surroundings
from flyball.testing.sources import OpenSourceSuite, Rows
from flyball.testing.suite import failing_tests

DAY = datetime(2013, 1, 1, tzinfo=UTC)


class _Shelf:
    """A place that a function reads: rows as JSON in a file. Equal where the file is."""

    __name__ = "shelf"

    def __init__(self, path: Path) -> None:
        self.path = path

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Shelf) and other.path == self.path

    def __hash__(self) -> int:
        return hash(self.path)

    def __call__(self) -> Iterator[Any]:
        yield from json.loads(self.path.read_text())


class _ShelfSince(_Shelf):
    def __call__(self, since: str | None = None) -> Iterator[Any]:
        yield from (row for row in json.loads(self.path.read_text()) if since is None or row["at"] >= since)


class TestMappings(OpenSourceSuite):
    shelf: type[_Shelf] = _Shelf
    watermark: str | None = None

    def declare(self, place: Path) -> Source:
        return rows(self.shelf(place / "shelf.json"), watermark=self.watermark)

    def open(self, source: Source, surroundings: Surroundings) -> OpenSource:
        return open_source(source, surroundings)

    def add(self, place: Path, rows: Rows) -> None:
        path = place / "shelf.json"
        path.write_text(json.dumps([*(json.loads(path.read_text()) if path.exists() else []), *map(dict, rows)]))

    def change(self, place: Path) -> None:
        path = place / "shelf.json"
        path.write_text(path.read_text().replace("a1", "c1"))


class TestMappingsByWatermark(TestMappings):
    shelf = _ShelfSince
    watermark = "at"


class _Frames(_Shelf):
    def __call__(self) -> Iterator[pl.DataFrame | pl.LazyFrame]:
        found = pl.DataFrame(json.loads(self.path.read_text()))
        yield found.head(1)
        yield found.slice(1).lazy()


class TestFrames(TestMappings):
    shelf = _Frames


class _Wavering(_Shelf):
    """Never gives the same twice."""

    calls = 0

    def __call__(self) -> Iterator[Any]:
        _Wavering.calls += 1
        yield from ({**row, "text": str(_Wavering.calls)} for row in json.loads(self.path.read_text()))


class _Waver(TestMappings):
    shelf = _Wavering


def test_the_suite_catches_a_function_that_never_gives_the_same() -> None:
    assert "test_reading_twice_gives_the_same_parts_and_rows" in failing_tests(_Waver)


def _pull(function: Callable[..., Any], tmp_path: Path, **options: Any) -> pl.DataFrame:
    with open_source(rows(function, **options), Surroundings(root=tmp_path, scratch=tmp_path / "scratch")) as source:
        return pl.concat([frame for part in source.find(Seen()) for frame in source.read(part)])


def test_python_values_become_the_six_kinds(tmp_path: Path) -> None:
    def function() -> Iterator[Mapping[str, object]]:
        yield {"b": True, "i": 1, "x": 1, "d": Decimal("1.5"), "t": "a", "day": date(2013, 1, 1), "at": DAY.replace(tzinfo=None), "n": None}
        yield {"b": None, "i": np.int64(2), "x": 2.5, "d": float("nan"), "t": 7, "day": None, "at": DAY, "j": {"k": [1]}}

    found = _pull(function, tmp_path)
    assert dict(found.schema) == {
        "b": pl.Boolean(), "i": pl.Int64(), "x": pl.Float64(), "d": pl.Float64(), "t": pl.String(), "day": pl.Date(), "at": TIME,
        "n": pl.Null(), "j": pl.String(),
    }  # fmt: skip
    assert found.rows() == [
        (True, 1, 1.0, 1.5, "a", date(2013, 1, 1), DAY, None, None),
        (None, 2, 2.5, None, "7", None, DAY, None, '{"k": [1]}'),
    ]


def test_columns_that_come_late_are_null_before(tmp_path: Path) -> None:
    def function() -> Iterator[Mapping[str, object]]:
        yield from ({"a": number} for number in range(20_000))
        yield {"a": 0.5, "b": "x"}

    found = _pull(function, tmp_path)
    assert found.height == 20_001
    assert found.schema["a"] == pl.Float64
    assert found["b"].null_count() == 20_000


def test_frames_and_mappings_keep_their_order(tmp_path: Path) -> None:
    def function() -> Iterator[object]:
        yield {"a": 1}
        yield pl.DataFrame({"a": [2, 3]}, schema={"a": pl.Int16})
        yield {"a": 4}

    assert _pull(function, tmp_path)["a"].to_list() == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("given", "error"),
    [
        pytest.param([1], GeneratedRowsError, id="number"),
        pytest.param([{1: "a"}], GeneratedRowsError, id="column-without-name"),
        pytest.param([{"a": b"x"}], ColumnTypeError, id="bytes"),
        pytest.param([{"a": timedelta(1)}], ColumnTypeError, id="duration"),
        pytest.param([{"a": 1, "A": 2}], DatasetError, id="case-only"),
        pytest.param([{"__a": 1}], DatasetError, id="our-name"),
        pytest.param([{"a\0": 1}], DatasetError, id="nul-in-name"),
        pytest.param([{"a": 1}, *([{"b": 2}] * 10_000), {"B": 3}], DatasetError, id="case-only-later"),
        pytest.param([dict.fromkeys(map(str, range(20_001)), 1)], DatasetError, id="too-many-columns"),
        pytest.param([pl.DataFrame({"a": [[1]]})], ColumnTypeError, id="nested"),
        pytest.param([], SourceEmptyError, id="nothing"),
        pytest.param(None, GeneratorFailedError, id="none"),
    ],
)
def test_what_is_no_row_is_refused_and_scratch_is_empty(given: Any, error: type[FlyballError], tmp_path: Path) -> None:
    def function() -> Any:
        return given

    with pytest.raises(error, match="function"):
        _pull(function, tmp_path)
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_function_that_fails_half_way_is_named_with_its_line(tmp_path: Path) -> None:
    def function() -> Iterator[Mapping[str, int]]:
        yield {"a": 1}
        raise KeyError("gone")

    with pytest.raises(GeneratorFailedError, match=r"function\(\) failed: KeyError: 'gone' \(line \d+ of function\)"):
        _pull(function, tmp_path)


def test_a_function_is_asked_from_the_overlap_below_its_watermark(tmp_path: Path) -> None:
    asked: list[object] = []

    def function(since: int | None) -> Sequence[Mapping[str, int]]:
        asked.append(since)
        return [{"n": number} for number in range(100) if since is None or number >= since]

    source = rows(function, watermark="n", overlap=10)
    with open_source(source, Surroundings(root=tmp_path, scratch=tmp_path / "scratch")) as opened:
        part = opened.find(Seen())[0]
        assert opened.find(Seen(digests=frozenset({part.digest}), position=part.position)) == []
        assert opened.find(Seen(position=part.position)) == []
    assert asked == [None, 89, 89]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        pytest.param({"watermark": "b"}, WatermarkColumnError, id="absent"),
        pytest.param({"watermark": "a", "overlap": "1h"}, OverlapError, id="overlap-of-time"),
        pytest.param({"watermark": "c"}, WatermarkColumnError, id="boolean"),
    ],
)
def test_watermarks_that_cannot_be_are_named(options: Mapping[str, str], error: type[FlyballError], tmp_path: Path) -> None:
    with pytest.raises(error, match="function"):
        _pull(_one, tmp_path, **options)


def _one(since: object) -> Sequence[Mapping[str, object]]:
    del since
    return [{"a": 1, "c": True}]


_one.__name__ = "function"


@pytest.mark.parametrize(
    "wrong",
    [{"watermark": " "}, {"watermark": "a", "overlap": -1}, {"watermark": "a", "overlap": True}, {"watermark": "a", "every": "0s"}],
    ids=["blank", "negative", "boolean", "no-time"],
)
def test_options_that_can_never_be_right_are_refused(wrong: Mapping[str, Any]) -> None:
    with pytest.raises(DatasetError):
        rows(_one, **wrong)


def test_functions_that_cannot_be_called_so_are_refused() -> None:
    with pytest.raises(DatasetError):
        rows(_none, overlap="1h")
    for function in (_one, 5):
        with pytest.raises(DatasetError):
            rows(function)  # type: ignore[arg-type]  # the case
    with pytest.raises(DatasetError, match="one argument"):
        rows(_none, watermark="a")
    assert isinstance(rows(_none, every="5m"), RowsSource)


def _none() -> Sequence[Mapping[str, object]]:
    return []
