"""A row that was set aside, its id, and what a person decided of it: frozen values."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from flyball.core.canonical import digest_bytes
from flyball.core.ids import Digest
from flyball.data.model import DatasetVersion
from flyball.data.quarantine.errors import PageTokenError

MOST_ROWS = 10_000
"""So many rows are decided on at once."""


class RowState(StrEnum):
    """A row waits, may be repaired while it does, and is re-admitted at most once."""

    WAITING = "waiting"
    REPAIRED = "repaired"
    READMITTED = "readmitted"


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What was decided of a row: `cells` after a repair; `batch` is the content under which it goes, or went, into `readmitted`.

    A batch without a version is a re-admission under way, or one whose process was killed.
    """

    row: str
    version: int
    state: RowState
    cells: Mapping[str, Any] | None = None
    batch: Digest | None = None
    readmitted: int | None = None
    why: str = ""
    actor: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class QuarantinedRow:
    """A row that `version` set aside: from which file, as which row, why, its cells as they came, and what was decided since."""

    id: str
    version: int
    file: str
    row: int
    reasons: tuple[str, ...]
    cells: Mapping[str, Any]
    decision: Decision | None = None

    @property
    def state(self) -> RowState:
        """Where it stands."""
        return RowState.WAITING if self.decision is None else self.decision.state

    @property
    def current(self) -> Mapping[str, Any]:
        """Its cells: the repaired ones, if it was repaired."""
        return self.cells if self.decision is None or self.decision.cells is None else self.decision.cells


@dataclass(frozen=True)
class Page:
    """Some rows, and the token that asks for those after them, None where there are none."""

    rows: Sequence[QuarantinedRow]
    next: str | None


@dataclass(frozen=True, kw_only=True)
class Look:
    """Which rows: of one version or of all, in one state or in any, at most `limit` of them, after the place of `token`."""

    version: int | None = None
    state: RowState | None = None
    limit: int = 100
    token: str | None = None


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which rows to re-admit: those of `ids`, or all that wait (of one version, if one is named).

    They are known from now on; `as_declared` has them known as their dataset declares, as if they had come whole.
    """

    ids: Sequence[str] | None = None
    version: int | None = None
    as_declared: bool = False


@dataclass(frozen=True)
class Word:
    """Who decides, and why in their words."""

    actor: str
    why: str = ""


@dataclass(frozen=True)
class Left:
    """A row that stays in quarantine, and what the contract refuses of it."""

    id: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Readmission:
    """What came of it: the version, None where nothing was taken; new rows, rows that stood there already, and those left."""

    version: DatasetVersion | None = None
    readmitted: int = 0
    duplicates: int = 0
    left: Sequence[Left] = field(default_factory=tuple)


Place = tuple[int, str, int]
"""Where a row stands in the list: its version, file and row; versions go down, files and rows up."""


def row_id(version: int, file: str, *, row: int) -> str:
    """The name of a quarantined row, which is the same whenever it is asked for.

    >>> row_id(3, "a.csv", row=21)
    '3-21-32f29f33d511'
    """
    return f"{version}-{row}-{file_mark(file)}"


def file_mark(file: str) -> str:
    """What stands for a file's name in its rows' ids."""
    return digest_bytes(file.encode())[:12]


def parse_row_id(text: str) -> tuple[int, int, str] | None:
    """Version, row and file mark of an id, or None where the text is none."""
    parts = text.split("-")
    if len(parts) != 3 or not all(part.isascii() and part.isdecimal() and len(part) < 16 for part in parts[:2]):
        return None
    return int(parts[0]), int(parts[1]), parts[2]


def encode_token(place: Place) -> str:
    """The place as an opaque text for addresses."""
    return base64.urlsafe_b64encode(json.dumps(place, separators=(",", ":")).encode()).decode().rstrip("=")


def decode_token(token: str) -> Place:
    """The place that `encode_token` wrote.

    Raises:
        PageTokenError: it wrote no such text.
    """
    try:
        version, file, row = json.loads(base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True))
    except (ValueError, TypeError, RecursionError) as error:
        raise PageTokenError(token) from error
    if type(version) is not int or type(row) is not int or not isinstance(file, str) or not 0 <= row < 2**63:
        raise PageTokenError(token)
    return version, file, row
