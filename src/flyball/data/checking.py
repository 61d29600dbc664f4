"""What an ingest says of its rows: what was taken, what was set aside, and the promises that rows broke and were taken nevertheless."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from flyball.data.contracts.model import Contract
from flyball.data.contracts.promises import outsides
from flyball.data.declared.check import Severity


@dataclass(frozen=True)
class Warned:
    """A promise of the contract that rows broke and were taken nevertheless."""

    column: str
    why: str
    rows: int


@dataclass(frozen=True)
class Judged:
    """All rows read, parted: rows in = accepted + quarantined + duplicates."""

    accepted: pl.DataFrame
    quarantined: pl.DataFrame
    duplicates: int
    warned: tuple[Warned, ...]


def warnings_of(contract: Contract, accepted: pl.DataFrame) -> Iterable[Warned]:
    """The promises about values that rows broke and were taken nevertheless, and how many did."""
    promises = [
        (name, why, outside)
        for name, column in contract.columns.items()
        for promise, outside, why, _ in outsides(name, column)
        if column.severity(promise) is not Severity.QUARANTINE
    ]
    if not promises or not accepted.height:
        return
    counts = accepted.select(outside.sum().alias(str(index)) for index, (_, _, outside) in enumerate(promises)).row(0)
    for (name, why, _), count in zip(promises, counts, strict=True):
        if count:
            yield Warned(name, why, int(count))
