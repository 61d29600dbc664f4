"""A stream of Arrow costs no more than the rows in it are worth: what holds none is refused before it is walked to its end."""

from __future__ import annotations

import io
import struct

import polars as pl
import pytest

from flyball.predict import arrow
from flyball.predict.errors import ArrowError


def messages(frame: pl.DataFrame) -> list[bytes]:
    """The schema and the batches of the frame as messages, each with its values."""
    out = io.BytesIO()
    frame.write_ipc_stream(out, compression="uncompressed")
    whole, found, place = out.getvalue(), [], 0
    for _, _, start, size in arrow._messages(whole):
        found.append(whole[place : start + size])
        place = start + size
    return found


def empty_batch() -> bytes:
    """A batch of no rows that a stream may repeat."""
    batch = bytearray(messages(pl.DataFrame({"a": [1.0]}))[1])
    ((_, head, _, _),) = arrow._messages(bytes(batch))
    nodes = head.field(1) + head.read("<I", head.field(1)) + 4
    for place in (head.field(0), nodes):  # how many rows the batch has, and how many its column
        struct.pack_into("<q", batch, 8 + place, 0)
    return bytes(batch)


def test_as_many_batches_as_rows_are_read() -> None:
    schema, batch = messages(pl.DataFrame({"a": [1.0]}))
    assert arrow.read(schema + 1000 * batch)["a"].len() == 1000


def test_batches_without_end_and_without_rows_are_refused() -> None:
    schema = messages(pl.DataFrame({"a": [1.0]}))[0]
    assert arrow.check(schema + 10 * empty_batch()) == 0
    with pytest.raises(ArrowError, match="write it as one batch"):
        arrow.check(schema + 10_000 * empty_batch())


def test_a_batch_of_more_columns_than_can_be_is_refused() -> None:
    schema, batch = messages(pl.DataFrame({"a": [1.0]}))
    ((_, head, _, _),) = arrow._messages(batch)
    lying = bytearray(batch)
    struct.pack_into("<I", lying, 8 + head.field(1) + head.read("<I", head.field(1)), 2**32 - 1)
    with pytest.raises(ArrowError, match="more columns"):
        arrow.check(schema + bytes(lying))
