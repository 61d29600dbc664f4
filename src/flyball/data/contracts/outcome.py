"""What came of each promise, and what promises are compared with: values that a version keeps and pages show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import msgspec
import polars as pl

from flyball.data.declared.check import Severity
from flyball.data.profiles import Sketcher

EXAMPLES = 5


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One promise over one set of rows: `broken` of the `checked` rows broke it, or `observed` is not as `expected`.

    `skipped` is a promise that could not be looked at (there is no version before, say); `message` says why, and it passed.
    """

    check: str
    kind: str
    severity: Severity
    column: str | None = None
    passed: bool
    checked: int
    broken: int = 0
    observed: float | str | None = None
    expected: str = ""
    message: str = ""
    examples: tuple[str, ...] = ()
    skipped: bool = False

    @property
    def holds(self) -> bool:
        """Whether the version has to wait for a person."""
        return not self.passed and self.severity is Severity.HOLD


def encode_outcomes(outcomes: Sequence[Outcome]) -> bytes:
    """The outcomes as a JSON list, for a version's blob."""
    return msgspec.json.encode(outcomes)


def decode_outcomes(content: bytes) -> tuple[Outcome, ...]:
    """The outcomes that `encode_outcomes` wrote."""
    return msgspec.json.decode(content, type=tuple[Outcome, ...])


@dataclass(frozen=True, kw_only=True)
class Context:
    """What is known besides the rows themselves; what is left out makes the promises that need it `skipped`.

    `others` has the rows of other datasets, one per key; `reference` the sketches of the version that distributions
    are compared with; `volumes` how many rows earlier versions added, oldest first; `served` rows as the model servers saw them;
    `rows` all rows that a tally was made of, once more, for promises that no tally can hold; `before` those that stood
    already, which uniqueness is about as well. Keys beyond `memory_bytes` are put down in `scratch`, or where the system keeps
    temporary files.
    """

    now: datetime
    others: Mapping[str, pl.LazyFrame] = field(default_factory=dict)
    reference: Sketcher | None = None
    volumes: Sequence[int] = ()
    served: pl.DataFrame | None = None
    rows: pl.LazyFrame | None = None
    before: pl.LazyFrame | None = None
    scratch: Path | None = None
    memory_bytes: int = 128 * 2**20


@dataclass(frozen=True)
class Report:
    """What came of all promises of a contract over `rows` rows."""

    rows: int
    outcomes: tuple[Outcome, ...]

    @property
    def passed(self) -> bool:
        """Whether every promise was kept; a warning is a broken one, too."""
        return all(outcome.passed for outcome in self.outcomes)

    @property
    def holds(self) -> bool:
        """Whether one of those that hold a version was broken."""
        return any(outcome.holds for outcome in self.outcomes)
