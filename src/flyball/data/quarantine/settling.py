"""What became of a parcel of re-admitted rows: told by what stands in the dataset, so that it is the same before and after a kill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from flyball.core.ids import Digest
from flyball.data.contracts.model import Contract
from flyball.data.model import Dataset, DatasetVersion, VersionState
from flyball.data.quarantine.judging import judge_rows
from flyball.data.quarantine.model import Decision, QuarantinedRow, RowState
from flyball.data.quarantine.readmitted import Parcel, find_version
from flyball.data.quarantine.store import DecisionStore
from flyball.data.rows import Rows
from flyball.data.service import DataService

_NUMBER = "__number"


@dataclass(frozen=True)
class Settling:
    """Closes re-admissions. To be called by the one whose turn it is."""

    data: DataService
    decisions: DecisionStore

    def settle_open(self, dataset: Dataset, contract: Contract) -> None:
        """Finish what a killed process began: where its parcel is a version, that is written down; else its rows wait again."""
        batches: dict[Digest, list[Decision]] = {}
        for decision in self.decisions.list_open(dataset.name):
            assert decision.batch is not None
            batches.setdefault(decision.batch, []).append(decision)
        versions = self.data.versions.list(dataset.name) if batches else []
        for batch, decisions in batches.items():
            version = find_version(versions, batch)
            if version is None:
                self._give_back(dataset.name, decisions)
            else:
                self.settle(dataset, Parcel.decode(self.data.blobs.get(batch)), contract=contract, version=version)

    def settle(self, dataset: Dataset, parcel: Parcel, *, contract: Contract, version: DatasetVersion) -> Sequence[str]:
        """Write down which rows of the parcel stand in the dataset now; those that do not wait again, and are returned."""
        stands = self._standing(dataset, parcel, contract=contract, version=version)
        decisions = self.decisions.find(dataset.name, parcel.ids)
        went = [replace(decisions[row], state=RowState.READMITTED, readmitted=version.number) for row in parcel.ids if row in stands]
        stays = [decisions[row] for row in parcel.ids if row not in stands]
        with self.data.transactions.write():
            self.decisions.set(dataset.name, went)
            self._give_back(dataset.name, stays)
            data = {"version": version.number, "rows": version.added, "duplicates": len(went) - version.added, "left": len(stays)}
            self.data.recorder.record("rows.readmitted", f"dataset/{dataset.name}", data=data, cause=version.event)
        return [decision.row for decision in stays]

    def _standing(self, dataset: Dataset, parcel: Parcel, *, contract: Contract, version: DatasetVersion) -> set[str]:
        """The ids of the rows that stand in the content of `version`, whoever brought them."""
        rows = [
            QuarantinedRow(id=name, version=0, file="", row=number, reasons=(), cells=cells)
            for number, (name, cells) in enumerate(zip(parcel.ids, parcel.cells, strict=True), start=1)
        ]
        verdict = judge_rows(dataset, contract, rows=rows)
        ids = [row.id for row in rows if row.id not in verdict.reasons]
        content = [*self.data.content(version), *([] if version.state is VersionState.ACCEPTED else [version])]
        if not ids or not any(found.added for found in content):
            return set()
        columns, key = list(contract.columns), dataset.key[0]
        keys = verdict.typed[key].unique()
        stored = Rows(self.data.tables).scan(content).filter(pl.col(key).is_in(keys.implode())).select(columns)
        asked = verdict.typed.lazy().with_row_index(_NUMBER)
        found = asked.join(stored, on=columns, how="semi", nulls_equal=True).select(_NUMBER).collect()[_NUMBER]
        return {ids[number] for number in found.to_list()}

    def _give_back(self, name: str, decisions: Sequence[Decision]) -> None:
        """Let rows wait as they did before; a repair stays."""
        self.decisions.delete(name, [decision.row for decision in decisions if decision.cells is None])
        self.decisions.set(name, [given_back(decision) for decision in decisions if decision.cells is not None])


def given_back(decision: Decision) -> Decision:
    """The decision without its re-admission."""
    state = RowState.WAITING if decision.cells is None else RowState.REPAIRED
    return replace(decision, state=state, batch=None, readmitted=None)
