"""One ingest: from what lies in a source to a version, its rows and its events.

The order is what makes it safe to be killed anywhere: parts are read and proved unchanged, rows go to tables under the
ingest's job, state and events follow in one transaction, and the contract's file is written last, from what was recorded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import polars as pl

from flyball.core.canonical import digest
from flyball.core.ids import Digest
from flyball.data.batch import Batch
from flyball.data.contracts.compiled import Compiled
from flyball.data.contracts.judging import Look
from flyball.data.contracts.model import Contract
from flyball.data.erasure.screen import KIND
from flyball.data.model import EVENT_TIME, DatasetVersion, SourceFile, VersionState
from flyball.data.rows import Appended, Rows, table_name
from flyball.data.sifting import Sieve, Sifted
from flyball.data.sources.port import Seen
from flyball.data.verdict import Verdict


@dataclass(frozen=True, kw_only=True)
class Past:
    """What versions hold of a dataset under one contract, all of them in one table.

    `versions` are all of the dataset, `mine` those of the table, `seen` those that the contract judged. `held` waits for a person,
    and its parts are read again with new ones, which supersede it.
    """

    table: str
    versions: Sequence[DatasetVersion]
    mine: Sequence[DatasetVersion]
    seen: Sequence[DatasetVersion]
    held: DatasetVersion | None
    look: Look
    repeats: bool = True

    @classmethod
    def of(cls, compiled: Compiled, versions: Sequence[DatasetVersion], *, look: Look) -> Past:
        """The past of the compiled contract's dataset, of which `versions` are all, for one who looks so far."""
        table = table_name(compiled.dataset, compiled.contract)
        mine = [version for version in versions if version.table == table]
        seen = [version for version in mine if version.contract == compiled.contract.digest]
        last = next((version for version in reversed(versions) if not version.is_pushed), None)
        source = compiled.dataset.source
        held = last if last is not None and last.state is VersionState.HELD and source.repeats else None
        held = held if held is None or held.source in {"", source.describe()} else None
        return cls(table=table, versions=versions, mine=mine, seen=seen, held=held, look=look, repeats=source.repeats)

    @property
    def accepted(self) -> Sequence[DatasetVersion]:
        """The versions whose rows stand."""
        return [version for version in self.mine if version.state is VersionState.ACCEPTED]

    @property
    def parent(self) -> DatasetVersion | None:
        """The version that the next one extends."""
        accepted = self.accepted
        return accepted[-1] if accepted else None

    def tell(self) -> Seen:
        """What a source may leave out, and where it goes on."""
        standing = [version for version in self.seen if version != self.held]
        return Seen(digests=frozenset(self._done(standing)), position=self._position(standing))

    def _position(self, standing: Sequence[DatasetVersion]) -> str | None:
        """Where the last pull that had such a place ended; none where rows before it may have been left out, as known later."""
        last = next((version for version in reversed(standing) if version.position is not None), None)
        if last is None or (self.look.known_by is not None and self.repeats) or any(file.left_out for file in last.files):
            return None
        return last.position

    def fresh(self, batch: Batch) -> Batch | None:
        """The parts to be read, or None where nothing is new.

        A part is known by its content, not by its name; under another contract every part is read again, and so is one of which
        rows were left out that are known by now.
        """
        if not batch.without(self._done(self.seen)).files:
            return None
        return batch.without(self._done([version for version in self.seen if version != self.held]))

    def look_at(self, part: SourceFile) -> Look:
        """A look behind what was looked at before, and with the arrival that the part had when it was new."""
        judged, known = _records([version for version in self.seen if version != self.held]), _records(self.versions)
        arrival = known[part.digest].arrival if part.digest in known else self.look.arrival
        return Look(known_by=self.look.known_by, arrival=arrival, after=judged[part.digest].known_by if part.digest in judged else None)

    def _done(self, versions: Sequence[DatasetVersion]) -> set[Digest]:
        """The parts of which no row is missing that is known by now."""
        by = self.look.known_by
        return {
            digest for digest, file in _records(versions).items() if file.next_known is None or (by is not None and file.next_known > by)
        }


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What an ingest found out before anything was recorded."""

    contract: Contract
    batch: Batch
    sifted: Sifted
    verdict: Verdict
    past: Past
    given: bool

    @property
    def digest(self) -> Digest:
        """The version's digest: equal definition, contract, parent, parts and looks at them give equal rows."""
        files, parent = self.batch.files, self.past.parent
        arrivals = {file.digest: file.arrival for file in files if file.arrival is not None}
        return digest(
            {
                "definition": self.batch.dataset.definition(),
                "contract": self.contract.digest,
                "parent": parent.digest if parent else None,
                "files": [file.digest for file in files],
                **({"known_by": self.known_by} if self.left_out else {}),
                **({"arrivals": arrivals} if arrivals else {}),
            }
        )

    @property
    def known_by(self) -> datetime | None:
        """How far the ingest looked."""
        return self.past.look.known_by

    @property
    def left_out(self) -> int:
        """How many rows of the parts are known later than the ingest looked."""
        return sum(file.left_out for file in self.batch.files)

    @property
    def share_broken(self) -> float:
        """The share of the rows that are not duplicates and broke the contract; rows of erased keys broke nothing."""
        broken = self.sifted.quarantined - self.sifted.reasons[KIND]
        fresh = self.sifted.added + broken
        return broken / fresh if fresh else 0.0

    @property
    def position(self) -> str | None:
        """Where the next pull goes on: not further than to what was left out, which must come again."""
        told = [file.position for file in self.batch.files if file.position is not None]
        return told[-1] if told and not self.left_out else self.past.tell().position


