"""What every row of a dataset promises, and what all of them together do: values, as a file holds them.

Types, nulls and keys decide whether a row is taken; ranges, categories and patterns only warn, unless a person writes another
severity beside them. This module judges nothing; `judging`, `tally` and `scan` do.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal, get_args

import msgspec
import polars as pl

from flyball.core.canonical import canonical, digest_bytes
from flyball.core.ids import Digest
from flyball.data.declared.check import Severity
from flyball.data.model import Dataset
from flyball.data.values import ColumnType

SeverityWord = Literal["quarantine", "hold", "warn"]
Whole = Literal["hold", "warn"]  # of promises that no single row breaks: there is none to set aside
Promise = Literal["nullable", "minimum", "maximum", "categories", "pattern", "unique"]
VALUE_PROMISES: tuple[Promise, ...] = ("minimum", "maximum", "categories", "pattern")


class Column(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """What one column promises; `minimum` and `maximum` are of numbers, `categories` and `pattern` of texts.

    `values` is the severity of those four, `severities` that of single promises.
    """

    type: ColumnType
    nullable: bool
    minimum: float | None = None
    maximum: float | None = None
    categories: tuple[str, ...] | None = None
    pattern: str | None = None
    unique: bool = False
    values: SeverityWord = "warn"
    severities: dict[Promise, SeverityWord] = {}

    @property
    def takes_null(self) -> bool:
        """Whether a row without a value is taken, with whatever is told of it."""
        return self.nullable or self.severity("nullable") is not Severity.QUARANTINE

    def severity(self, promise: Promise) -> Severity:
        """What becomes of what breaks `promise`."""
        given = self.severities.get(promise)
        if given is not None:
            return Severity(given)
        if promise == "nullable":
            return Severity.QUARANTINE
        return Severity.HOLD if promise == "unique" else Severity(self.values)


class Basis(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The rows that a contract was inferred from, by event time; `until` is exclusive."""

    rows: int
    since: datetime
    until: datetime


class _Check(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True, tag_field="kind"):
    """A promise beyond those of single columns; `name` tells it from the contract's other ones."""

    name: str


class RowCheck(_Check, frozen=True, tag="row", kw_only=True):
    """`expression` is true of each row; a row for which it is null keeps the promise. At most the share `tolerance` may break it."""

    expression: str
    severity: SeverityWord = "quarantine"
    column: str | None = None
    tolerance: float = 0.0


class AggregateCheck(_Check, frozen=True, tag="aggregate", kw_only=True):
    """`expression` over all rows lies between `minimum` and `maximum`, both allowed."""

    expression: str
    minimum: float | None = None
    maximum: float | None = None
    severity: Whole = "hold"
    column: str | None = None


class UniqueCheck(_Check, frozen=True, tag="unique", kw_only=True):
    """No two rows have the same values in `columns`; rows with a null among them are not compared. `tolerance` is a share of rows."""

    columns: tuple[str, ...]
    severity: Whole = "hold"
    tolerance: float = 0.0


class KeyCheck(_Check, frozen=True, tag="key", kw_only=True):
    """What stands in `columns` stands in the columns `to` of another dataset; rows with a null among them have no partner to have."""

    columns: tuple[str, ...]
    dataset: str
    to: tuple[str, ...] = ()
    severity: Whole = "hold"
    tolerance: float = 0.0


class DistributionCheck(_Check, frozen=True, tag="distribution", kw_only=True):
    """The population stability index of `column` against the version before (or the contract's reference) is at most `limit`."""

    column: str
    limit: float = 0.25
    severity: Whole = "warn"


class SkewCheck(_Check, frozen=True, tag="skew", kw_only=True):
    """The population stability index of each of `columns` between these rows and those that were served is at most `limit`."""

    columns: tuple[str, ...]
    limit: float = 0.25
    severity: Whole = "warn"


class FreshnessCheck(_Check, frozen=True, tag="freshness", kw_only=True):
    """The latest time in `column` (the event time, if none is named) is at most `maximum_age` old, a duration such as "3h"."""

    maximum_age: str
    column: str | None = None
    severity: Whole = "warn"


class VolumeCheck(_Check, frozen=True, tag="volume", kw_only=True):
    """So many rows came: between `minimum` and `maximum`, and no further than the share `relative` from the median of earlier versions."""

    minimum: int | None = None
    maximum: int | None = None
    relative: float | None = None
    severity: Whole = "hold"


class PythonCheck(_Check, frozen=True, tag="python", kw_only=True):
    """A check of the project file, by its name and what its expression is; never written by hand, and kept beside what it judged."""

    fingerprint: Digest
    severity: SeverityWord | None = None
    column: str | None = None


Check = (
    RowCheck | AggregateCheck | UniqueCheck | KeyCheck | DistributionCheck | SkewCheck | FreshnessCheck | VolumeCheck | PythonCheck
)  # fmt: skip
CHECK_TYPES: tuple[type[_Check], ...] = get_args(Check)


class Contract(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a dataset promises; equal contracts have equal text and digest."""

    dataset: str
    columns: dict[str, Column]
    checks: tuple[Check, ...] = ()
    inferred_from: Basis | None = None

    MAX_CHECKS: ClassVar[int] = 1_000

    def encode(self) -> str:
        """The contract as indented JSON, one line per promise, ending in a newline."""
        facts = msgspec.to_builtins(self)
        if not self.checks:  # versions that were judged before there were checks name contracts by a text without the word
            del facts["checks"]
        return msgspec.json.format(msgspec.json.encode(facts), indent=2).decode() + "\n"

    @property
    def digest(self) -> Digest:
        """SHA-256 of the contract's text, however a person laid out the file."""
        return digest_bytes(self.encode().encode())

    @property
    def schema(self) -> dict[str, pl.DataType]:
        """The columns' Polars types, in the contract's order."""
        return {name: column.type.dtype for name, column in self.columns.items()}

    @property
    def generation(self) -> str:
        """Eight hex digits that change when stored rows could no longer stand in one table with new ones."""
        return digest_bytes(canonical({name: column.type for name, column in self.columns.items()}).encode())[:8]

    def bound(self, dataset: Dataset) -> Contract:
        """This contract with the checks of the project file as they are now, so that its digest changes with them."""
        kept = tuple(check for check in self.checks if not isinstance(check, PythonCheck))
        declared = tuple(
            PythonCheck(name=check.name, fingerprint=check.fingerprint, severity=_word(check.severity), column=check.column)
            for check in dataset.checks
        )
        return msgspec.structs.replace(self, checks=kept + declared)


def _word(severity: Severity | None) -> SeverityWord | None:
    return None if severity is None else severity.value


def declared_columns(dataset: Dataset) -> tuple[str, ...]:
    """The columns without which a row of `dataset` cannot stand: its key and its times."""
    known = () if dataset.known_time is None else (dataset.known_time,)
    return tuple(dict.fromkeys((*dataset.key, dataset.event_time, *known)))
