"""Answered rows as frames: one shape of records, one schema, one table.

The names of a frame's columns say where a value belongs ("request.carrier", "feature.sky.temp", "value_time.sky", and "answer.prediction"
of a model with classes of its own); tables, which take names for equal that differ in case only, may know such columns by an escaped name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, TypeAlias
from urllib.parse import unquote

import polars as pl
from msgspec import structs

from flyball.core.canonical import digest
from flyball.serving.columns import TIME, from_columns, type_names
from flyball.serving.errors import UnalignedRecordError
from flyball.serving.record import Answered

REQUEST, FEATURE, VALUE_TIME, ANSWER = "request.", "feature.", "value_time.", "answer."
STREAM, POSITION = "stream", "position"

BASE: Mapping[str, pl.DataType] = {
    "time": TIME, STREAM: pl.String(), POSITION: pl.Int64(), "id": pl.String(), "key": pl.String(), "model": pl.String(),
    "version": pl.Int64(), "route": pl.String(), "score": pl.Float64(), "prediction": pl.Float64(), "seconds": pl.Float64(),
    "error": pl.String(), "answered_by": pl.Int64(), "features_digest": pl.String(), "trace": pl.String(), "caller": pl.String(),
}  # fmt: skip
"""The columns of every answered row; first in each table, since tables keep statistics of their first columns only.

