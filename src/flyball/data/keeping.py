"""Versions are made and moved: rows go to tables first, under a job; what says so follows in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flyball.core.canonical import digest
from flyball.core.ids import EventId
from flyball.data.ingest import Findings, version_of
from flyball.data.model import DatasetVersion, VersionState
from flyball.data.pinning import put
from flyball.data.recording import announce, edges, summary
from flyball.data.rows import Rows
from flyball.data.store import VersionStore
from flyball.lineage import Edge, LineageStore
from flyball.storage.blobs import BlobStore
from flyball.storage.recorder import Recorder
from flyball.storage.tables import TableStore
from flyball.storage.transactions import Transactions


@dataclass(frozen=True, kw_only=True)
class Keeping:
    """Where versions are kept. Whoever makes versions of a dataset has its turn."""

    tables: TableStore
    blobs: BlobStore
    versions: VersionStore
    lineage: LineageStore
    recorder: Recorder
    transactions: Transactions

    def record(self, findings: Findings, versions: Sequence[DatasetVersion], *, hold_above: float, cause: EventId | None) -> DatasetVersion:
        """The version that `findings` make after `versions`: rows first, then state, events and lineage at once."""
        sifted, verdict, name = findings.sifted, findings.verdict, findings.batch.dataset.name
        rows, job = Rows(self.tables), f"ingest:{name}:{findings.digest}"
        appended = put(rows, findings, job=job)
        rows.set_aside_all(name, sifted, ingest=findings.digest, job=job)
        said = {"profile": verdict.profile, "sketches": verdict.sketcher.encode(), "results": verdict.results}
        blobs = {what: self.blobs.put(content) for what, content in said.items()}
        self.blobs.put(findings.contract.encode().encode())
        facts = version_of(findings, appended, number=len(versions) + 1, hold_above=hold_above)
        with self.transactions.write():
            received = announce(self.recorder, findings, facts=facts, before=versions[-1] if versions else None, cause=cause)
            if findings.past.held is not None:
                why = f"superseded by version {facts['number']}"
                self.move(findings.past.held, VersionState.REJECTED, cause=received.id, data={"why": why})
            kind = f"dataset.version.{facts['state']}"
            said_of = summary(facts, findings.share_broken, held_by=verdict.held_by)
            event = self.recorder.record(kind, f"dataset/{name}", data=said_of, cause=received.id)
            version = DatasetVersion(**{**facts, **blobs}, ingested_at=received.time, cause=cause, event=event.id)
            self.versions.create(version)
            self.lineage.create(*edges(version, findings))
        return version

    def take_after(self, held: DatasetVersion, last: DatasetVersion, *, cause: EventId | None) -> DatasetVersion:
        """A version after `last` that has the rows of `held`, which is rejected for it."""
        number = last.number + 1
        parent = last if last.table == held.table else None
        both = [held, *([parent] if parent else [])]
        firsts = [version.earliest_event_time for version in both if version.earliest_event_time is not None]
        lasts = [version.latest_event_time for version in both if version.latest_event_time is not None]
        facts = {
            "number": number, "digest": digest({"parent": last.digest, "taken": held.digest}), "state": VersionState.ACCEPTED,
            "rows": held.added + (parent.rows if parent else 0), "quarantined": 0, "duplicates": 0,
            "earliest_event_time": min(firsts, default=None), "latest_event_time": max(lasts, default=None),
        }  # fmt: skip
        with self.transactions.write():
            data = {"version": number, "rows": facts["rows"], "by": "decision", "held": held.number}
            event = self.recorder.record("dataset.version.accepted", f"dataset/{held.dataset}", data=data, cause=cause or held.event)
            self.move(held, VersionState.REJECTED, cause=event.id, data={"why": f"taken as version {number}"})
            version = DatasetVersion(**{**vars(held), **facts, "ingested_at": event.time, "cause": cause, "event": event.id})
            self.versions.create(version)
            self.lineage.create(*[Edge(version.reference, found.reference, "extends") for found in both])
        return version

    def move(self, version: DatasetVersion, state: VersionState, *, cause: EventId | None, data: Mapping[str, Any]) -> DatasetVersion:
        """The version in another state, and its event with `data`.

        Raises:
            VersionStateError: the move is not legal.
        """
        with self.transactions.write():
            facts = {"version": version.number, "rows": version.rows, **data}
            version.moved(state, None)  # refuses an illegal move before its event is made
            event = self.recorder.record(f"dataset.version.{state}", f"dataset/{version.dataset}", data=facts, cause=cause or version.event)
            moved = version.moved(state, event.id)
            self.versions.set(moved)
        return moved
