"""Every wrong file is refused with what is wrong and where; every right one gives the same frame each time."""

from __future__ import annotations

import gzip
import io
from datetime import UTC, date, datetime, time, timedelta, timezone

import polars as pl
import pytest

from flyball.data.errors import (
    ColumnTypeError,
    DatasetError,
    SourceEmptyError,
    SourceEncodingError,
    SourceUnreadableError,
)
from flyball.data.model import TIME
from flyball.data.reading import read_frame


def parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


def test_csv_cells_are_text_and_the_words_for_nothing_are_null() -> None:
    frame = read_frame("a.csv", b'a,b\n1,"x, y"\nNA,\nnull,NaN\n')
    assert frame.schema == {"a": pl.String, "b": pl.String}
    assert frame.rows() == [("1", "x, y"), (None, None), (None, None)]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_the_one_of_the_header(separator: str) -> None:
    text = f"a{separator}b\n1{separator}2\n"
    assert read_frame("a.csv", text.encode()).rows() == [("1", "2")]


def test_a_byte_order_mark_and_windows_line_ends_are_no_content() -> None:
    assert read_frame("a.csv", b"\xef\xbb\xbfa,b\r\n1,2\r\n").to_dict(as_series=False) == {"a": ["1"], "b": ["2"]}


def test_a_gzipped_file_reads_as_its_content() -> None:
    assert read_frame("a.CSV.gz", gzip.compress(b"a\n1\n")).rows() == [("1",)]


@pytest.mark.parametrize(("data", "what"), [(b"", "content"), (b"\n", "header"), (b"a,b\n", "rows"), (b"a,b", "rows")])
def test_an_empty_file_is_refused(data: bytes, what: str) -> None:
    with pytest.raises(SourceEmptyError, match=rf"a\.csv has no {what}"):
        read_frame("a.csv", data)


def test_an_empty_parquet_file_is_refused() -> None:
    with pytest.raises(SourceEmptyError):
        read_frame("a.parquet", parquet(pl.DataFrame({"a": []}, schema={"a": pl.Int64})))


@pytest.mark.parametrize(
    ("data", "offset", "likely"),
    [
        ("a,b\nGr\xfc\xdfe,1\n".encode("latin-1"), 6, "ISO-8859-1"),
        ("a,b\n1\u20ac,1\n".encode("cp1252"), 5, "WINDOWS-1252"),
        ("a,b\n1,1\n".encode("utf-16"), 0, "UTF-16"),
        ("a,b\n1,1\n".encode("utf-16-le"), 1, "UTF-16"),
    ],
)
def test_another_encoding_is_named_with_its_first_byte(data: bytes, offset: int, likely: str) -> None:
    with pytest.raises(SourceEncodingError, match=f"byte {offset} does not fit; it is likely {likely}"):
        read_frame("a.csv", data)


@pytest.mark.parametrize(
    "data",
    [b'a,b\n1,"x\n', b"a,b\n1,2\n3", b"a,b\n1,2,3\n", gzip.compress(b"a,b\n1,2\n", mtime=0)[:-9]],
    ids=["open quote", "half a row", "too many cells", "gzip"],
)
def test_a_truncated_or_ragged_csv_is_refused(data: bytes) -> None:
    name = "a.csv.gz" if data[:2] == b"\x1f\x8b" else "a.csv"
    with pytest.raises(SourceUnreadableError, match=name):
        read_frame(name, data)


def test_a_truncated_parquet_file_is_refused_at_every_length() -> None:
    data = parquet(pl.DataFrame({"a": range(100)}))
    for length in range(1, len(data), 37):
        with pytest.raises(SourceUnreadableError):
            read_frame("a.parquet", data[:length])


@pytest.mark.parametrize("header", ["a,a", "a,A", "a,__known_time", "a, "])
def test_a_header_that_cannot_be_a_table_is_refused(header: str) -> None:
    with pytest.raises(DatasetError):
        read_frame("a.csv", f"{header}\n1,2\n".encode())


def test_parquet_values_become_one_of_six_types() -> None:
    moment = datetime(2013, 7, 1, 12, tzinfo=timezone(timedelta(hours=-4)))
    frame = pl.DataFrame(
        {
            "small": pl.Series([1], dtype=pl.UInt8),
            "huge": pl.Series([2**63], dtype=pl.UInt64),
            "decimal": pl.Series(["1.25"]).cast(pl.Decimal(10, 2)),
            "nan": [float("nan")],
            "word": pl.Series(["x"], dtype=pl.Categorical),
            "day": [date(2013, 7, 1)],
            "naive": [datetime(2013, 7, 1, 12)],  # noqa: DTZ001  the case under test
            "zoned": pl.Series([moment]).dt.convert_time_zone("America/New_York").dt.cast_time_unit("ms"),
        }
    )
    read = read_frame("a.parquet", parquet(frame))
    assert read.schema == {
        "small": pl.Int64, "huge": pl.Int64, "decimal": pl.Float64, "nan": pl.Float64, "word": pl.String,
        "day": pl.Date, "naive": TIME, "zoned": TIME,
    }  # fmt: skip
    assert read.row(0)[:6] == (1, None, 1.25, None, "x", date(2013, 7, 1))
    assert read.row(0)[6:] == (datetime(2013, 7, 1, 12, tzinfo=UTC), datetime(2013, 7, 1, 16, tzinfo=UTC))


@pytest.mark.parametrize("value", [[1, 2], {"x": 1}, b"raw", timedelta(hours=1), time(12)], ids=lambda value: type(value).__name__)
def test_a_column_that_a_dataset_cannot_hold_is_named(value: object) -> None:
    with pytest.raises(ColumnTypeError, match="'odd'"):
        read_frame("a.parquet", parquet(pl.DataFrame({"odd": [value]})))