A row's `stream` is the journal that it came by, and `position` its record's in that. Tables of before there were several have no `stream`.
"""

_PREFIX = "predictions."
_SEAL_ROWS = 1000  # lists of Python values weigh ten times what a frame does

Placed: TypeAlias = tuple[int, Answered]
"""A record and its position in the journal."""

Shape: TypeAlias = tuple[Any, ...]


def shape_of(record: Answered) -> Shape:
    """Equal for records of one endpoint whose rows fit into one frame."""
    columns = (tuple(record.request), tuple(record.features), tuple(record.value_times), tuple(record.answers))
    return (record.endpoint, *columns, tuple(record.request_types), tuple(record.feature_types), tuple(record.answer_types))


def typed(record: Answered) -> Answered:
    """The record, which names all of its columns' types: those that it does not name are as its own values look.

    By each record alone, so that its table follows from nothing else.

    Raises:
        ColumnTypeError, TypeError, OverflowError, ValueError, pl.exceptions.PolarsError: its values are of no type.
    """
    given = {"request": record.request_types, "feature": record.feature_types, "answer": record.answer_types}
    columns = {"request": record.request, "feature": record.features, "answer": record.answers}
    guessed = {f"{part}_types": type_names(from_columns(columns[part], []).schema) for part in given if columns[part] and not given[part]}
    return structs.replace(record, **guessed) if guessed else record


def table_of_record(record: Answered) -> str:
    """The table that the rows of the typed record belong to; equal shapes have equal tables.

    Raises:
        ColumnTypeError: it names types that there are not.
    """
    none: Mapping[str, list[Any]] = {name: [] for name in ("ids", "keys", "scores", "seconds", "traces", "callers")}
    groups = ("request", "features", "value_times", "answers")
    parts: Mapping[str, dict[str, list[Any]]] = {name: {column: [] for column in getattr(record, name)} for name in groups}
    empty = structs.replace(record, **none, **parts)
    return table_of(record.endpoint, to_table(frame_of([(0, empty)], stream="")).schema)


def check_aligned(record: Answered) -> None:
    """Every column has a value for each row.

    Raises:
        UnalignedRecordError: one has not.
    """
    rows = len(record.ids)
    columns = chain(record.request.items(), record.features.items(), record.value_times.items(), record.answers.items())
    own: dict[str, Any] = {"keys": record.keys, "scores": record.scores, "seconds": record.seconds}
    own |= {name: values for name, values in (("traces", record.traces), ("callers", record.callers)) if values}
    for name, values in chain(own.items(), columns):
        if not isinstance(values, list) or len(values) != rows:
            raise UnalignedRecordError(name, rows=rows)


def frame_of(records: Sequence[Placed], *, stream: str) -> pl.DataFrame:
    """The rows of records of one shape that came by one stream, in their order.

    Raises:
        ColumnTypeError, TypeError, OverflowError, ValueError, pl.exceptions.PolarsError: values that are not of their type.
    """
    first = records[0][1]
    request = {name: _joined(record.request[name] for _, record in records) for name in first.request}
    features = {name: _joined(record.features[name] for _, record in records) for name in first.features}
    value_times = {name: _joined(record.value_times[name] for _, record in records) for name in first.value_times}
    answers = {name: _joined(record.answers[name] for _, record in records) for name in first.answers}
    parts = [
        _base(records, stream),
        _part(REQUEST, request, types=first.request_types),
        _part(FEATURE, features, types=first.feature_types),
        _part(VALUE_TIME, value_times, types=[str(TIME)] * len(value_times)),
        _part(ANSWER, answers, types=first.answer_types),
    ]
    return pl.concat([part for part in parts if part.width], how="horizontal")


def _joined(columns: Iterable[list[Any]]) -> list[Any]:
    return list(chain.from_iterable(columns))


def _part(prefix: str, columns: Mapping[str, list[Any]], *, types: Sequence[str]) -> pl.DataFrame:
    frame = from_columns(columns, types) if columns else pl.DataFrame()
    return frame.rename({name: prefix + name for name in frame.columns})


def _base(records: Sequence[Placed], stream: str) -> pl.DataFrame:
    lengths = [len(record.ids) for _, record in records]

    def repeated(name: str, values: Sequence[Any], *, dtype: pl.DataType | None = None) -> pl.Series:
        per_record = pl.DataFrame({"value": pl.Series(values, dtype=dtype or BASE[name]), "times": lengths})
        return per_record.select(pl.col("value").repeat_by("times").explode(empty_as_null=False)).to_series().alias(name)

    scores = pl.Series("score", _joined(record.scores for _, record in records), dtype=pl.Float64)
    binary = repeated("task", [record.task for _, record in records], dtype=pl.String())
    times = repeated("time", [record.time for _, record in records], dtype=pl.Int64()).cast(TIME)
    columns = {
        "time": times,
        STREAM: pl.repeat(stream, sum(lengths), dtype=pl.String, eager=True).alias(STREAM),
        POSITION: repeated(POSITION, [position for position, _ in records]),
        "id": pl.Series("id", _joined(record.ids for _, record in records), dtype=pl.String),
        "key": pl.Series("key", _joined(record.keys for _, record in records), dtype=pl.String),
        "score": scores,
        "prediction": _predictions(scores, binary),
        "seconds": pl.Series("seconds", _joined(record.seconds for _, record in records), dtype=pl.Float64),
    }
    for name in ("trace", "caller"):
        said = _joined(getattr(record, f"{name}s") or [None] * len(record.ids) for _, record in records)
        columns[name] = pl.Series(name, said, dtype=pl.String)
    for name in ("model", "version", "route", "error", "answered_by", "features_digest"):
        columns[name] = repeated(name, [getattr(record, name) for _, record in records])
    return pl.DataFrame([columns[name] for name in BASE])


def _predictions(scores: pl.Series, task: pl.Series) -> pl.Series:
    """What a score says: for a binary label whether it is at least one half; for a number the score itself; of several classes nothing."""
    frame = pl.DataFrame([scores.alias("score"), task.alias("task")])
    said = pl.when(pl.col("task") == "binary").then((pl.col("score") >= 0.5).cast(pl.Float64))
    return frame.select(said.when(~pl.col("task").is_in(["", "classes"])).then("score").alias("prediction")).to_series()


@dataclass
class Batch:
    """Records of one shape and stream that are not in a table yet: what is whole as frames, the rest as it came. Not thread-safe."""

    endpoint: str
    table: str
    stream: str
    rows: int = 0
    _frames: list[pl.DataFrame] = field(default_factory=list)
    _records: list[Placed] = field(default_factory=list)
    _loose: int = 0

    def add(self, position: int, record: Answered) -> list[tuple[int, Answered, str]]:
        """Take the record; what turned out not to fit its types is given back, each with the reason."""
        self._records.append((position, record))
        self.rows += len(record.ids)
        self._loose += len(record.ids)
        return self.seal() if self._loose >= _SEAL_ROWS else []

    def seal(self) -> list[tuple[int, Answered, str]]:
        """Make a frame of what came; what does not fit its types is given back and belongs to the batch no more."""
        records, self._records, self._loose = self._records, [], 0
        if not records:
            return []
        found, wrong = _frames_of(records, stream=self.stream)
        self._frames += found
        self.rows -= sum(len(record.ids) for _, record, _ in wrong)
        return wrong

    def frames(self) -> list[pl.DataFrame]:
        """What `seal` has made, in the order of positions."""
        return list(self._frames)

    def forget(self, position: int) -> None:
        """What was sealed up to that position is somewhere else."""
        self._frames = [left for frame in self._frames if (left := frame.filter(pl.col(POSITION) > position)).height]
        self.rows = self._loose + sum(frame.height for frame in self._frames)


def _frames_of(records: Sequence[Placed], *, stream: str) -> tuple[list[pl.DataFrame], list[tuple[int, Answered, str]]]:
    try:
        return [frame_of(records, stream=stream)], []
    except (TypeError, OverflowError, ValueError, pl.exceptions.PolarsError) as error:
        if len(records) == 1:
            position, record = records[0]
            return [], [(position, record, f"{type(error).__name__}: {error}")]
    # One of them spoils the frame: the rest must not wait for it.
    frames, wrong = [], []
    for half in (records[: len(records) // 2], records[len(records) // 2 :]):
        found, spoilt = _frames_of(half, stream=stream)
        frames += found
        wrong += spoilt
    return frames, wrong


def table_of(endpoint: str, schema: Mapping[str, pl.DataType]) -> str:
    """The name of the table that holds an endpoint's rows of that schema; its last part is a digest of names and types."""
    return f"{_PREFIX}{endpoint}.{digest([[name, str(dtype)] for name, dtype in schema.items()])[:8]}"


