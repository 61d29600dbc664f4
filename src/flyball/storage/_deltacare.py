"""What keeps Delta tables quick and small, and what takes rows out of them for good."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote

import polars as pl

from flyball.core.ids import RandomIds
from flyball.storage._deltafolder import Folder
from flyball.storage._deltahistory import LOG, DeltaHistory, Proposal, commit_name
from flyball.storage._deltalog import State, TableFile, addition, decode, removal, stats_of
from flyball.storage.errors import TableSchemaError
from flyball.storage.tables import KEEP_LEAST, Rewritten, Vacuumed

ERASED, MERGED, KEPT = "flyball.erased", "merged", "kept"
_TARGET_BYTES = 64 << 20
_TOGETHER, _AT_ONCE = 16, 500  # so many files of about one size are worth merging; more than that need too many open at a time
_LOG_KEEP = timedelta(days=30)


class Merging:
    """Which files of a table are worth merging."""

    @staticmethod
    def groups(state: State) -> list[list[TableFile]]:
        """Files of about one size, sixteen or more, to be one file each group: so a row is rewritten once for every eightfold growth."""
        tiers: dict[int, list[TableFile]] = {}
        for file in state.files.values():
            if file.size_bytes < _TARGET_BYTES // 2:
                tiers.setdefault((file.size_bytes >> 12).bit_length() // 3, []).append(file)
        return [group for tier in tiers.values() if len(tier) >= _TOGETHER for group in Merging._packed(tier)]

    @staticmethod
    def _packed(files: list[TableFile]) -> Iterator[list[TableFile]]:
        group: list[TableFile] = []
        for file in files:
            if group and (len(group) >= _AT_ONCE or sum(one.size_bytes for one in group) + file.size_bytes > _TARGET_BYTES):
                yield group
                group = []
            group.append(file)
        if len(group) > 1:
            yield group


def merge(history: DeltaHistory, table: str, *, order: str | None, name: Callable[[], str]) -> int:
    """Merge what is worth it; how many files went into others. Who appends, reads or merges meanwhile loses nothing."""
    merged, state = 0, history.current(table)
    for group in [] if state is None else Merging.groups(state):
        merged += _merge(history, table, group=group, order=order, name=name())
    return merged


def _merge(history: DeltaHistory, table: str, *, group: list[TableFile], order: str | None, name: str) -> int:
    folder = history.folder

    def is_current() -> bool:
        state = history.current(table)
        return state is not None and all(file.name in state.files for file in group)

    try:
        frame = scan_files(history.folder, table, names=[file.name for file in group])
        rows = frame.collect() if order is None else frame.sort(order, maintain_order=True).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        if is_current():
            raise folder.failure(error) from error
        return 0  # somebody has merged or erased them
    size = folder.write_rows(f"{table}/{name}", rows)
    file = TableFile(name, size, rows.height, stats_of(rows))

    def propose(state: State | None) -> Proposal | None:
        # An erasure deletes what it does not know: then ours is gone, and holds what was erased.
        if state is None or any(one.name not in state.files for one in group) or not folder.exists(f"{table}/{name}"):
            return None
        at_ms = history.now_ms()
        gone = [removal(one, at_ms=at_ms, lost=False) for one in group]
        return Proposal("OPTIMIZE", [*gone, addition(file, at_ms=at_ms, new=False)])

    with folder.locked(table):
        version = history.commit(table, propose)
    if version is None:
        folder.delete([f"{table}/{name}"])
        return 0
    return len(group)


def collect_garbage(history: DeltaHistory, table: str, *, keep: timedelta) -> Vacuumed:
    """Delete what was replaced longer than `keep` ago, what killed writers left before that, and commits that nobody asks for any more."""
    folder, state = history.folder, history.current(table)
    if state is None:
        return Vacuumed(0, 0, 0)
    horizon = history.now() - keep
    old_ms = round(horizon.timestamp() * 1000)
    dead = []
    for file in folder.list(table):
        removed = state.removed.get(file.name)
        is_old = file.modified <= horizon if removed is None else removed <= old_ms
        if file.name not in state.files and is_old and _is_ours(file.name):
            dead.append(file)
    folder.delete(f"{table}/{file.name}" for file in dead)
    history.forget_removed(table, {name for name, at in state.removed.items() if at <= old_ms})
    commits = _forget_commits(history, table, before=min(horizon, history.now() - _LOG_KEEP), aside=horizon)
    return Vacuumed(len(dead), sum(file.size_bytes for file in dead), commits)


def _is_ours(name: str) -> bool:
    return name.endswith(".parquet") or name.startswith(".aside-")


def _forget_commits(history: DeltaHistory, table: str, *, before: datetime, aside: datetime) -> int:
    """Delete the log before the last checkpoint that is old enough; the oldest first, so that what stays is whole whenever this ends."""
    folder = history.folder
    files = folder.list(f"{table}/{LOG}")
    starts = [int(file.name[:20]) for file in files if file.name.endswith(".checkpoint.parquet") and file.modified <= before]
    start = max(starts, default=0)
    old = [file.name for file in files if file.name[:20].isdigit() and int(file.name[:20]) < start]
    left = [file.name for file in files if file.name.startswith(".aside-") and file.modified <= aside]
    folder.delete(f"{table}/{LOG}/{name}" for name in [*old, *left])
    return len(old)


@dataclass(frozen=True)
class _Rest:
    """What stays of a file without the rows that go, and how many go; `file` is None where nothing stays."""

    file: TableFile | None
    dropped: int


@dataclass
class Rewriting:
    """Takes the rows that `drop` names out of a table: out of what is read, out of all files, out of what the log tells of them."""

    history: DeltaHistory
    table: str
    drop: pl.DataFrame | pl.Expr
    _rests: dict[str, _Rest] = field(default_factory=dict)
    _ids: RandomIds = field(default_factory=RandomIds)

    def run(self, job: str) -> Rewritten:
        """Each step may be the last one: repeated under the same job, it ends what was begun and tells the same."""
        version = self.history.commit(self.table, lambda state: self._propose(state, job))
        state = self.history.current(self.table)
        if state is None:  # pragma: no cover - somebody has removed the table since
            raise self.history.folder.failure(FileNotFoundError(self.table))
        if version is None:
            version = state.txns[job].version
        told = {} if version is None else self.history.facts(self.table, version).get("erasure", {})
        deleted, left = self._purge(state)
        return Rewritten(
            version=state.version if version is None else version, rows=told.get("rows", 0), files=tuple(told.get("files", ())),
            deleted_files=deleted, left_files=left,
        )  # fmt: skip

    def _propose(self, state: State | None, job: str) -> Proposal | None:
        if state is None or job in state.txns:
            return None
        for name, file in state.files.items():
            if name not in self._rests:
                self._rests[name] = self._rest(state, file)
        hit = {name: rest for name in state.files if (rest := self._rests[name]).dropped}
        at_ms = self.history.now_ms()
        actions: list[dict[str, Any]] = [removal(state.files[name], at_ms=at_ms, lost=True) for name in hit]
        actions += [addition(rest.file, at_ms=at_ms, new=True) for rest in hit.values() if rest.file is not None]
        for name, position in ((job, 1), (ERASED, state.version + 1)):
            actions.append({"txn": {"appId": name, "version": position, "lastUpdated": at_ms}})
        rows = sum(rest.dropped for rest in hit.values())
        return Proposal("DELETE", actions, {"erasure": {"rows": rows, "files": sorted(hit)}})

    def _rest(self, state: State, file: TableFile) -> _Rest:
        scan = scan_files(self.history.folder, self.table, names=[file.name])
        try:
            dropped = self._matching(scan, state.schema).select(pl.len()).collect().item()
            kept = self._others(scan).collect() if dropped else None
        except pl.exceptions.ColumnNotFoundError as error:
            raise TableSchemaError(self.table, [str(error).partition("\n")[0]]) from error
        except (pl.exceptions.PolarsError, OSError) as error:
            raise self.history.folder.failure(error) from error
        if kept is None or not kept.height:
            return _Rest(None, dropped)
        name = f"{self._ids.create(KEPT)}.parquet"
        size = self.history.folder.write_rows(f"{self.table}/{name}", kept)
        return _Rest(TableFile(name, size, kept.height, stats_of(kept)), dropped)

    def _matching(self, scan: pl.LazyFrame, schema: pl.Schema) -> pl.LazyFrame:
        if isinstance(self.drop, pl.Expr):
            return scan.filter(self.drop)
        problems = [f"the key {name!r} has dtype {dtype} instead of {schema.get(name)}" for name, dtype in self.drop.schema.items()
                    if schema.get(name) != dtype]  # fmt: skip
        if problems or not self.drop.width:
            raise TableSchemaError(self.table, problems or ["the keys have no columns"])
        return scan.join(self.drop.lazy(), on=self.drop.columns, how="semi", nulls_equal=True)

    def _others(self, scan: pl.LazyFrame) -> pl.LazyFrame:
        if isinstance(self.drop, pl.Expr):
            return scan.filter(~self.drop.fill_null(value=False))
        return scan.join(self.drop.lazy(), on=self.drop.columns, how="anti", nulls_equal=True, maintain_order="left")

    def _purge(self, state: State) -> tuple[int, int]:
        """Delete every file that no row is read from any more, and what the log and its checkpoints tell of their content."""
        folder, dead, left = self.history.folder, [], 0
        known = self._forget_stats(state)
        for file in folder.list(self.table):
            if file.name in state.files or not _is_ours(file.name):
                continue
            if folder.alone or file.name in known or self._may_go(file.name, file.modified, state=state):
                dead.append(f"{self.table}/{file.name}")
            elif self._holds(file.name, state):
                left += 1
        folder.delete(dead)
        self.history.forget_removed(self.table, set(state.removed))
        if state.version >= 0:
            self._renew_checkpoint()
        return len(dead), left

    def _may_go(self, name: str, modified: datetime, *, state: State) -> bool:
        """Where others may be writing, what no commit names may be theirs. A merge of what was erased can only fail; an append need not."""
        if modified <= self.history.now() - KEEP_LEAST:
            return True
        return name.startswith((MERGED, KEPT)) and self._holds(name, state)

    def _holds(self, name: str, state: State) -> bool:
        try:
            found: int = (
                self._matching(scan_files(self.history.folder, self.table, names=[name]), state.schema).select(pl.len()).collect().item()
            )
        except (pl.exceptions.PolarsError, OSError):
            return False
        return found > 0

    def _forget_stats(self, state: State) -> set[str]:
        """What commits tell of dead files' content is their number of rows; the names of all files that commits up to `state` put there.

        What was committed since then is alive, and none of ours.
        """
        known: set[str] = set(state.removed)
        for version in (number for number in self.history.list_versions(self.table)[0] if number <= state.version):
            name = commit_name(self.table, version)
            text = self.history.folder.read(name)
            actions = [] if text is None else decode(self.table, text, name=name)
            changed = False
            for action in actions:
                if "add" in action:
                    add = action["add"]
                    path = unquote(add["path"])
                    known.add(path)
                    changed |= path not in state.files and _strip(add)
            if changed:
                self.history.folder.replace(name, "\n".join(json.dumps(action, ensure_ascii=False) for action in actions).encode())
        return known

    def _renew_checkpoint(self) -> None:
        folder, table = self.history.folder, self.table
        numbers = self.history.list_versions(table)[1]
        if not numbers:
            return
        if not self.history.checkpoint(table):
            raise folder.failure(OSError("no new checkpoint could be written, and the old one tells what was erased; erase again"))
        folder.delete(
            f"{table}/{LOG}/{number:020}.checkpoint.parquet" for number in numbers if number < max(self.history.list_versions(table)[1])
        )


def _strip(add: dict[str, Any]) -> bool:
    stats = json.loads(add["stats"]) if add.get("stats") else {}
    if set(stats) <= {"numRecords"}:
        return False
    add["stats"] = json.dumps({"numRecords": stats.get("numRecords")})
    return True


def scan_files(folder: Folder, table: str, *, names: Iterable[str]) -> pl.LazyFrame:
    """The rows of files of a table."""
    options = folder.options
    places = [folder.address(f"{table}/{name}") for name in names]
    return pl.scan_parquet(places, glob=False, hive_partitioning=False, storage_options=None if options is None else dict(options))
