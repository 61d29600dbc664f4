"""The commits of Delta tables in a folder: what stands there now or stood at a version, and the next one, which one writer makes.

Who commits proposes what follows from the version that it saw; where another came first it sees the new version, and proposes again.
So two writers need no lock to lose nothing, wherever a file can be created by one alone.
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import polars as pl

from flyball.core.clock import WallClock
from flyball.core.errors import UnavailableError
from flyball.core.ids import RandomIds
from flyball.core.optional import extra
from flyball.storage._deltafolder import Folder
from flyball.storage._deltalog import State, decode, decode_checkpoint, encode
from flyball.storage.tableerrors import CommitUnknownError, TableLogError, TablesRefusedError, TablesUnguardedError

with extra("store"):
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

LOG = "_delta_log"
CHECKPOINT_EVERY = 100
_COMMIT = re.compile(r"(\d{20})\.json")
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint\.parquet")
_DECODED = re.compile(r"%[0-9A-Fa-f]{2}")  # the library reads this in a path as another character, and would look in another folder
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Proposal:
    """What a commit is to do; `facts` are kept in it for who looks."""

    operation: str
    actions: Sequence[Mapping[str, Any]]
    facts: Mapping[str, Any] = field(default_factory=dict)


def commit_name(table: str, version: int) -> str:
    """The file of a commit."""
    return f"{table}/{LOG}/{version:020}.json"


class DeltaHistory:
    """The commits of the tables in `folder`. Thread-safe; a state that was given is never changed."""

    def __init__(self, folder: Folder) -> None:
        self.folder, self._ids, self._clock = folder, RandomIds(), WallClock()
        self._held: dict[str, State] = {}

    def now(self) -> datetime:
        """The time by which files are old; real, whatever the home's clock says."""
        return self._clock.now()

    def now_ms(self) -> int:
        """The same, as the log has it."""
        return round(self.now().timestamp() * 1000)

    def current(self, table: str) -> State | None:
        """The table as it stands, or None where there is none."""
        held = self._held.get(table)
        state = None
        if held is not None:
            state = self._advanced(held)
            # Old commits may have been deleted under us: who finds no next one must find its own.
            if state.version == held.version and not self.folder.exists(commit_name(table, held.version)):
                state = None
        if state is None:
            state = self.at(table)
        if state is None:
            self._held.pop(table, None)
        else:
            self._held[table] = state
        return state

    def exists(self, table: str) -> bool:
        """Whether there is such a table, readable or not."""
        return self.folder.exists(commit_name(table, 0)) or self.folder.exists(f"{table}/{LOG}/_last_checkpoint")

    def forget_removed(self, table: str, names: set[str]) -> None:
        """What was deleted need not be remembered as removed."""
        held = self._held.get(table)
        if held is not None:
            state = held.copy()
            state.removed = {name: at for name, at in state.removed.items() if name not in names}
            self._held[table] = state

    def _advanced(self, held: State) -> State:
        state = held
        while (text := self.folder.read(name := commit_name(held.table, state.version + 1))) is not None:
            state = state.copy() if state is held else state
            state.apply(decode(held.table, text, name=name), version=state.version + 1)
        return state

    def list_versions(self, table: str) -> tuple[list[int], list[int]]:
        """The commits and the checkpoints that there are, ascending."""
        names = [file.name for file in self.folder.list(f"{table}/{LOG}")]
        commits = [int(found[1]) for name in names if (found := _COMMIT.fullmatch(name))]
        return commits, [int(found[1]) for name in names if (found := _CHECKPOINT.fullmatch(name))]

    def at(self, table: str, version: int | None = None) -> State | None:
        """The table as it stood at `version` (default: the latest); None where its commits are not there.

        Raises:
            TableLogError: a commit cannot be read.
            TableForeignError: it needs what we do not know.
        """
        commits, checkpoints = self.list_versions(table)
        if not commits and not checkpoints:
            return None
        last = max([*commits, *checkpoints]) if version is None else version
        state = self._from_checkpoint(table, [number for number in checkpoints if number <= last])
        there = set(commits)
        for number in range(state.version + 1, last + 1):
            name = commit_name(table, number)
            text = self.folder.read(name) if number in there else None
            if text is None:
                if version is None and state.version == -1:
                    raise TableLogError(table, name, reason="it is missing")
                return None if version is not None else state
            state.apply(decode(table, text, name=name), version=number)
        return state

    def _from_checkpoint(self, table: str, numbers: Sequence[int]) -> State:
        for number in reversed(numbers):
            state, text = State(table), self.folder.read(f"{table}/{LOG}/{number:020}.checkpoint.parquet")
            if text is None:
                continue
            try:
                frame = pl.read_parquet(io.BytesIO(text))
            except pl.exceptions.PolarsError as error:
                _logger.warning("The checkpoint %d of the table %s cannot be read, and is passed over: %s", number, table, error)
                continue
            state.apply(decode_checkpoint(frame), version=number, known=False)
            return state
        return State(table)

    def commit(self, table: str, propose: Callable[[State | None], Proposal | None]) -> int | None:
        """The version that holds what was proposed, which one commit makes; None when the proposal was to do nothing.

        `propose` is asked again whenever another writer came first.

        Raises:
            UnavailableError: the place cannot be written. Whether the commit is there is not known where no answer came: ask for it.
        """
        mark = self._ids.create("commit")
        while True:
            state = self.current(table)
            proposal = propose(state)
            if proposal is None:
                return None
            version = 0 if state is None else state.version + 1
            facts, name = {**proposal.facts, "txnId": mark}, commit_name(table, version)
            text = encode(proposal.actions, operation=proposal.operation, at_ms=self.now_ms(), facts=facts)
            # An answer may have been lost and the question repeated: then what stands there is ours.
            try:
                made = self.folder.create(name, text) or mark.encode() in (self.folder.read(name) or b"")
            except (TablesUnguardedError, TablesRefusedError):
                raise
            except UnavailableError as error:
                if self._stands(name, mark) is False:
                    raise
                raise CommitUnknownError(error) from error
            if made:
                after = State(table) if state is None else state.copy()
                after.apply(decode(table, text, name=name), version=version)
                self._held[table] = after
                if (version + 1) % CHECKPOINT_EVERY == 0:
                    self.checkpoint(table)
                return version

    def _stands(self, name: str, mark: str) -> bool | None:
        """Whether a commit that got no answer is there; None where that cannot be told either."""
        if not self.folder.alone:
            return None  # it may still be under way
        try:
            return mark.encode() in (self.folder.read(name) or b"")
        except UnavailableError:
            return None

    def checkpoint(self, table: str) -> bool:
        """Whether the table is read from here on, and not from its first commit. A table without one is slower, and no worse."""
        options, place = self.folder.options, self.folder.address(table)
        if _DECODED.search(place):
            return False
        try:
            DeltaTable(place, storage_options=None if options is None else dict(options)).create_checkpoint()
        except (DeltaError, OSError, ValueError) as error:
            _logger.warning("The table %s gets no checkpoint this time: %s", table, str(error).partition("\n")[0])
            return False
        return True

    def facts(self, table: str, version: int) -> Mapping[str, Any]:
        """What is told in the commit beside its actions; nothing where it is not there any more."""
        text = self.folder.read(commit_name(table, version))
        actions = [] if text is None else decode(table, text, name=commit_name(table, version))
        return next((action["commitInfo"] for action in actions if "commitInfo" in action), {})

    def time_of(self, table: str, version: int) -> datetime | None:
        """When the commit was made."""
        at_ms = self.facts(table, version).get("timestamp")
        return None if at_ms is None else datetime.fromtimestamp(at_ms / 1000, UTC)
