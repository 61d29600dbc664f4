"""What a user declares about data, and what a dataset version is: frozen values without I/O.

Every row has two times. Its *event time* is a column; its *known time* says since when we could have seen the row. The four
system columns below stand beside the user's columns in every bitemporal frame (called a *history* in this product).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypedDict, Unpack

import polars as pl

from flyball.core.duration import format_duration, parse_duration
from flyball.core.ids import Digest, EventId
from flyball.data.declared.check import Check
from flyball.data.declared.schema import schema_checks
from flyball.data.declared.source import Source
from flyball.data.errors import DatasetError, VersionStateError

EVENT_TIME = "__event_time"
KNOWN_TIME = "__known_time"
KNOWN_UNTIL = "__known_until"
ARRIVAL = "__arrival"
PREDICTION_TIME = "__prediction_time"
LABEL = "label"
RESOLVED = "resolved"
SYSTEM_COLUMNS = (EVENT_TIME, KNOWN_TIME, KNOWN_UNTIL, ARRIVAL)
TIME = pl.Datetime("us", "UTC")

PUSHED = "live:"  # where a file's name stands: the positions of pushes; no data file is called so

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")


class KnownRule(TypedDict, total=False):
    """At most one of the three says since when a row is known; without one it is known at its event time."""

    known_time: str
    known_after: str | timedelta
    known_before: str | timedelta


class Options(KnownRule, total=False):
    """What may be said of a dataset besides: promises of its rows, as expressions or as a pandera schema."""

    checks: Sequence[Check]
    schema: object


@dataclass(frozen=True, init=False)
class Dataset:
    """Rows of one kind from one source, each identified by `key` and dated by the column `event_time`.

    A later row of the same key is a correction of the earlier one, from its known time on. A frozen value: it compares by its
    fields and reads nothing.
    """

    name: str
    source: Source
    key: tuple[str, ...]
    event_time: str
    known_time: str | None = None
    known_after: timedelta | None = None
    known_before: timedelta | None = None
    checks: tuple[Check, ...] = ()

    def __init__(self, name: str, source: Source, *, key: str | Sequence[str], event_time: str, **options: Unpack[Options]) -> None:
        """Declare a dataset; durations are texts such as "24h". `checks` and those that a pandera `schema` makes judge its rows.

        Raises:
            DatasetError: a name, key or rule that can never be right.
            DurationError: a duration that is none.
        """
        what = f"Dataset {name!r}"
        if not _NAME.fullmatch(name):
            raise DatasetError(what, "a name is 1 to 63 of a-z, 0-9, '-' and '_', and starts with a letter")
        if not isinstance(source, Source):
            raise DatasetError(what, f"its source is {source!r}; write fb.files({str(source)!r})")
        checks, schema = options.pop("checks", ()), options.pop("schema", None)
        given = {rule: value for rule, value in options.items() if value is not None}
        if unknown := sorted(set(given) - {"known_time", "known_after", "known_before"}):
            raise DatasetError(what, f"there is no option {unknown[0]!r}; use known_time, known_after or known_before")
        if len(given) > 1:
            raise DatasetError(what, f"it declares {' and '.join(given)}; a row becomes known by one rule, keep one")
        columns = (key,) if isinstance(key, str) else tuple(key)
        _check_columns(what, (*columns, event_time, *([str(given["known_time"])] if "known_time" in given else [])))
        if not columns or len(set(columns)) != len(columns):
            raise DatasetError(what, "its key is empty or names a column twice")
        set_ = object.__setattr__
        set_(self, "name", name)
        set_(self, "source", source)
        set_(self, "key", columns)
        set_(self, "event_time", event_time)
        set_(self, "known_time", given.get("known_time"))
        set_(self, "known_after", _length(given.get("known_after")))
        set_(self, "known_before", _length(given.get("known_before")))
        set_(self, "checks", _checks(what, (*checks, *(() if schema is None else schema_checks(schema)))))

    def __getitem__(self, columns: str | tuple[str, ...]) -> Columns:
        """The named columns as features of the rows themselves."""
        return Columns(self, columns if isinstance(columns, tuple) else (columns,))

    def join(self, other: Dataset, *, on: str | Sequence[str]) -> Join:
        """This dataset's rows beside those of `other` that `on` identifies; `on` must be the key of `other`."""
        return Join(self, other, (on,) if isinstance(on, str) else tuple(on))

    def known_rule(self) -> str:
        """The rule by which a row becomes known, as a short text."""
        if self.known_time is not None:
            return f"column {self.known_time}"
        if self.known_after is not None:
            return f"{format_duration(self.known_after)} after {self.event_time}"
        if self.known_before is not None:
            return f"{format_duration(self.known_before)} before {self.event_time}"
        return f"at {self.event_time}"

    def definition(self) -> Mapping[str, Any]:
        """What decides the meaning of a stored row: neither where the files lie, nor what is promised of it; of derived rows their code."""
        return {
            "name": self.name, "key": self.key, "event_time": self.event_time, "known_time": self.known_time,
            "known_after": self.known_after, "known_before": self.known_before, **self.source.meaning(),
        }  # fmt: skip


