"""What the prediction journal holds: one record for the rows of one flush that one version answered, column by column.

Columns, because a flush holds up to hundreds of rows: names are written once, and the reader makes frames of them without touching
a row. All times are business time in microseconds since 1970 UTC, but `seconds`, which is real. Temporal columns of
`request` and `features` are datetimes, or, where the record names its columns' types, as `columns.to_columns` gives them: that alone is
exact for every type.

A row that a version failed stands twice under one id: in a record of that version with `error` and without scores, then, where
another stood in, in a record of that one with route "fallback". The two are appended together.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

import msgspec

from flyball.core.duration import EPOCH, MICROSECOND
from flyball.serving.columns import Column
from flyball.storage.errors import JournalCorruptError
from flyball.storage.journal import Journal

_LATEST = 100  # records go to the journal in the order of their answers, which is nearly that of their times


class Answered(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Rows that `version` answered at `time`, or should have: with an `error`, `answered_by` says which version stood in (0: none).

    Columns are aligned: `ids`, `keys` (the key's parts joined by U+001F), `scores` (null where it failed), each column of `request`, of
    `features` (the vector that the model saw, under full names) and of `value_times` (per look-up, the event time or boundary of
    the value that was used; null where there was none). `route` is "champion", "canary" or "fallback". `seconds` are real time from
    the arrival of the request to the prediction.

    `request_types` and `feature_types` name the types of the columns (`columns.type_names`); without them a reader guesses from the
    values. `task` says what a score means: the probability of a "binary" label, or a number. `answers` is what a model said beyond that:
    its own label, and the probability of each of several classes. `traces` and `callers` are those of the rows' requests: the trace id and
    who asked, null where nobody said; empty where that is so of all rows.
    """

    endpoint: str
    model: str
    version: int
    route: str
    time: int
    features_digest: str
    ids: list[str]
    keys: list[str]
    request: dict[str, Column]
    features: dict[str, Column]
    value_times: dict[str, list[int | None]]
    scores: list[float | None]
    seconds: list[float]
    error: str | None = None
    answered_by: int | None = None
    request_types: list[str] = []
    feature_types: list[str] = []
    task: str = ""
    answers: dict[str, Column] = {}
    answer_types: list[str] = []
    traces: list[str | None] = []
    callers: list[str | None] = []


class Lost(msgspec.Struct, frozen=True, kw_only=True):
    """So many rows were answered between two times and are not in the log, as the endpoint's declaration allows; `why` says for what."""

    endpoint: str
    rows: int
    start: int
    end: int
    why: str


HOLE = b"\xc0"
"""An entry that stands for nothing: it keeps the place of one that another journal never had."""
_MAP = range(0x80, 0x90)
"""The first byte of a small map, which a loss is; a record is an array."""

_ENCODER = msgspec.msgpack.Encoder()
_DECODER, _LOSSES = msgspec.msgpack.Decoder(Answered), msgspec.msgpack.Decoder(Lost)


def encode(record: Answered | Lost) -> bytes:
    """The record as MessagePack."""
    return _ENCODER.encode(record)


def decode(data: bytes) -> Answered:
    """The record that `encode` wrote.

    Raises:
        msgspec.DecodeError: it is something else.
    """
    return _DECODER.decode(data)


def decode_entry(data: bytes) -> Answered | Lost | None:
    """What the entry of a journal says; None is a hole.

    Raises:
        msgspec.DecodeError: it is something else.
    """
    if data == HOLE:
        return None
    return _LOSSES.decode(data) if data and data[0] in _MAP else _DECODER.decode(data)


def find_latest(*journals: Journal) -> datetime | None:
    """The latest time of the last records that the journals hold, or None."""
    times: list[int] = []
    for journal in journals:
        with suppress(JournalCorruptError):
            for entry in journal.read_after(max(0, journal.last - _LATEST), _LATEST):
                with suppress(msgspec.DecodeError):
                    times.append(decode(entry.payload).time)
    return EPOCH + max(times) * MICROSECOND if times else None
