"""The fast readers make of a body what its rows are one after another; and no body, however it lies, does more than be refused."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from flyball.core.errors import FlyballError
from flyball.core.rand import SeededRandom
from flyball.data import Dataset, files
from flyball.data.arrowrows import read_arrow
from flyball.data.bodies import Body, Form, inflate
from flyball.data.contracts.model import Column, Contract
from flyball.data.jsonrows import parse_rows
from flyball.data.rowreader import RowReader
from flyball.data.values import ColumnType

SALES = Dataset("sales", files("data"), key="id", event_time="sold_at", known_after="1h")
CONTRACT = Contract(
    dataset="sales",
    columns={
        "id": Column(type=ColumnType.TEXT, nullable=False),
        "sold_at": Column(type=ColumnType.TIME, nullable=False),
        "day": Column(type=ColumnType.DATE, nullable=True),
        "count": Column(type=ColumnType.INTEGER, nullable=True),
        "amount": Column(type=ColumnType.NUMBER, nullable=False, minimum=0, maximum=9, values="quarantine"),
        "paid": Column(type=ColumnType.BOOLEAN, nullable=True),
        "odd name: {}": Column(type=ColumnType.TEXT, nullable=True, categories=("a", "b"), values="quarantine"),
    },
)
READER = RowReader(SALES, CONTRACT)
MUTATIONS = 3000


def moments(first: int, last: int) -> st.SearchStrategy[datetime]:
    """Times without a zone in these years and those between."""
    return st.datetimes(datetime(first, 1, 2), datetime(last, 12, 30))  # noqa: DTZ001 - of no zone


times = st.sampled_from(
    [
        "2013-01-01T00:00:00Z", "2013-01-01T00:00Z", "2013-02-30T00:00:00Z", "2013-01-01T24:00:00Z", "2013-01-01T23:59:60Z",
        "2013-01-01T00:00:00.5+02:00", "2013-01-01T00:00:00.123456789Z", "2013-01-01 00:00:00+00:00", "20130101T000000Z", "2013-01-01",
        "2013-01-01T00:00:00", "2013-01-01T00:00:00+0200", "2013-01-01T00:00:00+23:59", "2013-01-01T00:00:00+24:00", "2013-01-01T00:00:00z",
        "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z", "+2013-01-01T00:00:00Z", "2013-W01-1T00:00Z", "", " ", "soon",
    ]
) | moments(1, 9999).map(lambda found: found.isoformat() + "Z")  # fmt: skip
scalars = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5)
odd = scalars | st.lists(scalars, max_size=2) | st.dictionaries(st.text(max_size=3), scalars, max_size=2)
cells = {
    "id": st.text(max_size=4) | odd,
    "sold_at": times | odd,
    "day": st.sampled_from(["2013-01-31", "2013-02-30", "20130131", "2013-W01-1", "0000-01-01"]) | odd,
    "count": st.integers(-(2**64), 2**64) | st.floats(-1e18, 1e18) | odd,
    "amount": st.floats(-1, 10) | st.integers(-1, 10) | odd,
    "paid": st.booleans() | odd,
    "odd name: {}": st.sampled_from(["a", "b", "c"]) | odd,
}
good = {
    "id": st.text(max_size=4), "sold_at": times, "amount": st.floats(0, 9), "paid": st.booleans(),
    "count": st.integers(-(2**63), 2**63 - 1),
}  # fmt: skip
rows = st.lists(
    st.fixed_dictionaries(good, optional={"day": st.none(), "odd name: {}": st.none() | st.just("a")})
    | st.fixed_dictionaries({}, optional={**cells, "unknown": odd, "__row": odd}),
    min_size=1,
    max_size=8,
)


@settings(deadline=None, max_examples=300)
@given(rows, st.sampled_from(["object", "list", "lines"]))
def test_json_is_read_as_row_after_row_is(drawn: list[dict[str, Any]], shape: str) -> None:
    text = json.dumps(drawn)
    lines = "\n".join(json.dumps(row) for row in drawn)
    body = {
        "object": Body(Form.JSON, b'{"rows": ' + text.encode() + b"}"),
        "list": Body(Form.JSON, text.encode()),
        "lines": Body(Form.NDJSON, lines.encode()),
    }[shape]
    found, wanted = READER.read(body), parse_rows(SALES, CONTRACT, rows=drawn)
    assert_frame_equal(found.good, wanted.good, check_exact=True)
    assert tuple((row, why) for row, why, _ in found.broken) == wanted.broken
    assert found.unexpected == wanted.unexpected
    assert [json.loads(raw) for _, _, raw in found.broken] == [drawn[row - 1] for row, _, _ in found.broken]


def arrow(frame: pl.DataFrame, *, old: bool = False) -> bytes:
    place = io.BytesIO()
    frame.write_ipc_stream(place, compat_level=pl.CompatLevel.oldest() if old else None)
    return place.getvalue()


columns = st.fixed_dictionaries(
    {
        "text": st.lists(st.none() | st.text(max_size=20), min_size=6, max_size=6).map(lambda found: pl.Series(found, dtype=pl.String)),
        "whole": st.lists(st.none() | st.integers(-128, 127), min_size=6, max_size=6).flatmap(
            lambda found: st.sampled_from([pl.Int8, pl.Int16, pl.Int32, pl.Int64]).map(lambda kind: pl.Series(found, dtype=kind))
        ),
        "unsigned": st.lists(st.none() | st.integers(0, 2**64 - 1), min_size=6, max_size=6).map(
            lambda found: pl.Series(found, dtype=pl.UInt64)
        ),
        "number": st.lists(st.none() | st.floats(), min_size=6, max_size=6).map(lambda found: pl.Series(found, dtype=pl.Float64)),
        "bit": st.lists(st.none() | st.booleans(), min_size=6, max_size=6).map(lambda found: pl.Series(found, dtype=pl.Boolean)),
        "day": st.lists(st.none() | st.dates(date(1, 1, 1)), min_size=6, max_size=6).map(lambda found: pl.Series(found, dtype=pl.Date)),
        "zoned": st.lists(st.none() | moments(1700, 2200), min_size=6, max_size=6).map(
            lambda found: pl.Series(found, dtype=pl.Datetime("us")).dt.replace_time_zone("UTC")
        ),
        "naive": st.lists(st.none() | moments(1700, 2200), min_size=6, max_size=6).map(
            lambda found: pl.Series(found, dtype=pl.Datetime("us"))
        ),
        "nothing": st.just(pl.Series([None] * 6)),
    }
)


@settings(deadline=None, max_examples=150)
@given(columns, st.booleans())
def test_an_arrow_stream_is_read_as_it_was_written(drawn: dict[str, pl.Series], old: bool) -> None:  # noqa: FBT001 - hypothesis draws it
    frame = pl.DataFrame([series.alias(name) for name, series in drawn.items()])
    assert_frame_equal(read_arrow("sales", arrow(frame, old=old)), frame.cast({"whole": frame["whole"].dtype}), check_exact=True)


def mutated(content: bytes, *, seed: int) -> Iterator[bytes]:
    """The content with a few bytes changed, most of them where lengths and offsets stand, or cut."""
    chance = SeededRandom(seed)
    for number in range(MUTATIONS):
        found = bytearray(content)
        for change in range(1 + chance.seed("changes", str(number)) % 6):
            where = (str(number), str(change))
            reach = len(found) if chance.uniform("where", *where) < 0.3 else min(len(found), 2000)
            byte = (0, 1, 127, 128, 255, chance.seed("byte", *where) % 256)[chance.seed("as", *where) % 6]
            found[chance.seed("at", *where) % reach] = byte
        cut = chance.seed("cut", str(number)) % (10 * len(found))
        yield bytes(found[:cut] if cut < len(found) else found)


FRAME = pl.DataFrame(
    {
        "id": [f"a text {'x' * (number % 30)}" if number % 7 else None for number in range(50)],
        "count": list(range(50)), "amount": [number / 3 for number in range(50)], "paid": [number % 2 == 0 for number in range(50)],
        "day": [date(2013, 1, 1)] * 50, "sold_at": [datetime(2013, 1, 1, tzinfo=UTC)] * 50,
    }
)  # fmt: skip


@pytest.mark.parametrize("old", [False, True], ids=["views", "offsets"])
def test_an_arrow_stream_that_lies_is_refused_and_does_nothing_else(*, old: bool) -> None:
    refused = 0
    for content in mutated(arrow(FRAME, old=old), seed=1):
        try:
            READER.read(Body(Form.ARROW, content))
        except FlyballError:
            refused += 1
    assert refused > MUTATIONS / 2


@pytest.mark.parametrize("form", [Form.JSON, Form.NDJSON, Form.CSV])
def test_a_text_that_is_damaged_is_read_or_refused(form: Form) -> None:
    whole = FRAME.with_columns(pl.col("sold_at").dt.strftime("%Y-%m-%dT%H:%M:%SZ")).head(5)
    content = {Form.CSV: whole.write_csv(), Form.NDJSON: whole.write_ndjson(), Form.JSON: whole.write_json()}[form].encode()
    for damaged in mutated(content, seed=2):
        try:
            READER.read(Body(form, damaged))
        except FlyballError:
            continue


def test_a_damaged_gzip_is_refused() -> None:
    for damaged in mutated(gzip.compress(FRAME.write_csv().encode(), mtime=0), seed=3):
        try:
            inflate(damaged, limit_bytes=1 << 20)
        except FlyballError:
            continue


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (pl.DataFrame({"a": [[1]]}), "of a type that is not taken"),
        (pl.DataFrame({"a": ["x"]}, schema={"a": pl.Categorical()}), "categorical"),
        (pl.DataFrame({"a": [b"x"]}), "of a type that is not taken"),
        (pl.DataFrame({"a": range(10_001)}), "10,001"),
        (pl.DataFrame({"x" * 2000: [1]}), "a name of 2,000 bytes"),
    ],
)
def test_what_an_arrow_stream_may_not_have_is_named(frame: pl.DataFrame, why: str) -> None:
    with pytest.raises(FlyballError, match=why):
        read_arrow("sales", arrow(frame))


def test_ten_thousand_columns_are_read_in_every_form() -> None:
    wide = {f"c{number}": number for number in range(10_000)} | {"id": "x", "sold_at": "2013-01-01T00:00:00Z", "amount": 1.5}
    frame = pl.DataFrame([wide]).with_columns(pl.col("sold_at").str.to_datetime(time_zone="UTC"))
    for body in (Body(Form.JSON, json.dumps([wide]).encode()), Body(Form.CSV, frame.write_csv().encode()), Body(Form.ARROW, arrow(frame))):
        found = READER.read(body)
        assert (found.good.height, len(found.unexpected)) == (1, 10_000)


def test_times_out_of_the_calendar_set_their_rows_aside() -> None:
    far = pl.Series([0, 2**62, -(2**62)]).cast(pl.Datetime("us", "UTC"))
    frame = pl.DataFrame({"id": ["a", "b", "c"], "sold_at": far, "amount": [1.0] * 3, "day": pl.Series([0, 0, 2**31 - 1]).cast(pl.Date)})
    found = READER.read(Body(Form.ARROW, arrow(frame)))
    assert found.good["id"].to_list() == ["a"]
    assert [why for _, why, _ in found.broken] == [
        "sold_at is out of the calendar",
        "sold_at is out of the calendar; day is out of the calendar",
    ]
