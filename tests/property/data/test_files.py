"""Texts come out of chunks as they went in, wherever they are cut; damaged files give rows or a typed error, and never end the process."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyball.core.errors import FlyballError
from flyball.core.rand import SeededRandom
from flyball.data.declared.files import files
from flyball.data.sources.files import FileParts
from flyball.data.sources.files.columns import NULLS
from flyball.data.sources.files.csvchunks import CsvChunks, row_end
from flyball.data.sources.files.jsonchunks import JsonChunks
from flyball.data.sources.port import Seen, Surroundings
from tests.spreadsheets import workbook


class Pieces:
    """A stream that gives few bytes at a time."""

    def __init__(self, data: bytes, size: int) -> None:
        self._file, self._size = io.BytesIO(data), size

    def read(self, size: int, /) -> bytes:
        return self._file.read(min(size, self._size))


cells = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=8) | st.sampled_from(
    ['"', '""', "a\nb", ",", "\n\n", *NULLS]
)
tables = st.integers(2, 4).flatmap(lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=12))


@given(rows=tables, size=st.integers(1, 40), end=st.sampled_from(["\n", "\r\n"]), separator=st.sampled_from([",", ";", "\t", "|"]))
@settings(deadline=None, max_examples=200)
def test_a_table_of_text_comes_out_as_it_went_in(rows: list[list[str]], size: int, end: str, separator: str) -> None:
    text = io.StringIO(newline="")
    header = [f"c{number}" for number in range(len(rows[0]))]
    csv.writer(text, delimiter=separator, lineterminator=end, quoting=csv.QUOTE_ALL).writerows([header, *rows])
    frames = list(CsvChunks("a.csv", Pieces(text.getvalue().encode(), size)))
    assert all(frame.columns == header for frame in frames)
    assert pl.concat(frames).rows() == [tuple(None if cell in NULLS else cell for cell in row) for row in rows]


@given(rows=st.lists(st.lists(cells, min_size=1, max_size=3), max_size=8), cut=st.integers(0, 200))
@settings(deadline=None, max_examples=200)
def test_the_end_of_a_row_is_never_inside_a_cell(rows: list[list[str]], cut: int) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    data = text.getvalue().encode()[:cut]
    end = row_end(data)
    inside, last = False, 0
    for at, byte in enumerate(data):  # the naive oracle: letter by letter
        inside ^= byte == ord('"')
        if byte == ord("\n") and not inside:
            last = at + 1
    assert end == last


values = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | cells | st.lists(st.integers(0, 9), max_size=2)


@given(rows=st.lists(st.dictionaries(st.sampled_from("abcd"), values, min_size=1), min_size=1, max_size=10), size=st.integers(1, 60))
@settings(deadline=None, max_examples=200)
def test_lines_of_objects_come_out_as_they_went_in(rows: list[dict[str, object]], size: int) -> None:
    data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    frame = pl.concat(list(JsonChunks("a.ndjson", lambda: Pieces(data, size))))
    assert frame.columns == list(dict.fromkeys(name for row in rows for name in row))
    for row, found in zip(rows, frame.iter_rows(named=True), strict=True):
        for name, cell in found.items():
            wanted = row.get(name)
            if isinstance(wanted, str) or wanted is None:
                assert cell == wanted
            elif isinstance(wanted, list):
                assert [int(item) for item in json.loads(cell)] == wanted
            else:
                assert json.loads(cell) == wanted


FRAME = pl.DataFrame(
    {"id": range(2_000), "word": [f"w{number % 50}" for number in range(2_000)], "value": [n / 3 for n in range(2_000)]}
).with_columns(at=pl.from_epoch("id"), day=pl.from_epoch("id", time_unit="d"))


def _written(write: Callable[[io.BytesIO], object]) -> bytes:
    buffer = io.BytesIO()
    write(buffer)
    return buffer.getvalue()


CSV = FRAME.write_csv().encode()
SEEDS = {
    "a.csv": [CSV, CSV.replace(b"w1", b'"w, ""1"""')],
    "a.ndjson": [_written(FRAME.write_ndjson)],
    "a.csv.gz": [gzip.compress(CSV, mtime=0)],
    "a.csv.bz2": [bz2.compress(CSV)],
    "a.csv.xz": [lzma.compress(CSV)],
    "a.parquet": [
        _written(lambda file: FRAME.write_parquet(file, compression="zstd", row_group_size=500)),
        _written(lambda file: FRAME.write_parquet(file, compression="snappy", row_group_size=500)),
        _written(lambda file: FRAME.write_parquet(file, compression="uncompressed")),
    ],
    "a.arrow": [_written(lambda file: FRAME.write_ipc(file, compression="lz4")), _written(FRAME.write_ipc)],
    "a.arrows": [_written(FRAME.write_ipc_stream)],
    "a.xlsx": [workbook([FRAME.columns, *FRAME.head(40).rows()])],
}
_LIES = (b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff", b"\x00\x00\x00\x80", b"\xfe\xff\xff\xff\x0f", b"\x00" * 8, b'"', b"\n")


def damaged(whole: bytes, draws: SeededRandom, *, name: str) -> bytes:
    """The bytes with one to four of them, or a whole number, made something else; half of it near the end, where footers stand."""

    def draw(purpose: str, below: int) -> int:
        return int(draws.uniform(name, purpose) * below)

    data = bytearray(whole)
    for change in range(1 + draw("changes", 4)):
        low = max(0, len(data) - 900) * draw(f"{change}/end", 2)
        at = low + draw(f"{change}/at", len(data) - low)
        match draw(f"{change}/kind", 3):
            case 0:
                data[at] = draw(f"{change}/byte", 256)
            case 1:
                data[at] ^= 1 << draw(f"{change}/bit", 8)
            case _:
                lie = _LIES[draw(f"{change}/lie", len(_LIES))]
                data[at : at + len(lie)] = lie
    return bytes(data)


@pytest.mark.parametrize("name", SEEDS)
def test_a_damaged_file_gives_rows_or_a_typed_error(name: str, tmp_path: Path) -> None:
    draws, rounds = SeededRandom(2013), 120
    (tmp_path / "data").mkdir()
    for number in range(rounds):
        whole = SEEDS[name][number % len(SEEDS[name])]
        (tmp_path / "data" / name).write_bytes(damaged(whole, draws, name=f"{name}/{number}"))
        with FileParts(files("data"), Surroundings(root=tmp_path, scratch=tmp_path / "scratch")) as source:
            (part,) = source.find(Seen())
            try:
                frames = list(source.read(part))
            except FlyballError as error:
                assert name in str(error), "an error names its file"  # noqa: PT017  most damages are errors, not all
                continue
            assert all(frame.columns == frames[0].columns for frame in frames)
