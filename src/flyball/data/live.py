"""Rows that are pushed: journalled before they are acknowledged, and applied in batches, exactly once.

Each step may be the last one of a process. The journal's positions say what is applied, and are moved by the transaction that
makes the version; rows that went to the table before that are found again by the job in its commit, or stay invisible.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from flyball.core.canonical import digest
from flyball.core.clock import utc
from flyball.data.beginning import begin
from flyball.data.bodies import Body, Form
from flyball.data.contracts.model import Contract
from flyball.data.declared.streams import LiveSource
from flyball.data.errors import EventTimeError, PushKeyError, UnknownColumnError
from flyball.data.history import known_until
from flyball.data.jsonrows import encode_rows
from flyball.data.livecommit import LiveCommit
from flyball.data.messagerows import Sorted, buried
from flyball.data.model import SYSTEM_COLUMNS, Dataset, DatasetVersion
from flyball.data.pushes import Offsets, Push, PushStore
from flyball.data.rowjournal import Pushed, RowJournal
from flyball.data.rowreader import ReadRows, RowReader
from flyball.data.service import DataService
from flyball.data.settling import pack, settle
from flyball.data.standing import Standing, standing_contract
from flyball.storage.journal import Journal

_KEY_CHARACTERS = 200


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """The answer to a push: its rows are kept, `accepted` of them good; `quarantined` are set aside as {"row" (from 1), "reason"}.

    `unexpected` columns are not in the contract and were passed over. A `duplicate` was kept before, under the same key.
    """

    position: int
    accepted: int
    quarantined: tuple[Mapping[str, Any], ...]
    unexpected: tuple[str, ...]
    duplicate: bool


class LiveRows:
    """The rows that a home is sent while it lives. `accept` is thread-safe; one thread at a time applies and takes.

    `journals` opens the journal of a dataset by its name for writing; a second process gets its HeldError.
    """

    def __init__(self, data: DataService, pushes: PushStore, *, journals: Callable[[str], Journal], root: Path | None = None) -> None:
        """`root` is the project's directory, in which contracts may lie."""
        self._root = root
        self._data, self._pushes, self._open = data, pushes, journals
        self._lock = threading.Lock()
        self._journals: dict[str, RowJournal] = {}
        self._readers: dict[Dataset, RowReader] = {}
        self._standing: dict[Dataset, Standing] = {}
        self._fresh: defaultdict[str, list[pl.DataFrame]] = defaultdict(list)

    def accept(self, dataset: Dataset, rows: Sequence[Mapping[str, Any]] | Body, *, key: str | None, at: datetime) -> Accepted:
        """Keep `rows`, which came at `at`: when this returns, the death of any process loses none of them.

        Each row is judged by the contract; one that breaks it is kept as well, to be set aside. The same `key` with the same body
        is answered as before and kept once, also after a restart.

        Raises:
            BrokenBodyError: the bytes are not of the form that they are said to be.
            RowsError: they are not 1 to 10,000 rows.
            PushKeyError: the key is no plain text.
            PushConflictError: the key came with another body before.
            NotIngestedError: nothing says yet what the dataset's rows look like.
            HeldError: another process takes the dataset's rows.
            UnavailableError: the disk or the journal is full; nothing was kept.
        """
        if key is not None and not (0 < len(key) <= _KEY_CHARACTERS and key.isascii() and key.isprintable()):
            raise PushKeyError(key)
        body = rows if isinstance(rows, Body) else Body(Form.JSON, encode_rows(dataset.name, rows))
        journal = self._journal(dataset.name)
        pushed = judged(self._reader(dataset, body), body, key=key, at=at)
        found, position, duplicate = journal.put(pushed)
        return _answer(found, position, duplicate=duplicate)

    def accept_messages(self, dataset: Dataset, found: Sorted, *, stream: str, at: datetime) -> None:
        """Keep messages of a stream, which came at `at`, with their offsets: the rows, and what are no rows as dead letters.

        Raises:
            FlyballError: as for `accept`; nothing was kept. What rows are not is never an error here.
        """
        journal = self._journal(dataset.name)
        read, dead = None, found.dead
        if found.rows is not None:
            try:
                read = self._reader(dataset, found.rows).read_any(found.rows)
            except (UnknownColumnError, EventTimeError) as error:  # the first there are, and no contract can be made of them
                dead = (*dead, *buried(found, str(error)))
        mark = digest([found.offsets, [one.offset for one in found.dead]])
        pushed = Pushed(at=utc(at), key=None, digest=mark, accepted=0, stream=stream, dead=dead)
        if read is not None:
            pushed = msgspec.structs.replace(_kept(read, self._reader(dataset, pl.DataFrame()), like=pushed), offsets=found.offsets)
        journal.put(pushed)

    def find_offsets(self, dataset: Dataset, stream: str) -> Offsets | None:
        """Which messages of the stream were kept last, all at once; None before the first."""
        return self._journal(dataset.name).find_offsets(stream)

    def apply(self, dataset: Dataset) -> DatasetVersion | None:
        """Everything kept so far is in the dataset, in order, exactly once; the version that holds it, or None when nothing waits.

        Not to be called within a transaction. Repeatable at any time, and after any kill.

        Raises:
            NotIngestedError: the dataset is declared otherwise than when it was ingested; the rows wait.
            UnavailableError: the home cannot be written; the rows wait.
        """
        journal, version = self._journal(dataset.name), None
        if isinstance(dataset.source, LiveSource) and self._data.find_accepted(dataset.name) is None:
            return None  # dead letters alone: they wait for the first row, which says what rows are
        with self._data.turn(dataset.name):
            while journal.pending:
                version = self._apply(dataset, journal)
        return version

    def pending(self, dataset: Dataset) -> int:
        """How many pushes are kept and not applied yet."""
        return self._journal(dataset.name).pending

    def position(self, dataset: Dataset) -> int:
        """Pushes up to this position are applied."""
        return self._journal(dataset.name).applied

    def take(self, dataset: Dataset) -> pl.DataFrame | None:
        """The rows that were applied since the last time, in order of arrival, with their system columns; None when there are none.

        Their KNOWN_UNTIL is right among themselves; `Histories.append` makes it right among all.
        """
        frames = self._fresh.pop(dataset.name, [])
        if not frames:
            return None
        rows = known_until(pl.concat(frames), dataset.key)
        return rows.select(pl.exclude(SYSTEM_COLUMNS), *SYSTEM_COLUMNS)

    def close(self) -> None:
        """Let go of all journals; idempotent."""
        for journal in self._journals.values():
            journal.close()

    def _journal(self, name: str) -> RowJournal:
        with self._lock:
            if name not in self._journals:
                self._journals[name] = RowJournal(name, self._open(name), pushes=self._pushes)
            return self._journals[name]

    def _reader(self, dataset: Dataset, first: Body | pl.DataFrame) -> RowReader:
        found = self._readers.get(dataset)
        if found is None:
            if isinstance(dataset.source, LiveSource) and self._data.find_accepted(dataset.name) is None:
                begin(dataset, self._data, first=first, root=self._root)
            found = self._readers[dataset] = self._made(dataset, standing_contract(dataset, self._data)[1])
        return found

    def _made(self, dataset: Dataset, contract: Contract) -> RowReader:
        # Keys are erased, and allowed again, by who owns the home: not while this takes rows.
        screen = self._data.screens(dataset.name, dataset.key)
        return RowReader(dataset, contract, screen=None if screen is None else screen.read)

    def _apply(self, dataset: Dataset, journal: RowJournal) -> DatasetVersion:
        standing, end = self._standing.pop(dataset, None), None  # put back only when all went well
        if standing is None or not standing.is_current(self._data):
            standing = Standing.load(dataset, self._data)
            end = standing.stream_position if standing.stream_position > journal.applied else None
        reader = self._readers.get(dataset)
        if reader is None or reader.contract_digest != standing.contract_digest:
            reader = self._made(dataset, standing.contract)
        pushes = journal.read(end)
        settled = settle(dataset, reader, pushes=pushes, index=standing.index)
        version, rows = LiveCommit(self._data, self._pushes, standing=standing).record(pushes, settled)
        standing.index.add(rows)
        self._standing[dataset], self._readers[dataset] = standing, reader
        if rows.height:
            self._fresh[dataset.name].append(rows)
        journal.settle(pushes[-1][0])  # may fail, and is made up for by the next one
        return version


def judged(reader: RowReader, body: Body, *, key: str | None, at: datetime) -> Pushed:
    """The body's rows as they are kept: judged once, where they came in."""
    pushed = Pushed(at=utc(at), key=key, digest=body.digest, accepted=0, size_bytes=len(body.content))
    return _kept(reader.read(body), reader, like=pushed)


def _kept(read: ReadRows, reader: RowReader, *, like: Pushed) -> Pushed:
    return msgspec.structs.replace(
        like, accepted=read.good.height, quarantined=tuple((row, why) for row, why, _ in read.broken), unexpected=read.unexpected,
        contract=reader.contract_digest, good=pack(read.good) if read.good.height else b"", raw=tuple(raw for _, _, raw in read.broken),
    )  # fmt: skip


def _answer(push: Push | Pushed, position: int, *, duplicate: bool) -> Accepted:
    quarantined = tuple({"row": row, "reason": reason} for row, reason in push.quarantined)
    return Accepted(position=position, accepted=push.accepted, quarantined=quarantined, unexpected=push.unexpected, duplicate=duplicate)
