"""One batch of live rows becomes a version: first the table, whose commit names the batch, then state, events and lineage at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from flyball.core.canonical import digest
from flyball.core.events import Event
from flyball.core.ids import Digest
from flyball.data.checking import Judged
from flyball.data.ingest import span
from flyball.data.model import ARRIVAL, PUSHED, TIME, DatasetVersion, SourceFile, VersionState
from flyball.data.pushes import PushStore
from flyball.data.recording import SHOWN, odd_rows, summary
from flyball.data.rowjournal import Pushed, last_offsets
from flyball.data.rows import Appended, Rows, ranges_of
from flyball.data.service import DataService
from flyball.data.settling import Settled
from flyball.data.standing import Standing, stream_of
from flyball.lineage import Edge, reference

Pushes = Sequence[tuple[int, Pushed]]
DEAD_LETTERS = pl.Schema({"stream": pl.String(), "offset": pl.String(), "reason": pl.String(), "content": pl.Binary(), "at": TIME})


def dead_letters_name(name: str) -> str:
    """The table of the messages to the dataset `name` that are no rows."""
    return f"deadletters.{name}"


@dataclass(frozen=True)
class LiveCommit:
    """Makes the next version of the dataset that `standing` describes, and brings that up to date."""

    data: DataService
    pushes: PushStore
    standing: Standing

    def record(self, batch: Pushes, settled: Settled) -> tuple[DatasetVersion, pl.DataFrame]:
        """The version, and the rows that it adds with their arrival numbers."""
        standing, judged = self.standing, settled.judged
        mark = self._digest(batch)
        rows, appended = self._append(judged.accepted, last=batch[-1][0])
        name = standing.dataset.name
        Rows(self.data.tables).set_aside(name, judged.quarantined, ingest=mark, job=f"live:{name}:{mark}")
        self._bury(batch)
        facts = self._facts(batch, judged, appended=appended, mark=mark)
        with self.data.transactions.write():
            received = self._announce(batch, settled, facts=facts)
            share = judged.quarantined.height / max(1, judged.quarantined.height + judged.accepted.height)
            event = self.data.recorder.record("dataset.version.accepted", f"dataset/{name}", data=summary(facts, share), cause=received.id)
            version = DatasetVersion(**facts, profile=None, ingested_at=received.time, cause=None, event=event.id)
            self.data.versions.create(version)
            self.data.lineage.create(*self._edges(version))
            answers = (pushed.answer(position) for position, pushed in batch)
            self.pushes.create(name, batch[-1][0], pushes=[answer for answer in answers if answer is not None], offsets=last_offsets(batch))
        standing.parent = standing.latest = version
        standing.table_version = max(standing.table_version or 0, appended.table_version)
        standing.last_arrival = max(standing.last_arrival, appended.last)
        return version, rows

    def _append(self, accepted: pl.DataFrame, *, last: int) -> tuple[pl.DataFrame, Appended]:
        """The table's stream stands at the batch's last position: that is how the batch is found again as it was."""
        standing, tables = self.standing, self.data.tables
        start = standing.last_arrival + 1
        if not accepted.height:
            return _numbered(accepted, start), Appended(standing.table_version or 0, start, start - 1)
        if tables.latest(standing.table) != standing.table_version:
            # Somebody has put rows there that no version names, an ingest that was killed or a compaction: ours go behind them.
            start, standing.table_version = Rows(tables).last_arrival(standing.table) + 1, tables.latest(standing.table)
        if last > standing.stream_position:
            rows = _numbered(accepted, start)
            version = tables.append_next(standing.table, rows, stream=stream_of(standing.dataset.name), position=last)
            standing.stream_position = last
            if version == (-1 if standing.table_version is None else standing.table_version) + 1:
                return rows, Appended(version, start, start + rows.height - 1)
        # They went there before a kill; or others put rows there in this moment, perhaps under the numbers that were to be ours.
        first = self._find(accepted)
        if first is None:
            first = Rows(tables).last_arrival(standing.table) + 1
            job = f"live:{standing.dataset.name}:{last}:{tables.latest(standing.table)}"
            tables.append(standing.table, _numbered(accepted, first), job=job, attempt=last)
        version = tables.latest(standing.table) or 0
        return _numbered(accepted, first), Appended(version, first, first + accepted.height - 1)

    def _bury(self, batch: Pushes) -> None:
        """What are no rows goes to a table of its own, whose stream says what of it is there already."""
        tables, name = self.data.tables, self.standing.dataset.name
        letters = [(position, pushed.stream, pushed.at, dead) for position, pushed in batch for dead in pushed.dead]
        if not letters:
            return
        table, stream = dead_letters_name(name), stream_of(name)
        there = tables.position(table, stream)
        rows = [(source, dead.offset, dead.reason, dead.content, at) for position, source, at, dead in letters if position > there]
        if rows:
            tables.append_next(table, pl.DataFrame(rows, schema=DEAD_LETTERS, orient="row"), stream=stream, position=letters[-1][0])

    def _find(self, accepted: pl.DataFrame) -> int | None:
        """The arrival number from which on the table holds just these rows, which no version names; None where it does not."""
        standing, scan = self.standing, self.data.tables.read(self.standing.table)
        versions = [version for version in self.data.versions.list(standing.dataset.name) if version.table == standing.table]
        named = pl.any_horizontal(pl.col(ARRIVAL).is_between(first, last) for first, last in ranges_of(versions))
        others = scan.filter(~named).collect().sort(ARRIVAL)
        begins = others.join(accepted.head(1), on=accepted.columns, how="semi", nulls_equal=True)[ARRIVAL].to_list()
        for first in begins:
            found = others.filter(pl.col(ARRIVAL).is_between(first, first + accepted.height - 1))
            if found[ARRIVAL].to_list() == list(range(first, first + accepted.height)) and found.select(accepted.columns).equals(accepted):
                return int(first)
        return None

    def _digest(self, batch: Pushes) -> Digest:
        standing = self.standing
        return digest(
            {
                "definition": standing.dataset.definition(),
                "contract": standing.contract_digest,
                "parent": standing.parent.digest,
                "pushes": [[position, pushed.at, pushed.digest] for position, pushed in batch],
            }
        )

    def _facts(self, batch: Pushes, judged: Judged, *, appended: Appended, mark: Digest) -> Mapping[str, Any]:
        standing = self.standing
        earliest, latest = span(judged.accepted, standing.parent)
        pushes = SourceFile(
            name=f"{PUSHED}{batch[0][0]}-{batch[-1][0]}",
            size_bytes=sum(pushed.size_bytes for _, pushed in batch),
            digest=digest([pushed.digest for _, pushed in batch]),
        )
        return {
            "dataset": standing.dataset.name, "number": standing.latest.number + 1, "digest": mark, "state": VersionState.ACCEPTED,
            "rows": standing.parent.rows + judged.accepted.height, "added": judged.accepted.height,
            "quarantined": judged.quarantined.height, "duplicates": judged.duplicates,
            "table": standing.table, "table_version": appended.table_version,
            "first_arrival": appended.first, "last_arrival": appended.last,
            "files": (pushes,), "contract": standing.contract_digest,
            "earliest_event_time": earliest, "latest_event_time": latest,
            "source": standing.dataset.source.describe(), "key": standing.dataset.key, "position": standing.latest.position,
        }  # fmt: skip

    def _announce(self, batch: Pushes, settled: Settled, *, facts: Mapping[str, Any]) -> Event:
        recorder, subject, number = self.data.recorder, f"dataset/{facts['dataset']}", facts["number"]
        came = {"pushes": len(batch), "first_push": batch[0][0], "last_push": batch[-1][0], "bytes": facts["files"][0].size_bytes}
        received = recorder.record("dataset.version.received", subject, data={"version": number, "digest": facts["digest"], **came})
        dead = Counter(dead.reason for _, pushed in batch for dead in pushed.dead)
        if dead:
            told = {"version": number, "messages": dead.total(), "reasons": [list(found) for found in dead.most_common(SHOWN)]}
            recorder.record("messages.unreadable", subject, data=told, cause=received.id)
        for kind, data in odd_rows(settled.judged, settled.unexpected):
            recorder.record(kind, subject, data={"version": number, **data}, cause=received.id)
        return received

    def _edges(self, version: DatasetVersion) -> list[Edge]:
        child = version.reference
        return [
            Edge(child, reference("push", version.files[0].digest), "received"),
            Edge(child, reference("contract", version.contract), "judged-by"),
            Edge(child, self.standing.parent.reference, "extends"),
        ]


def _numbered(rows: pl.DataFrame, first: int) -> pl.DataFrame:
    return rows.with_columns(pl.int_range(first, first + pl.len(), dtype=pl.Int64).alias(ARRIVAL))
