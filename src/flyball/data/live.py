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
from typing import Any

import msgspec
import polars as pl

from flyball.core.canonical import digest_bytes
from flyball.core.clock import utc
from flyball.data.contract import Contract
from flyball.data.errors import PushConflictError, PushKeyError
from flyball.data.history import known_until
from flyball.data.jsonrows import decode_rows, encode_rows, parse_rows
from flyball.data.livecommit import LiveCommit
from flyball.data.model import SYSTEM_COLUMNS, Dataset, DatasetVersion
from flyball.data.pushes import Push, PushStore
from flyball.data.rowjournal import Pushed, RowJournal, arrived
from flyball.data.service import DataService
from flyball.data.settling import settle
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

    def __init__(self, data: DataService, pushes: PushStore, *, journals: Callable[[str], Journal]) -> None:
        self._data, self._pushes, self._open = data, pushes, journals
        self._lock = threading.Lock()
        self._journals: dict[str, RowJournal] = {}
        self._contracts: dict[Dataset, Contract] = {}
        self._standing: dict[Dataset, Standing] = {}
        self._fresh: defaultdict[str, list[pl.DataFrame]] = defaultdict(list)

    def accept(self, dataset: Dataset, rows: Sequence[Mapping[str, Any]], *, key: str | None, at: datetime) -> Accepted:
        """Keep `rows`, which came at `at`: when this returns, the death of any process loses none of them.

        Each row is judged by the contract; one that breaks it is kept as well, to be set aside. The same `key` with the same rows
        is answered as before and kept once, also after a restart.

        Raises:
            RowsError: they are not a list of 1 to 10,000 objects.
            PushKeyError: the key is no plain text.
            PushConflictError: the key came with other rows before.
            NotIngestedError: nothing says yet what the dataset's rows look like.
            HeldError: another process takes the dataset's rows.
            UnavailableError: the disk or the journal is full; nothing was kept.
        """
        if key is not None and not (0 < len(key) <= _KEY_CHARACTERS and key.isascii() and key.isprintable()):
            raise PushKeyError(key)
        text = encode_rows(dataset.name, rows)
        digest = digest_bytes(text)
        journal = self._journal(dataset.name)
        parsed = parse_rows(dataset, self._contract(dataset), rows=decode_rows(text))
        pushed = Pushed(
            at=utc(at), key=key, digest=digest, accepted=parsed.good.height, quarantined=parsed.broken,
            unexpected=parsed.unexpected, rows=msgspec.Raw(text),
        )  # fmt: skip
        with journal.lock:
            found = None if key is None else journal.find(key)
            if found is None:
                return _answer(pushed, journal.append(pushed), duplicate=False)
        if found.digest != digest:
            raise PushConflictError(dataset.name, found.key)
        return _answer(found, found.position, duplicate=True)

    def apply(self, dataset: Dataset) -> DatasetVersion | None:
        """Everything kept so far is in the dataset, in order, exactly once; the version that holds it, or None when nothing waits.

        Not to be called within a transaction. Repeatable at any time, and after any kill.

        Raises:
            NotIngestedError: the dataset is declared otherwise than when it was ingested; the rows wait.
            UnavailableError: the home cannot be written; the rows wait.
        """
        journal, version = self._journal(dataset.name), None
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

    def _contract(self, dataset: Dataset) -> Contract:
        if dataset not in self._contracts:
            self._contracts[dataset] = standing_contract(dataset, self._data)[1]
        return self._contracts[dataset]

    def _apply(self, dataset: Dataset, journal: RowJournal) -> DatasetVersion:
        standing, end = self._standing.pop(dataset, None), None  # put back only when all went well
        if standing is None or not standing.is_current(self._data):
            standing = Standing.load(dataset, self._data)
            end = LiveCommit(self._data, self._pushes, standing=standing).find_end(journal.applied + 1)
        commit = LiveCommit(self._data, self._pushes, standing=standing)
        pushes = journal.read(end)
        settled = settle(dataset, standing.contract, arrived=arrived(pushes), index=standing.index)
        version, rows = commit.record(pushes, settled, after=journal.applied)
        standing.index.add(rows)
        self._standing[dataset], self._contracts[dataset] = standing, standing.contract
        if rows.height:
            self._fresh[dataset.name].append(rows)
        journal.settle(pushes[-1][0])  # may fail, and is made up for by the next one
        return version


def _answer(push: Push | Pushed, position: int, *, duplicate: bool) -> Accepted:
    quarantined = tuple({"row": row, "reason": reason} for row, reason in push.quarantined)
    return Accepted(position=position, accepted=push.accepted, quarantined=quarantined, unexpected=push.unexpected, duplicate=duplicate)