@dataclass(frozen=True)
class Columns:
    """Columns of a dataset's own rows, used as features."""

    dataset: Dataset
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        what = f"Dataset {self.dataset.name!r}[...]"
        _check_columns(what, self.names)
        if not self.names or len(set(self.names)) != len(self.names):
            raise DatasetError(what, "it names no column, or one twice")


@dataclass(frozen=True)
class Join:
    """Rows of `left` beside those of `right`: known when both sides are, with the event time and the key of the left."""

    left: Dataset
    right: Dataset
    on: tuple[str, ...]

    def __post_init__(self) -> None:
        what = f"Join of {self.left.name!r} and {self.right.name!r}"
        if self.left == self.right:
            raise DatasetError(what, "a dataset joined with itself says nothing new")
        if set(self.on) != set(self.right.key):
            key = ", ".join(self.right.key)
            raise DatasetError(what, f"`on` is ({', '.join(self.on)}), but a row of {self.right.name!r} is identified by its key ({key})")


@dataclass(frozen=True, eq=False)
class Label:
    """What is predicted: an expression over each row of `dataset`, given up `timeout` after the predicted row's event time."""

    dataset: Dataset
    expression: pl.Expr
    timeout: timedelta = field(default_factory=lambda: timedelta(days=3))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Label) and self.describe() == other.describe()

    def __hash__(self) -> int:
        return hash((self.dataset, self.timeout))

    def describe(self) -> Mapping[str, Any]:
        """The label as plain values; the expression in Polars' serialised form, as hexadecimal text."""
        return {"dataset": self.dataset.definition(), "expression": self.expression.meta.serialize().hex(), "timeout": self.timeout}


def label(dataset: Dataset, expression: pl.Expr, *, timeout: str = "3d") -> Label:
    """The label that `expression` gives on each row of `dataset`.

    A row that has none `timeout` after its event time counts as resolved without a label.

    Raises:
        DatasetError: `dataset` or `expression` is not what it must be.
        DurationError: `timeout` is not a duration.
    """
    if not isinstance(dataset, Dataset):
        raise DatasetError(f"label({dataset!r}, ...)", "the first argument is the dataset that carries the outcome")
    if not isinstance(expression, pl.Expr):
        raise DatasetError(
            f"label({dataset.name!r}, ...)", f"the second argument is a Polars expression such as pl.col('x') > 15, not {expression!r}"
        )
    return Label(dataset, expression, parse_duration(timeout))


class VersionState(StrEnum):
    """A dataset version is received, then accepted; or held, until a person accepts or rejects it."""

    RECEIVED = "received"
    ACCEPTED = "accepted"
    HELD = "held"
    REJECTED = "rejected"


