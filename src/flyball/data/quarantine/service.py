"""What one does with rows that were set aside: look at them, repair them, and take them into the dataset, each at most once.

A re-admission is written down before its ingest and settled after it: whoever comes next after a kill finds the parcel under
way, and its digest in a version or in none. Rows in = accepted + quarantined + duplicates stays true of every version; a row that
was re-admitted counts where it was set aside, and in the version that took it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from flyball.core.clock import Clock
from flyball.core.events import Event
from flyball.data.contracts.model import Contract
from flyball.data.model import Dataset, DatasetVersion, VersionState
from flyball.data.quarantine.cells import repaired_cells
from flyball.data.quarantine.errors import HeldBeforeError, NothingToJudgeByError, RowReadmittedError
from flyball.data.quarantine.judging import Verdict, judge_rows
from flyball.data.quarantine.model import (
    MOST_ROWS,
    Decision,
    Left,
    Look,
    Page,
    QuarantinedRow,
    Readmission,
    RowState,
    Wanted,
    Word,
    decode_token,
    encode_token,
)
from flyball.data.quarantine.reading import QuarantineReader
from flyball.data.quarantine.readmitted import OpenParcel, Parcel, readmitting
from flyball.data.quarantine.settling import Settling, given_back
from flyball.data.quarantine.store import DecisionStore
from flyball.data.service import DataService
from flyball.data.store import Heads
from flyball.storage.recorder import Recorder

_STAYS = "was not taken: its key is stored with other values, known as late or later"
_AT_ONCE = 500
_UNUSED = timedelta(days=1)  # of history: there is a contract, so that none is inferred


@dataclass(frozen=True, kw_only=True)
class Quarantine:
    """The quarantine of one home; `root` is the project file's directory. Thread- and process-safe; not to be called in a transaction."""

    data: DataService
    decisions: DecisionStore
    clock: Clock
    root: Path | None = None

    def list(self, dataset: str, look: Look) -> Page:
        """Some rows with what was decided of them, newest version first.

        Raises:
            PageTokenError: the token is none of ours.
        """
        after = None if look.token is None else decode_token(look.token)
        rows = self._decided(dataset, self._reader.walk(dataset, version=look.version, after=after))
        found = list(islice((row for row in rows if look.state in {None, row.state}), look.limit + 1))
        if len(found) <= look.limit:
            return Page(found, None)
        last = found[look.limit - 1]
        return Page(found[: look.limit], encode_token((last.version, last.file, last.row)))

    def get(self, dataset: str, ids: Sequence[str]) -> Sequence[QuarantinedRow]:
        """The rows of these ids, with what was decided of them.

        Raises:
            QuarantinedRowNotFoundError: there is no row of one of them.
        """
        return [*self._decided(dataset, iter(self._reader.get(dataset, ids)))]

    def count_waiting(self, heads: Heads) -> int:
        """How many rows stay out of the dataset that stands so."""
        taken = self.decisions.count(heads.dataset).get(heads.dataset, {})
        return heads.quarantined - sum(rows for number, rows in taken.items() if number not in heads.rejected)

    def repair(self, dataset: Dataset, repairs: Mapping[str, Mapping[str, Any]], *, word: Word) -> Sequence[Left]:
        """Give rows other cells, by id; what the contract would refuse of each even so.

        Raises:
            QuarantinedRowNotFoundError: there is no such row.
            RowReadmittedError: it is in the dataset already.
            RepairError, UnknownColumnError: no row has such cells; nothing was kept of any.
        """
        contract = self._contract(dataset)
        with self._turn(dataset.name):
            self._settling.settle_open(dataset, contract)
            changed = []
            for row in self.get(dataset.name, list(repairs)):
                if row.decision is not None and row.decision.readmitted is not None:
                    raise RowReadmittedError(dataset.name, row.id, version=row.decision.readmitted)
                cells = repaired_cells(row, repairs[row.id], contract=contract)
                changed.append(replace(row, decision=self._decision(row, word, cells=cells)))
            with self.data.transactions.write():
                self.decisions.set(dataset.name, [row.decision for row in changed if row.decision is not None])
                data = {"rows": len(changed), "why": word.why}
                self._recorder(word).record("rows.repaired", f"dataset/{dataset.name}", data=data)
        verdict = judge_rows(dataset, contract, rows=changed)
        return [Left(row.id, verdict.reasons.get(row.id, ())) for row in changed]

    def readmit(self, dataset: Dataset, wanted: Wanted, *, word: Word) -> Readmission:
        """Take rows that the contract takes by now; the others are left where they are. A row that was taken is not taken again.

        Raises:
            QuarantinedRowNotFoundError: there is no such row.
            HeldBeforeError: a version waits for a person.
            FlyballError: as of `DataService.ingest`; all is as it was.
        """
        contract = self._contract(dataset)
        with self._turn(dataset.name):
            self._settling.settle_open(dataset, contract)
            self._refuse_held(dataset.name)
            rows = self._wanted(dataset.name, wanted)
            verdict = judge_rows(dataset, contract, rows=rows)
            left = [Left(row.id, verdict.reasons[row.id]) for row in rows if row.id in verdict.reasons]
            taken = [row for row in rows if row.id not in verdict.reasons]
            if not taken:
                return Readmission(left=left)
            asked, parcel = self._ask(dataset.name, taken, verdict=verdict, word=word)
            version = self._ingest(dataset, parcel, contract=contract, asked=asked, as_declared=wanted.as_declared)
            stays = self._settling.settle(dataset, parcel, contract=contract, version=version)
        gone = len(taken) - len(stays)
        left += [Left(row, (_STAYS,)) for row in stays]
        return Readmission(version, version.added, gone - version.added, left)

    # -- the steps of a re-admission

    def _wanted(self, name: str, wanted: Wanted) -> Sequence[QuarantinedRow]:
        if wanted.ids is not None:
            return [row for row in self.get(name, list(wanted.ids)) if row.state is not RowState.READMITTED]
        rows = self._decided(name, self._reader.walk(name, version=wanted.version))
        return list(islice((row for row in rows if row.state is not RowState.READMITTED), MOST_ROWS))

    def _ask(self, name: str, rows: Sequence[QuarantinedRow], *, verdict: Verdict, word: Word) -> tuple[Event, Parcel]:
        with self.data.transactions.write():
            data = {"rows": len(rows), "why": word.why}
            asked = self._recorder(word).record("readmission.asked", f"dataset/{name}", data=data)
            parcel = Parcel.of(asked.id, rows, frame=verdict.cells)
            self.data.blobs.put(parcel.encode())
            self.decisions.set(name, [replace(self._decision(row, word, cells=_repaired(row)), batch=parcel.digest) for row in rows])
        return asked, parcel

    def _ingest(self, dataset: Dataset, parcel: Parcel, *, contract: Contract, asked: Event, as_declared: bool) -> DatasetVersion:
        columns = list(contract.columns)
        data = replace(self.data, sources=lambda *_: OpenParcel(parcel, columns), recorder=self.data.recorder.by(asked.actor))
        return data.ingest(
            readmitting(dataset), root=self.root or Path(), history=_UNUSED, cause=asked.id,
            arrival=None if as_declared else self.clock.now(),
        )  # fmt: skip

    # -- what these share

    @property
    def _reader(self) -> QuarantineReader:
        return QuarantineReader(self.data.tables, self.data.versions)

    @property
    def _settling(self) -> Settling:
        return Settling(self.data, self.decisions)

    def _contract(self, dataset: Dataset) -> Contract:
        found = self.data.find_contract(dataset, self.root)
        if found is None:
            raise NothingToJudgeByError(dataset.name)
        return found

    @contextmanager
    def _turn(self, name: str) -> Iterator[None]:
        """Be the only one who decides on the dataset's quarantine; its versions have turns of their own."""
        with self.data.turn(f"{name}.quarantine"):
            yield

    def _refuse_held(self, name: str) -> None:
        held = next((version for version in reversed(self.data.versions.list(name)) if not version.is_pushed), None)
        if held is not None and held.state is VersionState.HELD:
            raise HeldBeforeError(name, held.number)

    def _states(self, name: str) -> Mapping[int, VersionState]:
        return {version.number: version.state for version in self.data.versions.list(name)}

    def _decided(self, name: str, rows: Iterator[QuarantinedRow]) -> Iterator[QuarantinedRow]:
        """The rows with their decisions; one that went into a version which was rejected waits again."""
        states = self._states(name)
        while some := list(islice(rows, _AT_ONCE)):
            decisions = self.decisions.find(name, [row.id for row in some])
            for row in some:
                decision = decisions.get(row.id)
                if decision is not None and decision.readmitted is not None and states.get(decision.readmitted) is VersionState.REJECTED:
                    decision = given_back(decision)
                yield replace(row, decision=decision)

    def _decision(self, row: QuarantinedRow, word: Word, *, cells: Mapping[str, Any] | None) -> Decision:
        state = RowState.WAITING if cells is None else RowState.REPAIRED
        return Decision(row=row.id, version=row.version, state=state, cells=cells, why=word.why, actor=word.actor, at=self.clock.now())

    def _recorder(self, word: Word) -> Recorder:
        return self.data.recorder.by(word.actor)


def _repaired(row: QuarantinedRow) -> Mapping[str, Any] | None:
    return None if row.decision is None else row.decision.cells
