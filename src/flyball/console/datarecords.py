"""Datasets, versions, checks and quarantined rows as the console shows them: decoded and checked here, trusted afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from flyball.console.answers import Moment


class Freshness(msgspec.Struct, frozen=True):
    """How old the newest event and the newest ingest are; None where there is none."""

    event_seconds: float | None = None
    ingest_seconds: float | None = None


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset with its latest version; `accepted` is the latest that was taken, `held` are those that wait for a person."""

    name: str
    source: str | None = None
    key: tuple[str, ...] | None = None
    event_time: str | None = None
    known: str | None = None
    version: int | None = None
    state: str | None = None
    accepted: int | None = None
    rows: int | None = None
    added: int | None = None
    quarantined: int | None = None
    duplicates: int | None = None
    ingested_at: Moment | None = None
    event: str | None = None
    held: tuple[int, ...] = ()
    waiting: int = 0
    freshness: Freshness = Freshness()
    health: str = "unknown"
    reasons: tuple[str, ...] = ()


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """What a version was read from."""

    name: str
    size_bytes: int = 0
    digest: str = ""


class DataVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a dataset; `failed` are the names of the checks that did not pass."""

    number: int
    state: str
    rows: int | None = None
    added: int | None = None
    quarantined: int | None = None
    duplicates: int | None = None
    ingested_at: Moment | None = None
    earliest_event_time: Moment | None = None
    latest_event_time: Moment | None = None
    source: str | None = None
    position: str | None = None
    cause: str | None = None
    event: str | None = None
    digest: str | None = None
    failed: tuple[str, ...] = ()
    files: tuple[Part, ...] = ()


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one check in one version."""

    check: str = ""
    kind: str = ""
    severity: str = ""
    column: str | None = None
    passed: bool = True
    skipped: bool = False
    checked: int = 0
    broken: int = 0
    observed: float | str | None = None
    expected: str = ""
    message: str = ""
    examples: tuple[str, ...] = ()
    version: int = 0

    @property
    def level(self) -> float | None:
        """The figure that is drawn over the versions; None where there is none."""
        return None if self.skipped or isinstance(self.observed, str) else self.observed


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """A check with its results, oldest first."""

    check: str
    kind: str = ""
    severity: str = ""
    column: str | None = None
    results: tuple[Result, ...] = ()

    @property
    def failures(self) -> int:
        """How many of the versions broke it."""
        return sum(not result.passed for result in self.results)


class AsideRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row that was set aside, its cells as they came, and what was decided of it."""

    id: str
    version: int
    file: str = ""
    row: int = 0
    reasons: tuple[str, ...] = ()
    cells: dict[str, Any] = {}
    state: str = "waiting"
    repaired: dict[str, Any] | None = None
    readmitted: int | None = None
    why: str | None = None
    actor: str | None = None
    at: Moment | None = None


class Aside(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows a version set aside, why, and the first of them."""

    rows: int = 0
    reasons: tuple[tuple[str, int], ...] = ()
    examples: tuple[AsideRow, ...] = ()


class ColumnChange(msgspec.Struct, frozen=True, kw_only=True):
    """What is other in one column; pairs are before and after."""

    column: str
    change: str = "same"
    types: tuple[str | None, str | None] = (None, None)
    nulls: tuple[float | None, float | None] = (None, None)
    distinct: tuple[int | None, int | None] = (None, None)
    psi: float | None = None
    wasserstein: float | None = None
    means: tuple[Any, Any] | None = None
    quantiles: dict[str, tuple[Any, Any]] = {}
    new: tuple[Any, ...] = ()
    gone: tuple[Any, ...] = ()
    n_new: int = 0
    n_gone: int = 0
    notable: bool = False


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What is other in a version than in another."""

    from_: int = msgspec.field(name="from", default=0)
    to: int = 0
    rows: tuple[int | None, int | None] = (None, None)
    columns: tuple[ColumnChange, ...] = ()


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """The evidence on one version."""

    version: DataVersion
    profile: Mapping[str, Any] = {}
    results: tuple[Result, ...] = ()
    parent: int | None = None
    difference: Change | None = None
    quarantine: Aside = Aside()

    @property
    def columns(self) -> Mapping[str, Mapping[str, Any]]:
        """Each column's facts."""
        found = self.profile.get("columns")
        return {str(name): facts for name, facts in found.items() if isinstance(facts, Mapping)} if isinstance(found, Mapping) else {}


class Promises(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset's contract, as values and as text; `judged` is the digest of the one that judged the latest version."""

    contract: Mapping[str, Any] | None = None
    text: str | None = None
    digest: str | None = None
    judged: str | None = None
    path: str | None = None


class AsideLeft(msgspec.Struct, frozen=True, kw_only=True):
    """A row that stays where it is, and why."""

    id: str
    reasons: tuple[str, ...] = ()


class Readmission(msgspec.Struct, frozen=True, kw_only=True):
    """What came of rows that were to be taken; `left` are those that the contract still refuses."""

    version: DataVersion | None = None
    readmitted: int = 0
    duplicates: int = 0
    left: tuple[AsideLeft, ...] = ()
