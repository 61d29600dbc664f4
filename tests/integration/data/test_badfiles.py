"""Files that are not what they should be: a typed error that names the file and what is wrong, and nothing left behind."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import polars as pl
import pytest

from flyball.core.errors import FlyballError
from flyball.data.declared.files import files
from flyball.data.errors import (
    DatasetError,
    SourceDeniedError,
    SourceEmptyError,
    SourceEncodingError,
    SourceMissingError,
    SourceUnreadableError,
)
from flyball.data.fileerrors import FileFormatError, FileTooLargeError
from flyball.data.sources.files import FileParts
from flyball.data.sources.port import Seen, Surroundings
from tests.nobody import nobody
from tests.spreadsheets import workbook

FRAME = pl.DataFrame({"id": ["1", "2", "3"], "text": ["é", None, 'a "b", c']})


def rows(place: Path, path: str = "data") -> pl.DataFrame:
    """What a source makes of the files in the directory `data`."""
    with FileParts(files(path), Surroundings(root=place, scratch=place / "scratch", dataset="sales")) as source:
        frames = [frame for part in source.find(Seen()) for frame in source.read(part)]
        source.check_unchanged()
    return pl.concat(frames)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def _written(write: Callable[[io.BytesIO], object]) -> bytes:
    buffer = io.BytesIO()
    write(buffer)
    return buffer.getvalue()


def _write(frame: pl.DataFrame, path: Path) -> None:
    if path.suffix == ".csv":
        frame.write_csv(path)
    elif path.suffix == ".ndjson":
        frame.write_ndjson(path)
    else:
        frame.write_parquet(path)


CSV = FRAME.write_csv().encode()
FORMS = {
    "a.csv": CSV,
    "a.tsv": FRAME.write_csv(separator="\t").encode(),
    "a.ndjson": _written(FRAME.write_ndjson),
    "a.parquet": _written(FRAME.write_parquet),
    "a.arrow": _written(FRAME.write_ipc),
    "a.arrows": _written(FRAME.write_ipc_stream),
    "a.xlsx": workbook([FRAME.columns, *FRAME.rows()]),
}
PACKERS: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}


@pytest.mark.parametrize("packing", ["", ".gz", ".bz2", ".xz"])
@pytest.mark.parametrize("name", FORMS)
def test_the_same_rows_come_out_of_every_form(name: str, packing: str, data: Path) -> None:
    (data / f"{name}{packing}").write_bytes(PACKERS.get(packing, bytes)(FORMS[name]))
    assert rows(data.parent).equals(FRAME)


def test_zstandard_is_unpacked_where_its_library_is_installed(data: Path) -> None:
    zstd = pytest.importorskip("backports.zstd", reason="backports.zstd is not installed (the extra zstd)")
    (data / "a.csv.zst").write_bytes(zstd.compress(CSV) + zstd.compress(b"4,x\n"))
    assert rows(data.parent)["id"].to_list() == ["1", "2", "3", "4"]
    (data / "a.csv.zst").write_bytes(zstd.compress(CSV)[:-5])
    with pytest.raises(SourceUnreadableError, match="ends early"):
        rows(data.parent)
    (data / "a.csv.zst").write_bytes(zstd.compress(b"id\n" + b"0\n" * (33 << 20)))
    with pytest.raises(FileTooLargeError, match="unpacks to more than"):
        rows(data.parent)


@pytest.mark.parametrize("name", [*FORMS, "a.csv.gz", "a.parquet.gz", "a.csv.bz2", "a.csv.xz"])
def test_an_empty_file_is_said_to_be_empty(name: str, data: Path) -> None:
    (data / name).write_bytes(b"")
    with pytest.raises(SourceEmptyError, match=f"{name} has no content"):
        rows(data.parent)


@pytest.mark.parametrize("name", FORMS)
def test_a_file_without_a_row_is_said_to_have_none(name: str, data: Path) -> None:
    empty = FRAME.clear()
    none = {
        "a.csv": b"id,text\n", "a.tsv": b"id\ttext\n", "a.ndjson": b"\n \n", "a.parquet": _written(empty.write_parquet),
        "a.arrow": _written(empty.write_ipc), "a.arrows": _written(empty.write_ipc_stream), "a.xlsx": workbook([FRAME.columns]),
    }  # fmt: skip
    (data / name).write_bytes(none[name])
    with pytest.raises(SourceEmptyError, match="has no rows"):
        rows(data.parent)


@pytest.mark.parametrize("name", [name for name in FORMS if name not in {"a.csv", "a.tsv", "a.ndjson"}])
def test_a_truncated_file_is_refused_wherever_it_ends(name: str, data: Path) -> None:
    whole = FORMS[name]
    for length in [1, 7, *range(100, len(whole), len(whole) // 10), len(whole) - 1]:
        (data / name).write_bytes(whole[:length])
        if name == "a.arrows":  # a stream may end after any of its messages, and says so only by a mark that is left out often
            try:
                rows(data.parent)
            except FlyballError:
                continue
        else:
            with pytest.raises((SourceUnreadableError, FileTooLargeError), match=name):
                rows(data.parent)


@pytest.mark.parametrize("packing", PACKERS)
def test_a_truncated_or_damaged_packing_is_refused(packing: str, data: Path) -> None:
    whole = PACKERS[packing](CSV * 50)
    for broken in (whole[:-1], whole[: len(whole) // 2], whole + b"garbage", b"id,text\n1,2\n", whole[:20] + b"\xff" * 8 + whole[28:]):
        (data / f"a.csv{packing}").write_bytes(broken)
        with pytest.raises(SourceUnreadableError, match=rf"The file a\.csv{packing} cannot be read: the .* stream is damaged"):
            rows(data.parent)


@pytest.mark.parametrize("packing", [".gz", ".xz"])
def test_a_bomb_is_not_unpacked(packing: str, data: Path) -> None:
    (data / f"a.csv{packing}").write_bytes(PACKERS[packing](b"id\n" + b"0\n" * (33 << 20)))
    with pytest.raises(FileTooLargeError, match="unpacks to more than"):
        rows(data.parent)
    assert not list((data.parent / "scratch").glob("*"))


def test_a_packed_bomb_of_a_typed_format_is_not_unpacked_to_disk(data: Path) -> None:
    (data / "a.parquet.gz").write_bytes(gzip.compress(bytes(66 << 20)))
    with pytest.raises(FileTooLargeError, match="unpacks to more than"):
        rows(data.parent)
    assert not list((data.parent / "scratch").glob("*"))


def test_mixed_encodings_are_found_however_far_down_and_named_by_their_byte(data: Path) -> None:
    head = b"id,text\n" + "1,Gr\u00fc\u00dfe\n".encode() * 700_000
    (data / "a.csv").write_bytes(head + "2,Gr\u00fc\u00dfe\n".encode("latin-1"))
    with pytest.raises(SourceEncodingError, match=f"byte {len(head) + 4} does not fit"):
        rows(data.parent)
    lines = b'{"id": "1", "text": "Gr\xc3\xbc"}\n' * 300_000
    (data / "a.csv").unlink()
    (data / "a.ndjson").write_bytes(lines + b'{"id": "Gr\xfc"}\n')
    with pytest.raises(SourceEncodingError, match=f"byte {len(lines) + 10} does not fit"):
        rows(data.parent)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("name", ["a.csv", "a.ndjson"])
def test_wide_encodings_are_named(name: str, encoding: str, data: Path) -> None:
    (data / name).write_bytes(FORMS[name].decode().encode(encoding))
    with pytest.raises(SourceEncodingError, match="likely UTF-16"):
        rows(data.parent)


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.ndjson"])
def test_a_byte_order_mark_of_utf8_is_no_content(name: str, data: Path) -> None:
    (data / name).write_bytes(b"\xef\xbb\xbf" + FORMS[name])
    assert rows(data.parent).equals(FRAME)


def test_a_row_with_too_many_cells_is_named_by_its_number(data: Path) -> None:
    (data / "a.csv").write_bytes(b"id,text\n" + b"1,2\n" * 2_000_000 + b"1,2,3\n1,2\n")
    with pytest.raises(SourceUnreadableError, match=r"row 2,000,001 has 3 cells, its header has 2"):
        rows(data.parent)


def test_the_cells_that_a_short_row_lacks_are_empty(data: Path) -> None:
    (data / "a.csv").write_bytes(b"id,text,more\n1\n2,x\n\n3,y,z\n")
    assert rows(data.parent).rows() == [("1", None, None), ("2", "x", None), (None, None, None), ("3", "y", "z")]


@pytest.mark.parametrize("cell", ['5" pipe', '"a" b'])
def test_a_quotation_mark_in_the_middle_of_a_cell_is_named(cell: str, data: Path) -> None:
    (data / "a.csv").write_bytes(f"id,text\n1,{cell}\n2,{cell}\n".encode())
    with pytest.raises(SourceUnreadableError, match=r"quot|row"):
        rows(data.parent)


def test_cells_of_mixed_types_stay_what_they_are(data: Path) -> None:
    (data / "a.ndjson").write_bytes(
        b'{"v":1}\n{"v":1.50}\n{"v":"007"}\n{"v":true}\n{"v":null}\n{"v":[1,{"a":"b"}]}\n{"w":""}\n{"v":123456789012345678901234567890}\n{"v":1e999}\n'
    )
    frame = rows(data.parent)
    assert frame["v"].to_list() == ["1", "1.50", "007", "true", None, '["1", {"a": "b"}]', None, "123456789012345678901234567890", "1e999"]
    assert frame["w"].to_list() == [None] * 6 + [""] + [None] * 2
    (data / "a.ndjson").unlink()
    (data / "a.xlsx").write_bytes(workbook([["v"], [1], [1.5], ["007"], [True], [None, "x"]]))
    with pytest.raises(DatasetError):  # a column without a name
        rows(data.parent)
    (data / "a.xlsx").write_bytes(workbook([["v", "w"], [1], [1.5], ["007"], [True, "x"]]))
    assert rows(data.parent)["v"].to_list() == ["1", "1.5", "007", "true"]


@pytest.mark.parametrize(
    "line",
    [b"[1]", b"3", b'"x"', b"null", b"{", b'{"a":1}{"a":2}', b'{"a":NaN}', b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"],
    ids=["list", "number", "text", "null", "open", "two", "nan", "deep"],
)
def test_a_line_that_is_no_object_is_named_by_its_number(line: bytes, data: Path) -> None:
    (data / "a.ndjson").write_bytes(b'{"a":1}\n' + line + b'\n{"a":2}\n')
    with pytest.raises(SourceUnreadableError, match="line 2 is no"):
        rows(data.parent)


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_times_beyond_our_years_are_null(unit: Literal["ms", "us", "ns"], data: Path) -> None:
    ticks = pl.Series([0, 2**62, -(2**62), None], dtype=pl.Int64)
    days = pl.Series([0, 2**31 - 1, -(2**31), None], dtype=pl.Int32)
    pl.DataFrame(
        {"at": ticks.cast(pl.Datetime(unit)), "zoned": ticks.cast(pl.Datetime(unit, "UTC")), "day": days.cast(pl.Date)}
    ).write_parquet(data / "a.parquet")
    frame = rows(data.parent)
    kept = 3 if unit == "ns" else 1  # all numbers of nanoseconds are years of ours
    assert [frame[name].drop_nulls().len() for name in frame.columns] == [kept, kept, 1]
    assert frame.cast(pl.String).height == 4, "and can be shown"


def test_lines_whose_names_come_late_have_them_from_the_first_row_on(data: Path) -> None:
    (data / "a.ndjson").write_bytes(b'{"a":1}\n' * 900_000 + b'{"b":2}\n')
    frame = rows(data.parent)
    assert frame.columns == ["a", "b"]
    assert (frame.height, frame["b"].null_count(), frame["b"][-1]) == (900_001, 900_000, "2")


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.ndjson"])
def test_ten_thousand_columns_are_read(name: str, data: Path) -> None:
    wide = pl.DataFrame({f"column_{number}": [str(number), "x"] for number in range(10_000)})
    _write(wide, data / name)
    assert rows(data.parent).equals(wide)


def test_more_columns_than_any_table_has_are_refused(data: Path) -> None:
    (data / "a.csv").write_bytes(b",".join(b"c%d" % number for number in range(25_000)) + b"\n1\n")
    with pytest.raises(DatasetError, match="25,000 columns"):
        rows(data.parent)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b"id,text\n1," + b"x" * (100 << 20) + b"\n"),
        ("a.csv", b'id,text\n1,"' + b"x\n" * (50 << 20) + b'"\n'),
        ("a.csv", b"x" * (100 << 20)),
        ("a.ndjson", b'{"id": "' + b"x" * (100 << 20) + b'"}\n'),
    ],
    ids=["cell", "quoted cell", "header", "line"],
)
def test_a_cell_of_any_size_is_refused_before_it_is_in_memory(name: str, content: bytes, data: Path) -> None:
    (data / name).write_bytes(content)
    with pytest.raises(SourceUnreadableError, match="longer than 32 MB"):
        rows(data.parent)


@pytest.mark.parametrize("name", ["a.csv", "a.ndjson", "a.parquet"])
@pytest.mark.parametrize(
    "columns", [("a", "A"), ("a", "__event_time"), ("a", " "), ("a", "b\x1b[2J")], ids=["case", "ours", "blank", "control"]
)
def test_a_column_that_cannot_be_one_is_named(name: str, columns: tuple[str, str], data: Path) -> None:
    frame = pl.DataFrame({column: ["1"] for column in columns})
    _write(frame, data / name)
    with pytest.raises(DatasetError):
        rows(data.parent)


def test_a_column_that_stands_twice_is_named(data: Path) -> None:
    (data / "a.csv").write_bytes(b"id,id\n1,2\n")
    with pytest.raises(DatasetError, match="names the column 'id' twice"):
        rows(data.parent)


def test_old_line_ends_are_named(data: Path) -> None:
    (data / "a.csv").write_bytes(b"id,text\r1,2\r3,4\r")
    with pytest.raises(SourceUnreadableError, match="carriage return"):
        rows(data.parent)


def test_a_spreadsheet_that_claims_every_cell_there_is_ends_its_reader_only(data: Path) -> None:
    (data / "a.xlsx").write_bytes(workbook([["id"], [1]], far="XFD1048576"))
    with pytest.raises((FileTooLargeError, SourceUnreadableError), match=r"a\.xlsx"):
        rows(data.parent)
    (data / "a.xlsx").write_bytes(FORMS["a.xlsx"])
    assert rows(data.parent).equals(FRAME)


def test_a_sheet_that_is_not_there_is_named_beside_those_that_are(data: Path) -> None:
    (data / "a.xlsx").write_bytes(FORMS["a.xlsx"])
    source = files("data", sheet="Sales")
    with FileParts(source, Surroundings(root=data.parent, scratch=data.parent)) as opened:
        (part,) = opened.find(Seen())
        with pytest.raises(SourceUnreadableError, match="no sheet 'Sales'; it has Sheet1"):
            list(opened.read(part))


def test_a_zip_that_is_no_spreadsheet_is_refused(data: Path) -> None:
    with zipfile.ZipFile(data / "a.xlsx", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("xl/workbook.xml", "0" * (200 << 20))
    with pytest.raises((FileTooLargeError, SourceUnreadableError)):
        rows(data.parent)


def test_a_file_whose_name_says_nothing_is_asked_about(tmp_path: Path) -> None:
    (tmp_path / "rows.txt").write_bytes(CSV)
    with pytest.raises(FileFormatError, match="format="):
        rows(tmp_path, "rows.txt")
    with pytest.raises(SourceMissingError):
        rows(tmp_path, "*.txt")


def test_what_is_no_file_is_passed_over(data: Path) -> None:
    os.mkfifo(data / "a.csv")
    (data / "b.csv").mkdir()
    (data / "c.csv").symlink_to(data / "nowhere")
    (data / "d.csv").write_bytes(CSV)
    assert rows(data.parent).equals(FRAME)


def test_a_loop_of_links_is_walked_once(data: Path) -> None:
    (data / "again").symlink_to(data)
    (data / "d.csv").write_bytes(CSV)
    assert rows(data.parent, "data/**/*.csv").equals(FRAME)


def test_a_name_that_looks_like_a_pattern_is_a_name_where_it_is_there(tmp_path: Path) -> None:
    (tmp_path / "a[1].csv").write_bytes(CSV)
    assert rows(tmp_path, "a[1].csv").equals(FRAME)


def test_what_may_not_be_read_is_said(data: Path) -> None:
    (data / "a.csv").write_bytes(CSV)
    (data / "a.csv").chmod(0)
    with nobody(), pytest.raises(SourceDeniedError):
        rows(data.parent)


def test_the_way_of_reading_is_part_of_a_files_identity(data: Path) -> None:
    (data / "a.csv").write_bytes(CSV)
    digests = set()
    for source in (files("data"), files("data", time_zone="America/New_York"), files("data", times={"at": "s"})):
        with FileParts(source, Surroundings(root=data.parent, scratch=data.parent)) as opened:
            digests |= {part.digest for part in opened.find(Seen())}
    assert len(digests) == 3, "the same bytes read otherwise are other rows"
