"""The datasets of a home for its doors: what stands there, the evidence on each version, and a person's decisions."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from flyball.app.datahealth import Condition, health, seconds_since
from flyball.app.dataplane import AsideRows, Readmit, Versions
from flyball.app.datatelling import failed_in, figures, files_told, left_told, results_over_time, row_told, version_told
from flyball.app.deed import Deed, Json
from flyball.app.home import Home
from flyball.core.clock import Clock
from flyball.core.errors import FlyballError, UnknownNameError
from flyball.core.ids import Digest
from flyball.data.contracts.model import Contract
from flyball.data.contractwriting import write_yaml
from flyball.data.erasure._sqlstore import SqlErasures, told_erasures
from flyball.data.model import Dataset, DatasetVersion, VersionState
from flyball.data.profiles import compare
from flyball.data.profiling import Profiling
from flyball.data.quarantine._sqlstore import SqlDecisions
from flyball.data.quarantine.errors import RowStateError
from flyball.data.quarantine.model import Look, RowState, Wanted, Word
from flyball.data.quarantine.reading import QuarantineReader
from flyball.data.quarantine.service import Quarantine
from flyball.data.quarantine.store import DecisionStore
from flyball.data.service import DataService
from flyball.data.store import Heads

EXAMPLES = 10


@dataclass(frozen=True)
class DataDesk:
    """A `DataPlane`. `declared` are the project's datasets, whose file lies in `root`; `changed` hears of what a person decided."""

    data: DataService
    decisions: DecisionStore
    clock: Clock
    declared: Mapping[str, Dataset] = field(default_factory=dict)
    root: Path | None = None
    changed: Callable[[], None] = lambda: None
    erasures: SqlErasures | None = None

    # -- what is looked at

    def list_datasets(self) -> Json:
        found = {heads.dataset: heads for heads in self.data.versions.list_heads()}
        return {"datasets": [self._dataset(found.get(name) or Heads(dataset=name)) for name in sorted({*found, *self.declared})]}

    def get_dataset(self, name: str, page: Versions) -> Json:
        heads = self._heads(name)
        found = self.data.versions.list_latest(name, limit=page.limit + 1, before=page.before)
        shown = found[: page.limit]
        return {
            "dataset": self._dataset(heads),
            "versions": [version_told(version, failed=failed_in(self._results(version))) for version in shown],
            "next": shown[-1].number if len(found) > page.limit else None,
        }

    def get_version(self, name: str, number: int) -> Json:
        version = self._get(name, number)
        results = self._results(version)
        parent = next((found for found in reversed(self.data.content(version)) if found.number < number), None)
        return {
            "version": {**version_told(version, failed=failed_in(results)), "files": files_told(version)},
            "profile": self._blob(version.profile) or {},
            "results": results,
            "contract": self._blob(version.contract),
            "parent": None if parent is None else parent.number,
            "difference": None if parent is None else self._added(version, parent),
            "quarantine": self._aside(version),
        }

    def get_difference(self, name: str, before: int, *, after: int) -> Json:
        for number in (before, after):
            self._get(name, number)
        found = Profiling(self.data).compare(name, before=before, after=after)
        return {"from": before, "to": after, **_plain(found.as_json())}

    def get_contract(self, name: str) -> Json:
        versions = self._heads(name).versions
        judged = versions[-1].contract if versions else None
        files = self.data.contract_files(self.root)
        contract, text = self._find_contract(name), files.find_text(name)
        if contract is not None and text is None:
            text = write_yaml(contract)
        recorded = self._blob(judged) if contract is None else json.loads(contract.encode())
        digest = judged if contract is None else contract.digest
        path = files.path(name).name if text is not None and files.path(name).is_file() else None
        return {"contract": recorded, "text": text, "digest": digest, "judged": judged, "path": path}

    def list_results(self, name: str, limit: int) -> Json:
        self._heads(name)
        versions = self.data.versions.list_latest(name, limit=limit, judged=True)
        return {"checks": results_over_time([(version, self._results(version)) for version in reversed(versions)])}

    def list_quarantine(self, name: str, wanted: AsideRows) -> Json:
        self._heads(name)
        if wanted.version is not None:
            self.data.get(name, wanted.version)
        known = [state.value for state in RowState]
        if wanted.state not in {None, *known}:
            raise RowStateError(str(wanted.state), known)
        state = None if wanted.state is None else RowState(wanted.state)
        page = self._quarantine.list(name, Look(version=wanted.version, state=state, limit=wanted.limit, token=wanted.token))
        return {"rows": [row_told(row) for row in page.rows], "next": page.next}

    def list_erasures(self, name: str) -> Json:
        self._heads(name)
        return {"erasures": [] if self.erasures is None else told_erasures(self.erasures, name, blobs=self.data.blobs)}

    # -- what a person decides

    def release(self, name: str, number: int, *, deed: Deed) -> Json:
        self._get(name, number)
        return self._decided(self._by(deed).accept(name, number, cause=None, why=deed.why))

    def reject(self, name: str, number: int, *, deed: Deed) -> Json:
        self._get(name, number)
        return self._decided(self._by(deed).reject(name, number, cause=None, why=deed.why or "decision"))

    def repair(self, name: str, rows: Sequence[tuple[str, Mapping[str, Any]]], *, deed: Deed) -> Json:
        found = self._quarantine.repair(self._declared(name), dict(rows), word=Word(deed.actor, deed.why))
        return {"rows": left_told(found)}

    def readmit(self, name: str, wanted: Readmit, *, deed: Deed) -> Json:
        chosen = Wanted(ids=wanted.ids, version=wanted.version, as_declared=wanted.as_declared)
        if wanted.version is not None:
            self._get(name, wanted.version)
        found = self._quarantine.readmit(self._declared(name), chosen, word=Word(deed.actor, deed.why))
        self.changed()
        told = None if found.version is None else version_told(found.version, failed=failed_in(self._results(found.version)))
        return {"version": told, "readmitted": found.readmitted, "duplicates": found.duplicates, "left": left_told(found.left)}

    # -- what these share

    @property
    def _quarantine(self) -> Quarantine:
        return Quarantine(data=self.data, decisions=self.decisions, clock=self.clock, root=self.root)

    def _by(self, deed: Deed) -> DataService:
        return replace(self.data, recorder=self.data.recorder.by(deed.actor))

    def _decided(self, version: DatasetVersion) -> Json:
        self.changed()
        return {"version": version_told(version, failed=failed_in(self._results(version)))}

    def _declared(self, name: str) -> Dataset:
        if name not in self.declared:
            raise UnknownNameError("dataset", name, known=self.declared)
        return self.declared[name]

    def _heads(self, name: str) -> Heads:
        found = self.data.versions.list_heads(name)
        if not found and name not in self.declared:
            known = {*self.declared, *(heads.dataset for heads in self.data.versions.list_heads())}
            raise UnknownNameError("dataset", name, known=sorted(known))
        return found[0] if found else Heads(dataset=name)

    def _get(self, name: str, number: int) -> DatasetVersion:
        self._heads(name)
        return self.data.get(name, number)

    def _dataset(self, heads: Heads) -> Json:
        name, now = heads.dataset, self.clock.now()
        dataset = self.declared.get(name)
        contract, trouble = self._contract_or_trouble(name)
        latest = next((version for version in reversed(heads.versions) if version.state is VersionState.ACCEPTED), None)
        condition = Condition(
            dataset=dataset, contract=contract, versions=heads.versions, waiting=self._quarantine.count_waiting(heads),
            failed=() if latest is None else failed_in(self._results(latest)), now=now, trouble=trouble,
        )  # fmt: skip
        word, why = health(condition)
        newest = condition.newest
        return {
            "name": name,
            "source": dataset.source.describe() if dataset is not None else newest.source if newest is not None else None,
            "key": list(dataset.key) if dataset is not None else list(newest.key) if newest is not None and newest.key else None,
            "event_time": None if dataset is None else dataset.event_time,
            "known": None if dataset is None else dataset.known_rule(),
            **figures(newest),
            "accepted": None if latest is None else latest.number,
            "held": condition.held,
            "waiting": condition.waiting,
            "freshness": {
                "event_seconds": seconds_since(None if latest is None else latest.latest_event_time, now),
                "ingest_seconds": seconds_since(None if newest is None else newest.ingested_at, now),
            },
            "health": word,
            "reasons": why,
        }

    def _find_contract(self, name: str) -> Contract | None:
        return self.data.find_contract(self.declared[name], self.root) if name in self.declared else None

    def _contract_or_trouble(self, name: str) -> tuple[Contract | None, str | None]:
        try:
            return self._find_contract(name), None
        except FlyballError as error:
            return None, str(error)

    def _results(self, version: DatasetVersion) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._blob(version.results) or []
        return found

    def _blob(self, digest: Digest | None) -> Any:
        return None if digest is None else json.loads(self.data.blobs.get(digest))

    def _added(self, version: DatasetVersion, parent: DatasetVersion) -> Json:
        """What is other in the rows that the version added than in the content before it."""
        profiling = Profiling(self.data)
        found = compare(profiling.get(version.dataset, parent.number), profiling.get_added(version.dataset, version.number))
        return {"from": parent.number, "to": version.number, **_plain(found.as_json())}

    def _aside(self, version: DatasetVersion) -> Json:
        if not version.quarantined:
            return {"rows": 0, "reasons": [], "examples": []}
        rows = self._quarantine.list(version.dataset, Look(version=version.number, limit=EXAMPLES)).rows
        why = QuarantineReader(self.data.tables, self.data.versions).list_reasons(version)
        return {
            "rows": version.quarantined,
            "reasons": [list(pair) for pair in why],
            "examples": [row_told(row) for row in rows],
        }


def _plain(value: Mapping[str, Any]) -> Json:
    """The same, as JSON has it."""
    found: Json = msgspec.json.decode(msgspec.json.encode(value))
    return found


def desk_of(home: Home, declared: Mapping[str, Dataset] | None = None, *, root: Path | None = None) -> DataDesk:
    """The datasets of an open home; `declared` are those of its project, whose file lies in `root`."""
    database = home.stores.database
    return DataDesk(home.data, SqlDecisions(database), home.stores.clock, declared or {}, root, erasures=SqlErasures(database))
