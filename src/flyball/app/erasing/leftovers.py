"""What else of a home holds rows: what was computed from them, copies, and journals. Each goes at once, and any number of times."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from flyball.app.garbage import Garbage
from flyball.app.home import Home
from flyball.app.location import DATABASE, ONLINE, ROWS
from flyball.app.onlinestore import empty_online
from flyball.app.predictionlog import journal_paths, open_log
from flyball.core.canonical import canonical
from flyball.core.clock import WallClock
from flyball.core.ids import Digest
from flyball.core.optional import extra
from flyball.data._sql import row_pushes
from flyball.data.contracts.outcome import decode_outcomes, encode_outcomes
from flyball.data.erasure._sqlstore import SqlErasures
from flyball.data.erasure.keys import Words
from flyball.data.model import DatasetVersion
from flyball.data.profiles import Sketcher
from flyball.data.quarantine._sql import quarantine_decisions
from flyball.data.rows import Rows
from flyball.pipelines._sql import steps
from flyball.storage._localjournal import LocalJournal
from flyball.storage.errors import os_errors

with extra("store"):
    from sqlalchemy import delete, func, select, update

SCRATCH = ("scratch", ".queries", ".querytables", ".pulls")
_ARROW, _PARQUET = b"ARROW1", b"PAR1"


@dataclass(frozen=True)
class Leftovers:
    """Of one home, which nobody else runs."""

    home: Home

    # -- journals

    def ship_predictions(self) -> bool:
        """Answers that were journalled are in tables, and no file of the journal holds them; whether there was a journal.

        Raises:
            HeldError: a model server writes it.
        """
        paths = journal_paths(self.home.path)
        with ExitStack() as stack:
            journals = {name: stack.enter_context(_written(path)) for name, path in paths.items()}
            open_log(self.home.path, self.home.tables, stores=self.home.stores).ship()
            for journal in journals.values():
                journal.forget()
        return bool(paths)

    def forget_rows(self, name: str) -> None:
        """No file of the dataset's journal holds rows that were applied.

        Raises:
            HeldError: a process takes its rows.
        """
        if (self.home.path / ROWS / name).exists():
            with _written(self.home.path / ROWS / name) as journal:
                journal.acknowledge(min(self.home.stores.pushes.get_position(name), journal.last))
                journal.forget()

    def waiting(self, name: str) -> int:
        """How many pushes to the dataset are not applied."""
        journal = LocalJournal.read(self.home.path / ROWS / name)
        return max(0, journal.last - max(self.home.stores.pushes.get_position(name), journal.acknowledged))

    # -- what was computed

    def remake_profile(self, version: DatasetVersion, words: Words) -> list[dict[str, str]]:
        """The version's profile, sketches and results say nothing of rows that are not there: what was made anew, from which to which."""
        if version.profile is None:
            return []
        frame = Rows(self.home.tables).read([version])
        sketcher = Sketcher(frame.schema)
        sketcher.add(frame)
        contents: dict[str, bytes] = {"profile": canonical(sketcher.summary()).encode()}
        if version.sketches is not None:
            contents["sketches"] = sketcher.encode()
        if version.results is not None and self.home.blobs.exists(version.results):
            outcomes = decode_outcomes(self.home.blobs.get(version.results))
            bare = [replace(found, examples=(), message="" if words.within(found.message) else found.message) for found in outcomes]
            contents["results"] = encode_outcomes(bare)
        made = {what: self.home.blobs.put(content) for what, content in contents.items()}
        before = {what: getattr(version, what) for what in made}
        changed = {what: digest for what, digest in made.items() if digest != before[what]}
        if changed:
            SqlErasures(self.home.stores.database).remake(version, changed)
        return [
            {"version": f"{version.dataset}@{version.number}", "what": what, "before": str(before[what]), "after": str(digest)}
            for what, digest in changed.items()
        ]

    def forget_steps(self) -> int:
        """No step has ever run; how many had. Their outputs hold rows, or what was computed from them, and are made again."""
        with self.home.stores.database.write() as connection:
            rows = int(connection.execute(select(func.count()).select_from(steps)).scalar_one())
            connection.execute(delete(steps))
        return rows

    def sweep(self) -> list[Digest]:
        """Nothing is stored that nobody refers to: snapshots of datasets, outputs of forgotten steps, profiles of before."""
        home = self.home
        used = Garbage(home.path, home.stores.database, home.blobs, home.stores.journal.recorder, home.stores.clock).used()
        before = WallClock().now()
        unused = [digest for digest in home.blobs.list() if digest not in used]
        return [digest for digest in unused if home.blobs.delete_unused(digest, before=before)]

    def holding(self, keys: pl.DataFrame) -> list[str]:
        """The blobs that hold rows of these keys, as far as they are tables."""
        return [digest for digest in self.home.blobs.list() if self._holds(digest, keys)]

    def _holds(self, digest: Digest, keys: pl.DataFrame) -> bool:
        path = self.home.blobs.open_path(digest)
        with path.open("rb") as file:
            head = file.read(6)
        if head != _ARROW and not head.startswith(_PARQUET):
            return False
        with suppress(pl.exceptions.PolarsError):
            scan = pl.scan_ipc(path) if head == _ARROW else pl.scan_parquet(path)
            schema = scan.collect_schema()
            if set(keys.columns) <= set(schema):
                texts = scan.select(pl.col(keys.columns).cast(pl.String, strict=False))
                wanted = keys.lazy().select(pl.all().cast(pl.String))
                return int(texts.join(wanted, on=keys.columns, how="semi").select(pl.len()).collect().item()) > 0
        return False

    # -- decisions and answers in the database

    def list_decisions(self, name: str) -> list[Mapping[str, Any]]:
        """What was decided of the dataset's quarantined rows."""
        asked = select(quarantine_decisions).where(quarantine_decisions.c.dataset == name)
        with self.home.stores.database.read() as connection:
            return [dict(row) for row in connection.execute(asked).mappings()]

    def forget_decisions(self, name: str, rows: Sequence[str]) -> int:
        """Nothing was decided of these rows, and no parcel holds them; how many decisions there were."""
        decided = [row for row in self.list_decisions(name) if row["row"] in set(rows)]
        for batch in sorted({row["batch"] for row in decided if row["batch"] is not None}):
            self.home.blobs.delete(batch)
        with self.home.stores.database.write() as connection:
            for row in decided:
                gone = quarantine_decisions.c
                connection.execute(delete(quarantine_decisions).where(gone.dataset == name, gone.row == row["row"]))
        return len(decided)

    def blank_answers(self, name: str, words: Words) -> int:
        """The answers to pushes that named a key say nothing of their rows; how many did."""
        count, pushed = 0, row_pushes.c
        with self.home.stores.database.write() as connection:
            for row in connection.execute(select(pushed.key, pushed.quarantined).where(pushed.dataset == name)).all():
                if words.within(json.dumps(row.quarantined, ensure_ascii=False)):
                    blank = [[number, "erased"] for number, _ in row.quarantined]
                    chosen = update(row_pushes).where(pushed.dataset == name, pushed.key == row.key)
                    connection.execute(chosen.values(quarantined=blank))
                    count += 1
        return count

    def settle_database(self) -> bool:
        """The database's file holds nothing that was deleted; False where it lies on a server, which sees to that itself."""
        path = self.home.path / DATABASE
        if self.home.stores.database.engine_name != "sqlite" or not path.exists():
            return False
        with closing(sqlite3.connect(path, timeout=60)) as connection:
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return True

    # -- copies

    def delete_copies(self) -> list[str]:
        """The online store, which is made anew from the tables, and scratch: what was there."""
        gone = ["the online store"] if empty_online(os.environ) else []
        with os_errors(self.home.path):
            for path in (self.home.path / f"{ONLINE}{end}" for end in ("", "-wal", "-shm")):
                if path.exists():
                    path.unlink()
                    gone.append(path.name)
            for folder in (self.home.path / name for name in SCRATCH):
                if folder.is_dir() and any(folder.iterdir()):
                    shutil.rmtree(folder, ignore_errors=True)
                    gone.append(folder.name)
        return gone


@contextmanager
def _written(path: Path) -> Iterator[LocalJournal]:
    journal = LocalJournal.write(path)
    try:
        yield journal
    finally:
        journal.close()
