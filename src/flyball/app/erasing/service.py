"""Erasing rows: what would go, and how it goes, in an order that a kill at any moment leaves to be ended by asking again.

First the keys are refused, then what waits in journals is brought to tables, then all tables are rewritten, then what was computed from
them is made anew or deleted, then everything is read again, and last the certificate says so. Only the owner of the home does it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from flyball.app.deed import Deed
from flyball.app.erasing.elsewhere import left_elsewhere, look_elsewhere
from flyball.app.erasing.leftovers import Leftovers
from flyball.app.erasing.searching import Found, Search
from flyball.app.home import Home
from flyball.app.liverows import open_live
from flyball.app.location import ERASURE_SECRET
from flyball.core.canonical import canonical, digest
from flyball.core.errors import UnknownNameError
from flyball.data.derivation.source import inputs_of
from flyball.data.erasure._sqlstore import SqlErasures, told_erasures
from flyball.data.erasure.errors import ErasureKeyUnknownError, ErasurePendingError
from flyball.data.erasure.keys import Keys, Marker, Words, cells_text
from flyball.data.erasure.model import Erasure
from flyball.data.model import Dataset
from flyball.data.quarantine.model import row_id
from flyball.data.rows import quarantine_name
from flyball.storage.tables import Rewritten

Json = dict[str, Any]
LEFT = (
    {"what": "files of sources", "why": "they are yours: the rows in them are refused as long as the keys are not allowed again"},
    {"what": "models", "why": "they are not trained again; those that were trained on these datasets are listed"},
    {"what": "events and contracts", "why": "they tell counts, reasons, ranges and categories, not rows"},
    {"what": "backtests", "why": "a world keeps decisions and figures; the rows that it replays are the home's"},
)


@dataclass(frozen=True)
class Eraser:
    """Erases in an open home, which the caller owns. `declared` are its project's datasets; `endpoints` what rows each answers for."""

    home: Home
    declared: Mapping[str, Dataset] = field(default_factory=dict)
    root: Path = Path()
    endpoints: Mapping[str, str] = field(default_factory=dict)

    # -- what a door asks

    def key_of(self, name: str) -> tuple[str, ...]:
        """The columns that identify rows of the dataset.

        Raises:
            UnknownNameError: there is no such dataset.
            ErasureKeyUnknownError: nobody says.
        """
        versions = self.home.data.list(name)
        if name in self.declared:
            return self.declared[name].key
        if not versions:
            known = {*self.declared, *(version.dataset for version in self.home.data.list())}
            raise UnknownNameError("dataset", name, known=sorted(known))
        if not versions[-1].key:
            raise ErasureKeyUnknownError(name)
        return versions[-1].key

    def concerned(self, name: str) -> tuple[str, ...]:
        """The dataset, those whose rows have the same key, and those that are derived from one of them and have its columns.

        Equal names of columns make an equal key. What is derived and has no such columns tells no rows of these keys.
        """
        key = set(self.key_of(name))
        keys = {version.dataset: version.key for version in self.home.data.list()}
        keys |= {other: dataset.key for other, dataset in self.declared.items()}
        found = {name, *(other for other, columns in keys.items() if set(columns) == key)}
        for other, dataset in self.declared.items():  # each stands behind its inputs
            if any(given.name in found for given in inputs_of(dataset)) and key <= self._columns(other):
                found.add(other)
        return tuple(sorted(found))

    def look(self, name: str, keys: Keys) -> Json:
        """What would be erased: {"dataset", "datasets", "keys", "rows", "tables", "versions"}; nothing is changed."""
        search = self._search(name, keys)
        return {"dataset": name, "datasets": list(search.datasets), "keys": len(keys.rows), **self._seen(search)}

    def erase(self, name: str, keys: Keys, *, deed: Deed) -> Json:
        """No row of these keys is anywhere in the home, and none comes in again; the certificate. Asked again, it ends what was begun.

        Raises:
            ErasurePendingError: rows wait in a journal, and no project says what they are.
            HeldError: a process writes a journal, or runs the home.
            UnavailableError: something cannot be written: ask again.
        """
        datasets = self.concerned(name)
        erasure, marks = self._begin(name, keys, datasets=datasets, deed=deed)
        self._apply(datasets)
        journal = self._left.ship_predictions()
        with self._turns(datasets):
            for dataset in datasets:
                self._left.forget_rows(dataset)
            search = self._search(name, keys)
            found = erasure.found
            if found is None:
                found = self._seen(search)
                self._erasures.set_found(erasure.job, found)
            done = self._erase(search, found, job=erasure.job)
            done["journals"] = [*(["predictions"] if journal else []), *(f"rows/{dataset}" for dataset in datasets)]
            return self._certify(replace(erasure, found=found), search, done=done, marks=marks)

    def allow(self, name: str, keys: Keys) -> int:
        """Rows of these keys are taken again; of how many keys they were refused."""
        return max(self._erasures.allow(dataset, marks) for dataset, marks in self._marks(self._search(name, keys)).items())

    def list_certificates(self, name: str) -> list[Json]:
        """The certificates, oldest first; an erasure that was begun and not ended has none, and says so."""
        return told_erasures(self._erasures, name, blobs=self.home.blobs)

    # -- the steps

    def _begin(self, name: str, keys: Keys, *, datasets: Sequence[str], deed: Deed) -> tuple[Erasure, Mapping[str, frozenset[str]]]:
        marks = self._marks(self._search(name, keys))
        base = digest([name, list(datasets), sorted(self._marker.mark(name, "\x1f".join(row)) for row in keys.rows)])[:32]
        before = [found for found in self._erasures.list(name) if found.job.startswith(f"{base}-")]
        unfinished = next((found for found in before if not found.done), None)
        if unfinished is not None:
            return unfinished, marks
        erasure = Erasure(
            job=f"{base}-{len(before) + 1}", dataset=name, keys=len(keys.rows), why=deed.why, actor=deed.actor,
            begun=self.home.stores.clock.now(),
        )  # fmt: skip
        self._erasures.create(erasure, marks)
        return erasure, marks

    def _apply(self, datasets: Sequence[str]) -> None:
        for name in datasets:
            if waiting := self._left.waiting(name):
                if name not in self.declared:
                    raise ErasurePendingError(name, waiting)
                live = open_live(self.home, root=self.root, environment={})
                try:
                    live.apply(self.declared[name])
                finally:
                    live.close()

    @contextmanager
    def _turns(self, datasets: Sequence[str]) -> Iterator[None]:
        """Nobody ingests anything: what is put and not named yet would pass for garbage."""
        names = sorted({*datasets, *self.declared, *(version.dataset for version in self.home.data.list())})
        with ExitStack() as stack:
            for name in (*(f"{name}.quarantine" for name in names), *names):
                stack.enter_context(self.home.data.turn(name))
            yield

    def _seen(self, search: Search) -> Json:
        """Counts by table and by version, as they are now."""
        tables: Counter[str] = Counter()
        versions: dict[str, int] = {}
        for found in search.find():
            rows = search.count(found)
            tables[found.table] += rows
            name = found.table.split(".")[1] if found.table.startswith("dataset.") else None
            if name is not None and rows:
                versions |= search.by_version(found, self.home.data.list(name))
        decisions = {name: self._decided(search, name) for name in search.datasets}
        return {"rows": tables.total(), "tables": dict(tables), "versions": versions, "decisions": decisions}

    def _erase(self, search: Search, found: Mapping[str, Any], *, job: str) -> Json:
        words = Words(search.texts())
        tables = [_told(each, self.home.tables.rewrite(each.table, each.drop, job=f"erase:{job}:{each.way}")) for each in search.find()]
        left, remade = self._left, []
        for name in search.datasets:
            for version in self.home.data.list(name):
                remade += left.remake_profile(version, words)
        decisions = sum(left.forget_decisions(name, rows) for name, rows in found["decisions"].items())
        answers = sum(left.blank_answers(name, words) for name in search.datasets)
        steps = left.forget_steps()
        blobs = [str(gone) for gone in left.sweep()]
        copies = left.delete_copies()
        return {
            "tables": [table for table in tables if table["rows"] or table["left_files"]], "remade": remade, "decisions": decisions,
            "answers": answers, "steps": steps, "blobs": blobs, "copies": copies, "database": left.settle_database(),
        }  # fmt: skip

    def _verify(self, search: Search, *, elsewhere: Sequence[Json]) -> Json:
        """Everything is read again: how many rows of these keys are found, and in which blobs."""
        found = [(each, search.count(each)) for each in search.find()]
        keys = search.keys.typed(dict.fromkeys(search.keys.columns, pl.String()))
        schemas = search.schemas()
        frames = [keys, *(search.keys.typed(schema) for schema in schemas)]
        blobs = sorted({blob for frame in frames for blob in self._left.holding(frame)})
        rows, waiting = sum(count for _, count in found), sum(self._left.waiting(name) for name in search.datasets)
        places = [place for place in elsewhere if place["rows"] != 0]
        clean = not rows and not blobs and not waiting and not places
        return {
            "clean": clean,
            "tables": len({each.table for each, _ in found}),
            "rows": rows,
            "blobs": blobs,
            "waiting": waiting,
            "elsewhere": places,
        }

    def _certify(self, erasure: Erasure, search: Search, *, done: Json, marks: Mapping[str, frozenset[str]]) -> Json:
        elsewhere = look_elsewhere(self.home.data, search.keys, datasets=search.datasets)
        left = [
            *LEFT,
            *left_elsewhere(elsewhere),
            *({"what": f"table {table['table']}", "why": _YOUNG} for table in done["tables"] if table["left_files"]),
        ]
        if not done["database"]:
            left.append({"what": "free pages of the database", "why": "its server frees them: VACUUM FULL, or wait"})
        found = dict(erasure.found or {})
        found.pop("decisions", None)
        home = self.home
        recorder = home.stores.journal.recorder.by(erasure.actor)
        certificate: Json = {
            "job": erasure.job, "done": True, "dataset": erasure.dataset, "datasets": list(search.datasets),
            "key": list(search.keys.columns), "keys": erasure.keys, "marks": {name: sorted(each) for name, each in marks.items()},
            "actor": erasure.actor, "why": erasure.why, "begun": erasure.begun.isoformat(), "ended": recorder.now().isoformat(),
            "found": found, **done, "models": self._models(search.datasets), "left": left,
            "verified": self._verify(search, elsewhere=elsewhere),
        }  # fmt: skip
        blob = home.blobs.put(canonical(certificate).encode())
        data = {
            "job": erasure.job, "keys": erasure.keys, "rows": found["rows"], "datasets": list(search.datasets),
            "tables": len(done["tables"]), "blobs": len(done["blobs"]), "certificate": blob, "clean": certificate["verified"]["clean"],
        }  # fmt: skip
        with home.stores.database.write():
            self._erasures.finish(erasure.job, blob)
            recorder.record("dataset.erased", f"dataset/{erasure.dataset}", data=data)
        return certificate

    # -- what these share

    @cached_property
    def _marker(self) -> Marker:
        return Marker.at(self.home.path / ERASURE_SECRET)

    @property
    def _erasures(self) -> SqlErasures:
        return SqlErasures(self.home.stores.database)

    @property
    def _left(self) -> Leftovers:
        return Leftovers(self.home)

    def _search(self, name: str, keys: Keys) -> Search:
        datasets = self.concerned(name)
        endpoints = frozenset(endpoint for endpoint, rows in self.endpoints.items() if rows in datasets)
        bare = Search(self.home.tables, keys, datasets, endpoints)
        repaired = {quarantine_name(dataset): self._repaired(bare, dataset) for dataset in datasets}
        return replace(bare, repaired=repaired)

    def _marks(self, search: Search) -> dict[str, frozenset[str]]:
        texts = search.texts()
        return {dataset: frozenset(self._marker.mark(dataset, text) for text in texts) for dataset in search.datasets}

    def _columns(self, name: str) -> set[str]:
        tables = [table for table in self.home.tables.list() if table.startswith(f"dataset.{name}.")]
        return {column for table in tables for column in self.home.tables.read(table).collect_schema()}

    def _aside(self, name: str) -> dict[str, tuple[str, str, int]]:
        """The quarantined rows of the dataset by their ids."""
        rows = self.home.data.quarantined(name)
        numbers = {version.digest: version.number for version in self.home.data.list(name)}
        places = rows.select("ingest", "file", "row").iter_rows()
        return {row_id(numbers[ingest], file, row=row): (ingest, file, row) for ingest, file, row in places}

    def _repaired(self, search: Search, name: str) -> list[tuple[str, str, int]]:
        """The places of quarantined rows that a person gave one of these keys."""
        decided = [row for row in self._left.list_decisions(name) if row["cells"]]
        if not decided:
            return []
        hits = search.same([cells_text(row["cells"], search.keys.columns) for row in decided])
        places = self._aside(name)
        return [places[row["row"]] for row, hit in zip(decided, hits, strict=True) if hit and row["row"] in places]

    def _decided(self, search: Search, name: str) -> list[str]:
        """The decided ones among the quarantined rows of these keys."""
        decided = {row["row"] for row in self._left.list_decisions(name)}
        if not decided:
            return []
        drop = [found.drop for found in search.find() if found.table == quarantine_name(name)]
        wanted = {place for frame in drop for place in frame.select("ingest", "file", "row").iter_rows()}
        return sorted(row for row, place in self._aside(name).items() if place in wanted and row in decided)

    def _models(self, datasets: Sequence[str]) -> list[str]:
        versions = self.home.stores.registry.list()
        return [f"{found.model}@{found.number}" for found in versions if set(datasets) & set(map(str, found.data_versions))]


def _told(found: Found, rewritten: Rewritten) -> Json:
    return {
        "table": found.table, "by": found.way, "version": rewritten.version, "rows": rewritten.rows, "files": list(rewritten.files),
        "deleted_files": rewritten.deleted_files, "left_files": rewritten.left_files,
    }  # fmt: skip


_YOUNG = "a file without a commit is younger than an hour: erase the same again later"
