"""Where predictions of other systems come in: read, fitted to their endpoints' models, journalled, and remembered by their ids."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from flyball.app.location import RECORDS
from flyball.core.clock import Clock
from flyball.core.errors import FlyballError
from flyball.data.arrowrows import read_arrow
from flyball.data.bodies import Body, Form
from flyball.data.errors import RowsError
from flyball.data.pusherrors import BrokenBodyError, BrokenJsonRowsError
from flyball.serving._sqlposted import SqlPosted
from flyball.serving.hiding import Hiding
from flyball.serving.posted import MAX_RECORDS, Known, PostedError, Sent, answered, mark_of, read_all, read_json, read_lines, read_row
from flyball.serving.record import Answered, decode, encode
from flyball.storage._localjournal import LocalJournal
from flyball.storage.errors import JournalCorruptError
from flyball.storage.positions import Positions
from flyball.storage.transactions import Transactions

REMEMBERED = timedelta(days=30)
"""So long the id of a prediction that was sent is remembered."""
WHAT = "predictions"
_RECORDED = "predictions/records/recorded"
_SHOWN = 100
_READ = 256
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Memory:
    """What is remembered of what was sent, and how far the journal is in that; both in one transaction."""

    marks: SqlPosted
    positions: Positions
    transactions: Transactions


class Postbox:
    """Records are answered for when they are on the disk, and count once by endpoint and id, whoever dies in between. Thread-safe.

    `known` says what there is of an endpoint. The journal's writer is made at first need: a home that nobody sends to has none.
    """

    def __init__(self, home: Path, memory: Memory, *, known: Callable[[str], Known], hiding: Hiding, clock: Clock) -> None:
        self._path, self._memory, self._known, self._hiding, self._clock = home / RECORDS, memory, known, hiding, clock
        self._lock = threading.Lock()
        self._journal: LocalJournal | None = None

    def open(self) -> None:
        """What was journalled before is remembered: whoever sent it may have been killed before it was.

        Raises:
            UnavailableError: the home cannot be read or written.
        """
        if self._path.is_dir():
            with self._lock:
                self._writer()

    def take(self, body: Body) -> dict[str, Any]:
        """{"accepted", "duplicates", "refused": [{"record", "reason"}]}, once nothing can lose what was accepted.

        Raises:
            BrokenBodyError, RowsError, ArrowKindError: the body is none of records.
            PostedError: no record of it can be taken; the first reason is said.
            UnavailableError: it cannot be kept; nothing of it was, or it is safe to send it again.
        """
        refused: list[tuple[int, FlyballError]] = []
        good: list[tuple[Sent, Answered]] = []
        known: dict[str, Known | FlyballError] = {}
        total = 0
        for number, found in read_all(_records(body)):
            total = number
            try:
                good.append(self._made(found, known))
            except FlyballError as error:
                refused.append((number, error))
        if not total:
            raise RowsError(WHAT, "they are none; send one at least")
        if refused and not good:
            raise PostedError(f"None of {total:,} records can be taken; record {refused[0][0]}: {refused[0][1]}")
        accepted = self._keep(good)
        shown = [{"record": number, "reason": str(error)} for number, error in refused]
        return {"accepted": accepted, "duplicates": len(good) - accepted, "refused": shown[:_SHOWN], "refused_records": len(refused)}

    def _made(self, found: Sent | FlyballError, known: dict[str, Known | FlyballError]) -> tuple[Sent, Answered]:
        if isinstance(found, FlyballError):
            raise found
        if found.endpoint not in known:
            try:
                known[found.endpoint] = self._known(found.endpoint)
            except FlyballError as error:
                known[found.endpoint] = error
        endpoint = known[found.endpoint]
        if isinstance(endpoint, FlyballError):
            raise endpoint
        return found, self._hiding.hidden(endpoint.log, answered(found, endpoint))

    def _keep(self, good: Sequence[tuple[Sent, Answered]]) -> int:
        with self._lock:
            journal = self._writer()
            before = self._memory.marks.find({sent.mark for sent, _ in good})
            new: dict[str, Answered] = {}
            for sent, record in good:
                if sent.mark not in before:
                    new.setdefault(sent.mark, record)
            if new:
                self._remember(new, journal.append(*map(encode, new.values())))
            return len(new)

    def _writer(self) -> LocalJournal:
        if self._journal is None:
            self._journal = LocalJournal.write(self._path, fsync="each")
        self._recover(self._journal)
        return self._journal

    def _recover(self, journal: LocalJournal) -> None:
        """What stands in the journal is remembered, also where whoever appended it came no further."""
        # From there, whatever was acknowledged since: it may have been shipped before it was remembered.
        position = self._memory.positions.get(_RECORDED)
        while position < journal.last:
            marks: set[str] = set()
            try:
                entries = journal.read_after(position, _READ)
            except JournalCorruptError as error:  # who reads the log tells of the loss; what comes now is taken all the same
                _LOG.warning("Ids of predictions that were sent are forgotten. %s", error)
                position = max(position + 1, error.resume)
            else:
                for entry in entries:
                    with suppress(msgspec.DecodeError):
                        record = decode(entry.payload)
                        marks |= {mark_of(record.endpoint, name) for name in record.ids}
                position = entries[-1].position if entries else journal.last  # what is not there any more was acknowledged
            self._remember(marks, position)

    def _remember(self, marks: Iterable[str], position: int) -> None:
        memory = self._memory
        with memory.transactions.write():
            memory.marks.add(set(marks), self._clock.now())
            memory.positions.set(_RECORDED, position)

    def forget(self) -> int:
        """Ids that came longer ago than 30 days are remembered no more; how many they were."""
        return self._memory.marks.forget(self._clock.now() - REMEMBERED)

    def close(self) -> None:
        """Let go of the journal; idempotent."""
        with self._lock:
            if self._journal is not None:
                self._journal.close()
                self._journal = None


def _records(body: Body) -> Sequence[msgspec.Raw | Mapping[str, Any]]:
    found: Sequence[msgspec.Raw | Mapping[str, Any]]
    match body.form:
        case Form.JSON:
            try:
                found = read_json(body.content)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise BrokenJsonRowsError('an object such as {"predictions": [{...}]}', str(error)) from error
        case Form.NDJSON:
            found = read_lines(body.content)
        case Form.ARROW:
            found = [read_row(row) for row in read_arrow(WHAT, body.content).iter_rows(named=True)]
        case _:
            raise BrokenBodyError("JSON, NDJSON or an Arrow stream", "predictions have columns of several kinds, which CSV does not tell")
    if len(found) > MAX_RECORDS:
        raise RowsError(WHAT, f"they are {len(found):,}; send 1 to {MAX_RECORDS:,} at once")
    return found
