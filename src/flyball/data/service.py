"""What one does with datasets: ingest files into versions, read histories, decide on held versions.

The rows go to a table first, whose commit carries the ingest's job; state, lineage and events follow in one transaction. A
process killed between the two leaves a commit that no version names: it is invisible, and found again by its job.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypedDict, Unpack

import polars as pl

from flyball.core.ids import Digest, EventId
from flyball.data.batch import Batch
from flyball.data.comparing import Comparing, Served, nobody_served
from flyball.data.contractfiles import FOLDER, ContractFiles
from flyball.data.contracts.compiled import Compiled, compile_contract
from flyball.data.contracts.decoding import decode
from flyball.data.contracts.judging import Look
from flyball.data.contracts.model import Contract
from flyball.data.contracts.outcome import Context
from flyball.data.derivation.inputs import StoredInputs
from flyball.data.erasure.screen import Screens, nothing_erased, screened
from flyball.data.errors import VersionHeldError, VersionNotFoundError, VersionSupersededError
from flyball.data.history import known_until
from flyball.data.ingest import Findings, Past, sift
from flyball.data.keeping import Keeping
from flyball.data.model import SYSTEM_COLUMNS, Dataset, DatasetVersion, VersionState
from flyball.data.opening import opened
from flyball.data.rows import Rows
from flyball.data.seeing import When, seen_at
from flyball.data.sources.port import Opener, Surroundings
from flyball.data.store import VersionStore
from flyball.data.verdict import look_over
from flyball.lineage import LineageStore
from flyball.storage._filelock import FileLock
from flyball.storage.blobs import BlobStore
from flyball.storage.errors import os_errors
from flyball.storage.recorder import Recorder
from flyball.storage.tables import TableStore
from flyball.storage.transactions import Transactions

HOLD_ABOVE = 0.1


class Limits(TypedDict, total=False):
    """What of a source an ingest takes: rows known by `known_by`; those of files that are new are not known before `arrival`."""

    known_by: datetime | None
    arrival: datetime | None


@dataclass(frozen=True, kw_only=True)
class DataService:
    """Datasets of one home. `contracts` is the directory of their contract files; more than `hold_above` broken rows hold a version.

    `sources` opens what a dataset declares as its source; what that takes from its surroundings is in `environment`. `served` knows
    the rows of a dataset as model servers were asked with them lately; `screens` which keys of it were erased.
    """

    tables: TableStore
    blobs: BlobStore
    versions: VersionStore
    lineage: LineageStore
    recorder: Recorder
    transactions: Transactions
    contracts: Path
    sources: Opener
    environment: Mapping[str, str] = field(default_factory=dict)
    hold_above: float = HOLD_ABOVE
    served: Served = nobody_served
    screens: Screens = nothing_erased

    def ingest(
        self, dataset: Dataset, *, root: Path, history: timedelta | None, cause: EventId | None, **limits: Unpack[Limits]
    ) -> DatasetVersion:
        """The version whose content is all that the source has; the latest one again when nothing in the source is new.

        `root` is what the source's path is relative to. The first ingest infers the contract from the rows of the first
        `history`, or from all. Rows in = accepted + quarantined + duplicates + those known later than `known_by`, which a later ingest
        brings. Idempotent, also after being killed at any moment. Ingests of a dataset take turns, in any thread or process;
        not to be called within a transaction, for whose end the one whose turn it is may wait.

        Raises:
            FlyballError: a file is missing, unreadable, in another encoding, lacks a column, or changed while it was read;
                nothing was recorded.
        """
        look = Look(known_by=limits.get("known_by"), arrival=limits.get("arrival"))
        with self.turn(dataset.name):
            versions = self.versions.list(dataset.name)
            given = self._contract_for(dataset, root, versions=versions)
            around = self._around(dataset, root)
            with opened(dataset.source, around, sources=self.sources) as (source, scratch):
                past = None if given is None else Past.of(compile_contract(dataset, given), versions, look=look)
                batch = Batch.find(dataset, source, scratch=scratch, seen=None if past is None else past.tell())
                contract = given or batch.infer(history, known_by=look.known_by)
                compiled = screened(compile_contract(dataset, contract), self.screens(dataset.name, dataset.key))
                past = past or Past.of(compiled, versions, look=look)
                findings = self._find_out(compiled, batch, past=past, given=given is not None)
                version = (
                    self._latest(versions)
                    if findings is None
                    else self._keeping.record(findings, versions, hold_above=self.hold_above, cause=cause)
                )
                source.acknowledge()
            self.contract_files(root).set(contract)
        return version

    def _find_out(self, compiled: Compiled, batch: Batch, *, past: Past, given: bool) -> Findings | None:
        """What is new in the source, judged; None when nothing is. `given` says that the contract stood there before anything else did."""
        fresh = past.fresh(batch)
        if fresh is None:
            return None
        read, sifted = sift(compiled, fresh, past=past, rows=Rows(self.tables))
        context = Context(now=self.recorder.now(), scratch=self._scratch(compiled.dataset) / "checks")
        comparing = Comparing(
            self.blobs, self.tables, self.served, scan=lambda name: None if self.find_accepted(name) is None else self.scan(name)
        )
        verdict = look_over(compiled, sifted, context=comparing.context(compiled.contract, past.accepted, context=context))
        return Findings(contract=compiled.contract, batch=read, sifted=sifted, verdict=verdict, past=past, given=given)

    def _around(self, dataset: Dataset, root: Path) -> Surroundings:
        inputs = StoredInputs(self.versions, Rows(self.tables))
        return Surroundings(root=root, scratch=self._scratch(dataset), environment=self.environment, dataset=dataset.name, inputs=inputs)

    def _contract_for(self, dataset: Dataset, root: Path, *, versions: Sequence[DatasetVersion]) -> Contract | None:
        """As `find_contract`; what was inferred from rows that other code made says nothing of those that this one makes."""
        if dataset.source.meaning() and versions and versions[-1].source != dataset.source.describe():
            files = self.contract_files(root)
            files.forget_inferred(dataset.name)
            return files.find(dataset)
        return self.find_contract(dataset, root)

    def _scratch(self, dataset: Dataset) -> Path:
        return self.contracts.with_name(".pulls") / dataset.name

    @property
    def _keeping(self) -> Keeping:
        return Keeping(
            tables=self.tables, blobs=self.blobs, versions=self.versions, lineage=self.lineage,
            recorder=self.recorder, transactions=self.transactions,
        )  # fmt: skip

    @contextmanager
    def turn(self, name: str) -> Iterator[None]:
        """Be the only one, over threads and processes, who makes versions of the dataset `name`; waits for its turn.

        Raises:
            UnavailableError: the home cannot be written.
        """
        turns = self.contracts.with_name(".turns")
        with os_errors(turns):
            turns.mkdir(parents=True, exist_ok=True)
            lock = FileLock(turns / name)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def accept(self, name: str, number: int, *, cause: EventId | None, why: str = "") -> DatasetVersion:
        """Take a held version as it is; where rows were pushed since, as the version after them, for no version's content ever changes.

        Raises:
            VersionStateError: it is not held.
            VersionSupersededError: newer versions of the source stand without it.
        """
        with self.turn(name):
            version = self.versions.get(name, number)
            later = self.versions.list(name, after=number)
            if version.state is not VersionState.HELD or not later:
                return self._keeping.move(version, VersionState.ACCEPTED, cause=cause, data={"by": "decision", "why": why})
            if not all(newer.is_pushed for newer in later):
                raise VersionSupersededError(name, number, latest=later[-1].number)
            return self._keeping.take_after(version, later[-1], cause=cause)

    def reject(self, name: str, number: int, *, cause: EventId | None, why: str = "decision") -> DatasetVersion:
        """Never take a held version; its rows stay invisible, and its files are read again only under another contract.

        Raises:
            VersionStateError: it is not held.
        """
        return self._keeping.move(self.versions.get(name, number), VersionState.REJECTED, cause=cause, data={"why": why})

    def history(self, dataset: Dataset, version: int | None = None) -> pl.DataFrame:
        """The content of a version (default: the latest accepted) as a bitemporal frame, in order of arrival.

        Columns: the contract's, then EVENT_TIME, KNOWN_TIME, KNOWN_UNTIL, ARRIVAL.

        Raises:
            VersionNotFoundError: there is no such version, or none is accepted.
            VersionHeldError: the version is not accepted.
        """
        return self._history(
            dataset, self.get_accepted(dataset.name) if version is None else self.versions.get(dataset.name, version), since=None
        )

    def recent(self, dataset: Dataset, since: datetime | None) -> pl.DataFrame:
        """The history of the latest accepted version from event time `since` on (None: all of it), and as little read as that takes.

        Raises:
            VersionNotFoundError: none is accepted.
        """
        return self._history(dataset, self.get_accepted(dataset.name), since=since)

    def scan(self, name: str, *, version: int | None = None, **when: Unpack[When]) -> pl.LazyFrame:
        """The rows of a version of the dataset (default: the latest accepted), lazily and in any order.

        With `as_of`, per key the last row known by then, and no other; with `known_by` all rows known by then, those that were
        corrected since among them; with `event_from` and `event_until` the rows whose event time lies in [from, until). Columns: the
        contract's, then EVENT_TIME, KNOWN_TIME and ARRIVAL.

        Raises:
            VersionNotFoundError: there is no such version, or none is accepted.
            VersionHeldError: the version is not accepted.
            KeyUnknownError: `as_of`, of a version that was made before versions knew their key.
        """
        chosen = _readable(self.get_accepted(name) if version is None else self.versions.get(name, version))
        return seen_at(Rows(self.tables).scan(self.content(chosen)), chosen, when=when)

    def _history(self, dataset: Dataset, chosen: DatasetVersion, *, since: datetime | None) -> pl.DataFrame:
        rows, content = Rows(self.tables), self.content(_readable(chosen))
        frame = known_until(rows.read(content), dataset.key) if since is None else rows.read_since(content, since, key=dataset.key)
        users = [column for column in frame.columns if column not in SYSTEM_COLUMNS]
        return frame.select(*users, *SYSTEM_COLUMNS)

    def quarantined(self, name: str, version: int | None = None) -> pl.DataFrame:
        """The rows that a version, or all versions, set aside: file, row (from 1), reason, raw (JSON of the cells), ingest."""
        versions = self.versions.list(name) if version is None else [self.versions.get(name, version)]
        return Rows(self.tables).read_aside(name, versions)

    def get(self, name: str, number: int) -> DatasetVersion:
        """The version; raises VersionNotFoundError."""
        return self.versions.get(name, number)

    def get_accepted(self, name: str) -> DatasetVersion:
        """The latest accepted version; raises VersionNotFoundError."""
        found = self.find_accepted(name)
        if found is None:
            raise VersionNotFoundError(name, None, known=[version.number for version in self.versions.list(name)])
        return found

    def find_accepted(self, name: str) -> DatasetVersion | None:
        """The latest accepted version, or None."""
        found = (version for heads in self.versions.list_heads(name) for version in reversed(heads.versions))
        return next((version for version in found if version.state is VersionState.ACCEPTED), None)

    def get_profile(self, name: str, number: int) -> Mapping[str, Any]:
        """The profile of the rows that the version added; see `profile.profile`."""
        version = self.versions.get(name, number)
        found: dict[str, Any] = json.loads(self.blobs.get(version.profile)) if version.profile else {}
        return found

    def get_contract(self, dataset: Dataset, number: int) -> Contract:
        """The contract that judged the version's rows, whatever the file says today."""
        return self._recorded(dataset, self.versions.get(dataset.name, number).contract)

    def contract_files(self, root: Path | None) -> ContractFiles:
        """Where contracts lie: beside the project file in the directory `root`, and in the home."""
        return ContractFiles(self.contracts, None if root is None else root / FOLDER)

    def find_contract(self, dataset: Dataset, root: Path | None) -> Contract | None:
        """The contract that judges the next rows: as its file says now, else the one that judged the latest version.

        Raises:
            ContractFileError: the file cannot be used.
        """
        found = self.contract_files(root).find(dataset)
        if found is None and (newest := self.versions.list_latest(dataset.name, limit=1)):
            return self._recorded(dataset, newest[0].contract)
        return found

    def _recorded(self, dataset: Dataset, contract: Digest) -> Contract:
        return decode(self.blobs.get(contract).decode(), dataset=dataset, path=f"blob {contract}")

    def _latest(self, versions: Sequence[DatasetVersion]) -> DatasetVersion:
        standing = [version for version in versions if version.state is not VersionState.REJECTED]
        return (standing or versions)[-1]

    def content(self, chosen: DatasetVersion) -> Sequence[DatasetVersion]:
        """The accepted versions whose rows are the content of `chosen`, by number."""
        return [
            version
            for version in self.versions.list(chosen.dataset)
            if version.number <= chosen.number and version.table == chosen.table and version.state is VersionState.ACCEPTED
        ]

    def list(self, name: str | None = None) -> list[DatasetVersion]:
        """All versions, of one dataset or of all, by dataset and number."""
        return self.versions.list(name)


def _readable(chosen: DatasetVersion) -> DatasetVersion:
    if chosen.state is not VersionState.ACCEPTED:
        read = chosen.added + chosen.quarantined + chosen.duplicates
        raise VersionHeldError(chosen.dataset, chosen.number, state=chosen.state, broken=chosen.quarantined, read=read)
    return chosen
