"""Rows are judged one by one: each is taken, set aside with its reasons, or known already; none is lost.

Pure functions over frames, in two steps: `check_file` types and judges the rows of one file by the contract, `judge` puts the
files together and compares them with what is stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from flyball.data.contracts.compiled import compile_contract
from flyball.data.contracts.judging import AT_FILE, AT_ROW, FILE, PLACE, QUARANTINE, RAW, REASON, ROW, WHY, Checked, Look, known_time
from flyball.data.contracts.model import Column, Contract
from flyball.data.contracts.promises import outsides
from flyball.data.declared.check import Severity
from flyball.data.model import KNOWN_TIME, Dataset

__all__ = [
    "AT_ROW", "FILE", "QUARANTINE", "RAW", "REASON", "ROW", "WHY", "Checked", "Judged", "Look", "Warned", "check_file", "judge",
    "known_time", "outside_of", "warnings_of",
]  # fmt: skip


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


def check_file(
    dataset: Dataset, contract: Contract, *, name: str, cells: pl.DataFrame, stored: pl.DataFrame, look: Look | None = None
) -> Checked:
    """Type the rows of a file and set aside those that break the contract, each with its file, row (from 1), reasons and cells.

    A row that broke a promise made after it was stored stays stored: it is counted as known. A row that is known later than
    the ingest looks is neither judged nor kept.

    Raises:
        UnknownColumnError: the file lacks a column of the contract that may not be null.
    """
    return compile_contract(dataset, contract).judge(cells, place=name, look=look).without_stored(stored)


def judge(dataset: Dataset, contract: Contract, *, checked: Sequence[Checked], stored: pl.DataFrame, aside: pl.DataFrame) -> Judged:
    """Part the rows of all files, given the rows `stored` (contract's columns, KNOWN_TIME) and those set `aside` before (RAW).

    A row equal to a stored or an earlier one, or broken just as one set aside before, is a duplicate. A row whose key is
    stored, and that was not known later than the stored one, would change the past and is set aside.
    """
    # What a row says decides, not when it was known: a row that came live before is known later than a file declares.
    columns = list(contract.columns)
    good = pl.concat([part.good for part in checked])
    broken = pl.concat([part.broken for part in checked])
    fresh = good.unique(subset=columns, keep="first", maintain_order=True)
    if stored.height:
        fresh = fresh.join(stored.select(columns), on=columns, how="anti", nulls_equal=True, maintain_order="left")
    fresh, late = _split_past(dataset, fresh, stored=stored)
    quarantined = pl.concat([broken, _past(columns, late)]).unique(subset=[RAW], keep="first", maintain_order=True)
    if aside.height:
        quarantined = quarantined.join(aside.select(RAW), on=RAW, how="anti", maintain_order="left")
    rows = sum(part.good.height + part.broken.height + part.known for part in checked)
    accepted = fresh.drop(PLACE)
    return Judged(accepted, quarantined, rows - accepted.height - quarantined.height, tuple(warnings_of(contract, accepted)))


def outside_of(name: str, column: Column) -> Iterable[tuple[pl.Expr, str]]:
    """Per promise about the column's values: whether a row's value lies outside, and that in words."""
    return ((broken, why) for _, broken, why, _ in outsides(name, column))


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


def _split_past(dataset: Dataset, fresh: pl.DataFrame, *, stored: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    if not stored.height or not fresh.height:
        return fresh, fresh.head(0)
    last = "__last_known"
    key = list(dataset.key)
    known = stored.join(fresh.select(key).unique(), on=key, how="semi").group_by(key).agg(pl.col(KNOWN_TIME).max().alias(last))
    joined = fresh.join(known, on=key, how="left", maintain_order="left")
    past = pl.col(last).is_not_null() & (pl.col(KNOWN_TIME) <= pl.col(last))
    return joined.filter(~past).drop(last), joined.filter(past).drop(last)


def _past(columns: Sequence[str], late: pl.DataFrame) -> pl.DataFrame:
    reason = "changes the past: its key is stored with other values, known as late or later; a correction needs a later known time"
    return late.select(
        pl.col(AT_FILE).alias(FILE),
        pl.col(AT_ROW).alias(ROW),
        pl.lit(reason).alias(REASON),
        pl.struct(columns).struct.json_encode().alias(RAW),
    ).cast(QUARANTINE)