def endpoint_of(table: str) -> str | None:
    """The endpoint whose rows the table holds, or None where it holds something else."""
    endpoint, dot, _ = table.removeprefix(_PREFIX).rpartition(".")
    return endpoint if dot and table.startswith(_PREFIX) else None


def to_table(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame under names that a table takes: those that differ in case only are escaped, and those with characters that end a text."""
    lowered = Counter(name.lower() for name in frame.columns)
    unfit = [name for name in frame.columns if lowered[name.lower()] > 1 or not name.isprintable() or "%" in name]
    return frame.rename({name: _escaped(name) for name in unfit})


def from_table(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame that `to_table` was given."""
    return frame.rename({name: unquote(name) for name in frame.columns if "%" in name})


def _escaped(name: str) -> str:
    plain = "abcdefghijklmnopqrstuvwxyz0123456789._-@+"
    return "".join(letter if letter in plain else "".join(f"%{byte:02x}" for byte in letter.encode()) for letter in name)


def united(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """All rows under all columns; one that the frames know by several types has a type that holds them all, at last its text."""
    kinds: dict[str, set[pl.DataType]] = {}
    for frame in frames:
        for name, dtype in frame.schema.items():
            kinds.setdefault(name, set()).add(dtype)
    common = {name: _common(found) for name, found in kinds.items() if len(found) > 1}
    alike = [
        frame.with_columns(pl.col(name).cast(common[name], strict=False) for name in frame.columns if name in common) for frame in frames
    ]
    return pl.concat(alike, how="diagonal")


def _common(found: set[pl.DataType]) -> pl.DataType:
    if all(dtype.is_integer() for dtype in found):
        return pl.Int64()
    if all(dtype.is_numeric() for dtype in found):
        return pl.Float64()
    return pl.String()
