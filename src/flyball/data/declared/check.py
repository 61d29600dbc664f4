"""What a person promises of a dataset's rows in Python: an expression, and what becomes of what breaks it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import polars as pl
import polars.exceptions as plx

from flyball.core.canonical import digest_bytes
from flyball.core.ids import Digest
from flyball.data.errors import DatasetError


class Severity(StrEnum):
    """What becomes of what breaks a promise: the row is set aside, the version waits for a person, or it is only told."""

    QUARANTINE = "quarantine"
    HOLD = "hold"
    WARN = "warn"


@dataclass(frozen=True, eq=False)
class Check:
    """A promise as a Polars expression, of each row (a column of booleans) or of all of them (one boolean).

    Two checks are equal when their expressions are the same to the byte. `severity` None is `quarantine` for a promise of
    rows, `hold` for one of all rows. `column` is the one that the check is about, for pages.
    A schema promises besides that values in `unique` columns stand there once, and that `column` is of one of the contract's `types`.
    """

    name: str
    expression: pl.Expr
    severity: Severity | None = None
    column: str | None = None
    unique: tuple[str, ...] = ()
    types: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Check) and self._facts() == other._facts()

    def __hash__(self) -> int:
        return hash(self._facts())

    @property
    def fingerprint(self) -> Digest:
        """What changes when the expression does."""
        try:
            content = self.expression.meta.serialize()
        except (plx.PolarsError, ValueError, TypeError):  # a function of the project inside it that cannot be written down
            content = str(self.expression).encode()
        return digest_bytes(content + repr((self.unique, self.types)).encode())

    def _facts(self) -> tuple[object, ...]:
        return self.name, self.fingerprint, self.severity, self.column


def check(name: str, expression: pl.Expr, *, severity: str | None = None, column: str | None = None) -> Check:
    """The promise that `expression` is true: of each row, or, where it aggregates, of all rows together.

    A row for which it is null keeps the promise, as in SQL.

    Raises:
        DatasetError: `name`, `expression` or `severity` is not what it must be.
    """
    what = f"check({name!r}, ...)"
    if not name or len(name) > 200 or not name.isprintable():
        raise DatasetError(what, "a check's name is 1 to 200 printable characters, for people to read")
    if not isinstance(expression, pl.Expr):
        raise DatasetError(what, f"the second argument is a Polars expression such as pl.col('x') > 0, not {expression!r}")
    known = [str(known) for known in Severity]
    if severity is not None and severity not in known:
        raise DatasetError(what, f"severity {severity!r} is none of {', '.join(known)}")
    return Check(name, expression, None if severity is None else Severity(severity), column)