MOVES: Mapping[VersionState, frozenset[VersionState]] = {
    VersionState.RECEIVED: frozenset({VersionState.ACCEPTED, VersionState.HELD}),
    VersionState.HELD: frozenset({VersionState.ACCEPTED, VersionState.REJECTED}),
    VersionState.ACCEPTED: frozenset(),
    VersionState.REJECTED: frozenset(),
}


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """A file as it was read: its name below the source, its size and the SHA-256 of its bytes.

    Where an ingest looked no further than `known_by`, it left out `left_out` of the file's rows, the first of which becomes
    known at `next_known`. `arrival` is when a file came that came live: none of its rows was known before. `position` is where
    the next pull goes on, for sources that have such a place.
    """

    name: str
    size_bytes: int
    digest: Digest
    known_by: datetime | None = None
    left_out: int = 0
    next_known: datetime | None = None
    arrival: datetime | None = None
    position: str | None = None


@dataclass(frozen=True, kw_only=True)
class DatasetVersion:
    """What one ingest added to a dataset; the version's content is all rows of its `table` up to here that were accepted.

    `rows` counts the content, `added` what this ingest appended with arrival numbers `first_arrival` to `last_arrival`; rows
    read = added + quarantined + duplicates. `digest` chains the definition, the contract, the files and the parent version.
    `contract`, `profile`, `sketches` and `results` are blobs. `source` says where the rows came from, `position` where its next
    pull goes on, `key` which columns identify a row, `corrections` how many of the added rows have a key that stood already, in
    the content or earlier among them; versions of older releases say none of them. `cause` led to the ingest; `event` is what
    the ingest itself led to (accepted, held).
    """

    dataset: str
    number: int
    digest: Digest
    state: VersionState
    rows: int
    added: int
    quarantined: int
    duplicates: int
    table: str
    table_version: int | None
    first_arrival: int
    last_arrival: int
    files: tuple[SourceFile, ...]
    contract: Digest
    profile: Digest | None
    earliest_event_time: datetime | None
    latest_event_time: datetime | None
    ingested_at: datetime
    cause: EventId | None
    event: EventId | None
    source: str = ""
    position: str | None = None
    key: tuple[str, ...] = ()
    sketches: Digest | None = None
    results: Digest | None = None
    corrections: int | None = None

    @property
    def reference(self) -> str:
        """The version's name in lineage, for example "dataset/flights@3"."""
        return f"dataset/{self.dataset}@{self.number}"

    @property
    def is_pushed(self) -> bool:
        """Whether its rows were pushed, not read from files."""
        return any(file.name.startswith(PUSHED) for file in self.files)

    def moved(self, state: VersionState, event: EventId | None) -> DatasetVersion:
        """This version in another state, into which `event` put it.

        Raises:
            VersionStateError: the move is not legal.
        """
        if state not in MOVES[self.state]:
            raise VersionStateError(self.dataset, self.number, state=self.state, asked=state)
        return DatasetVersion(**{**vars(self), "state": state, "event": event})


def _length(value: object) -> timedelta | None:
    return value if value is None or isinstance(value, timedelta) else parse_duration(str(value))


def _checks(what: str, checks: Sequence[object]) -> tuple[Check, ...]:
    found: dict[str, Check] = {}
    for check in checks:
        if not isinstance(check, Check):
            raise DatasetError(what, f"{check!r} is no check; write fb.check('its name', an expression)")
        if check.name in found:
            raise DatasetError(what, f"two of its checks are called {check.name!r}; results are kept by name")
        found[check.name] = check
    return tuple(found.values())


def _check_columns(what: str, columns: Sequence[object]) -> None:
    for column in columns:
        if not isinstance(column, str) or not column or column.startswith("__"):
            raise DatasetError(what, f"{column!r} is not a column name; names beginning with '__' belong to Flyball")
