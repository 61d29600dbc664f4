"""One ingest: from the files that lie in a source to a version, its rows and its events.

The order is what makes it safe to be killed anywhere: files are read and proved unchanged, rows go to tables under the
ingest's job, state and events follow in one transaction, and the contract's file is written last, from what was recorded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from flyball.core.canonical import digest
from flyball.core.ids import Digest
from flyball.data.batch import Batch
from flyball.data.checking import Judged, Look, judge
from flyball.data.contract import Contract
from flyball.data.model import EVENT_TIME, KNOWN_TIME, DatasetVersion, SourceFile, VersionState
from flyball.data.rows import Appended, Rows, table_name


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What an ingest found out before anything was recorded."""

    contract: Contract
    batch: Batch
    judged: Judged
    parent: DatasetVersion | None
    superseded: DatasetVersion | None
    table: str
    given: bool
    known_by: datetime | None = None

    @property
    def digest(self) -> Digest:
        """The version's digest: equal definition, contract, parent, files and looks at them give equal rows."""
        files = self.batch.files
        arrivals = {file.digest: file.arrival for file in files if file.arrival is not None}
        return digest(
            {
                "definition": self.batch.dataset.definition(),
                "contract": self.contract.digest,
                "parent": self.parent.digest if self.parent else None,
                "files": [file.digest for file in files],
                **({"known_by": self.known_by} if self.left_out else {}),
                **({"arrivals": arrivals} if arrivals else {}),
            }
        )

    @property
    def left_out(self) -> int:
        """How many rows of the files are known later than the ingest looked."""
        return sum(file.left_out for file in self.batch.files)

    @property
    def share_broken(self) -> float:
        """The share of the rows that are not duplicates and broke the contract."""
        fresh = self.judged.accepted.height + self.judged.quarantined.height
        return self.judged.quarantined.height / fresh if fresh else 0.0


def find_out(
    batch: Batch, contract: Contract, *, given: bool, rows: Rows, versions: Sequence[DatasetVersion], look: Look
) -> Findings | None:
    """Judge what is new in the source since `versions` (all of this dataset), or None when nothing is.

    `given` says that the contract stood there before anything was ingested. A file is known by its content, not by its name;
    under another contract every file is read again, and so is one of which rows were left out that are known by now. The
    files of a held version are read again with new ones, which supersede it. Only files that no version has come at
    `look.arrival`.

    Raises:
        FlyballError: a file cannot be read, or changed meanwhile; nothing was recorded.
    """
    dataset = batch.dataset
    table = table_name(dataset, contract)
    past = [version for version in versions if version.table == table]
    seen = [version for version in past if version.contract == contract.digest]
    fresh = batch.without(_done(seen, look))
    if not fresh.files:
        return None
    last = next((version for version in reversed(versions) if not version.is_pushed), None)
    held = last if last is not None and last.state is VersionState.HELD else None
    seen = [version for version in seen if version != held]
    fresh = batch.without(_done(seen, look)) if held else fresh
    accepted = [version for version in past if version.state is VersionState.ACCEPTED]
    stored = _stored(contract, rows, accepted=accepted)
    aside = rows.read_aside(dataset.name, past)
    looks = _looks(fresh, look, seen=seen, versions=versions)
    judged = judge(dataset, contract, checked=fresh.check(contract, stored, looks=looks), stored=stored, aside=aside)
    fresh.check_unchanged()
    parent = accepted[-1] if accepted else None
    return Findings(
        contract=contract, batch=fresh, judged=judged, parent=parent, superseded=held, table=table, given=given, known_by=look.known_by
    )


def version_of(findings: Findings, appended: Appended, *, number: int, hold_above: float) -> Mapping[str, Any]:
    """The facts of the version that `findings` make, all but its blobs, its time and its events."""
    judged, parent = findings.judged, findings.parent
    held = findings.share_broken > hold_above
    earliest, latest = span(judged.accepted, parent)
    return {
        "dataset": findings.batch.dataset.name, "number": number, "digest": findings.digest,
        "state": VersionState.HELD if held else VersionState.ACCEPTED,
        "rows": judged.accepted.height + (parent.rows if parent else 0), "added": judged.accepted.height,
        "quarantined": judged.quarantined.height, "duplicates": judged.duplicates,
        "table": findings.table, "table_version": appended.table_version,
        "first_arrival": appended.first, "last_arrival": appended.last,
        "files": tuple(findings.batch.files), "contract": findings.contract.digest,
        "earliest_event_time": earliest, "latest_event_time": latest,
        "source": findings.batch.dataset.source.describe(), "key": findings.batch.dataset.key,
    }  # fmt: skip


def _records(versions: Sequence[DatasetVersion]) -> dict[Digest, SourceFile]:
    """Each file as it was read last, by its digest."""
    return {file.digest: file for version in versions for file in version.files}


def _done(seen: Sequence[DatasetVersion], look: Look) -> set[Digest]:
    """The files of which no row is missing that is known by now."""
    return {
        digest
        for digest, file in _records(seen).items()
        if file.next_known is None or (look.known_by is not None and file.next_known > look.known_by)
    }


def _looks(fresh: Batch, look: Look, *, seen: Sequence[DatasetVersion], versions: Sequence[DatasetVersion]) -> list[Look]:
    """A look at each file: behind what was looked at before, and with the arrival that the file had when it was new."""
    judged, known = _records(seen), _records(versions)
    looks = []
    for file in fresh.files:
        arrival = known[file.digest].arrival if file.digest in known else look.arrival
        looks.append(Look(known_by=look.known_by, arrival=arrival, after=judged[file.digest].known_by if file.digest in judged else None))
    return looks


def _stored(contract: Contract, rows: Rows, *, accepted: Sequence[DatasetVersion]) -> pl.DataFrame:
    schema = {**contract.schema, KNOWN_TIME: pl.Datetime("us", "UTC")}
    return rows.read(accepted).select(list(schema)) if accepted else pl.DataFrame(schema=schema)


def span(accepted: pl.DataFrame, parent: DatasetVersion | None) -> tuple[datetime | None, datetime | None]:
    """The earliest and the latest event time of a version that adds `accepted` to `parent`."""
    low, high = accepted[EVENT_TIME].min(), accepted[EVENT_TIME].max()
    lows = [time for time in (low, parent.earliest_event_time if parent else None) if isinstance(time, datetime)]
    highs = [time for time in (high, parent.latest_event_time if parent else None) if isinstance(time, datetime)]
    return min(lows, default=None), max(highs, default=None)
