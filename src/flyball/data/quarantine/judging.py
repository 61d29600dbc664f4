"""Quarantined rows before the contract as it is now: which of them it would take, and what it refuses of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from flyball.data.contracts import Contract, compile_contract
from flyball.data.contracts.judging import AT_ROW, REASON, ROW
from flyball.data.model import Dataset
from flyball.data.quarantine.cells import cells_frame, nested_reasons
from flyball.data.quarantine.model import QuarantinedRow
from flyball.data.quarantine.readmitted import READMITTED


@dataclass(frozen=True)
class Verdict:
    """The rows' cells as texts and as values, in the order of the rows; `reasons` are of those that are refused, by id."""

    reasons: Mapping[str, tuple[str, ...]]
    cells: pl.DataFrame
    typed: pl.DataFrame


def judge_rows(dataset: Dataset, contract: Contract, *, rows: Sequence[QuarantinedRow]) -> Verdict:
    """What the contract says to each row; `cells` and `typed` are of those that it takes."""
    cells = cells_frame(rows, contract)
    checked = compile_contract(dataset, contract).judge(cells, place=READMITTED)
    reasons = {rows[number - 1].id: tuple(text.split("; ")) for number, text in checked.broken.select(ROW, REASON).iter_rows()}
    for row in rows:
        if nested := nested_reasons(row, contract):
            reasons[row.id] = tuple(dict.fromkeys((*reasons.get(row.id, ()), *nested)))
    taken = pl.Series([number for number, row in enumerate(rows, start=1) if row.id not in reasons], dtype=pl.Int64)
    good = checked.good.filter(pl.col(AT_ROW).is_in(taken.implode())).sort(AT_ROW)
    return Verdict(reasons, cells[(taken - 1).to_list()], good.select(list(contract.columns)))