def sift(compiled: Compiled, batch: Batch, *, past: Past, rows: Rows) -> tuple[Batch, Sifted]:
    """Judge the batch's rows and part them by what is stored: the batch with what was left out of its parts, and what came of it.

    Raises:
        FlyballError: a part cannot be read, or changed meanwhile; nothing was recorded.
    """
    sieve = Sieve(compiled, batch.scratch)
    parts = [sieve.take(part, batch.read(part), look=past.look_at(part)) for part in batch.files]
    stored = rows.scan(past.accepted) if past.accepted else None
    sifted = sieve.settle(stored, rows.scan_aside(compiled.dataset.name, past.mine))
    batch.check_unchanged()
    return replace(batch, files=parts), sifted


def version_of(findings: Findings, appended: Appended, *, number: int, hold_above: float) -> Mapping[str, Any]:
    """The facts of the version that `findings` make, all but its blobs, its time and its events."""
    sifted, parent, dataset = findings.sifted, findings.past.parent, findings.batch.dataset
    held = findings.share_broken > hold_above or findings.verdict.holds
    times = [findings.verdict.span, *([(parent.earliest_event_time, parent.latest_event_time)] if parent else [])]
    return {
        "dataset": dataset.name, "number": number, "digest": findings.digest,
        "state": VersionState.HELD if held else VersionState.ACCEPTED,
        "rows": sifted.added + (parent.rows if parent else 0), "added": sifted.added,
        "quarantined": sifted.quarantined, "duplicates": sifted.duplicates,
        "table": findings.past.table, "table_version": appended.table_version,
        "first_arrival": appended.first, "last_arrival": appended.last,
        "files": tuple(findings.batch.files), "contract": findings.contract.digest,
        "earliest_event_time": min((time for time, _ in times if time is not None), default=None),
        "latest_event_time": max((time for _, time in times if time is not None), default=None),
        "source": dataset.source.describe(), "key": dataset.key, "position": findings.position, "corrections": sifted.corrections,
    }  # fmt: skip


def _records(versions: Sequence[DatasetVersion]) -> dict[Digest, SourceFile]:
    """Each part as it was read last, by its digest."""
    return {file.digest: file for version in versions for file in version.files}


def span(accepted: pl.DataFrame, parent: DatasetVersion | None) -> tuple[datetime | None, datetime | None]:
    """The earliest and the latest event time of a version that adds `accepted` to `parent`."""
    low, high = accepted[EVENT_TIME].min(), accepted[EVENT_TIME].max()
    lows = [time for time in (low, parent.earliest_event_time if parent else None) if isinstance(time, datetime)]
    highs = [time for time in (high, parent.latest_event_time if parent else None) if isinstance(time, datetime)]
    return min(lows, default=None), max(highs, default=None)
