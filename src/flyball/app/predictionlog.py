"""The prediction log of a home: where its journals are, and who is told of losses.

::

    HOME/journal/predictions    what the model server, or its first worker, answered; predictions-K  what its other workers did
    HOME/journal/records        what systems of others have sent
    HOME/journal/servers/NAME   what a model server on another host has answered
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from flyball.app.location import PREDICTIONS, RECORDS, SERVERS
from flyball.app.stores import Stores
from flyball.core.duration import EPOCH, MICROSECOND
from flyball.serving.log import PredictionLog, Told
from flyball.serving.record import Lost
from flyball.storage._localjournal import LocalJournal
from flyball.storage.tables import TableStore

_WORKER = re.compile(rf"{PREDICTIONS.name}(-\d+)?", re.ASCII)


def journal_paths(home: Path) -> dict[str, Path]:
    """Where the journals of the home's predictions are that there are now, by the names of their streams."""
    found = {name: home / PREDICTIONS.parent / name for name in _listed(home / PREDICTIONS.parent) if _WORKER.fullmatch(name)}
    if (home / RECORDS).is_dir():
        found[RECORDS.name] = home / RECORDS
    found |= {f"server/{name}": home / SERVERS / name for name in _listed(home / SERVERS)}
    return dict(sorted(found.items()))


def _listed(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208  asked every second
    except (FileNotFoundError, NotADirectoryError):
        return []


class HomeJournals:
    """The journals of a home's predictions, as they come; each is read by one reader."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._known: dict[str, LocalJournal] = {}

    def __call__(self) -> Mapping[str, LocalJournal]:
        """Those that there are now, or were."""
        for name, path in journal_paths(self._home).items():
            if name not in self._known:
                self._known[name] = LocalJournal.read(path)
        return dict(self._known)


def open_log(home: Path, tables: TableStore, *, stores: Stores) -> PredictionLog:
    """The prediction log; for the home's owner, since a log has one reader that ships. What was lost becomes events."""
    recorder = stores.journal.recorder

    def tell(stream: str, lost: Lost) -> None:
        span = {} if not lost.end else {"since": _moment(lost.start), "until": _moment(lost.end)}
        data = {"rows": lost.rows, "why": lost.why, "journal": stream.removeprefix("predictions/"), **span}
        recorder.record("predictions.lost", f"endpoint/{lost.endpoint}" if lost.endpoint else "home", data=data)

    told = Told(stores.journal.transactions.write, tell)
    return PredictionLog(HomeJournals(home), tables, positions=stores.positions, told=told)


def _moment(stamp: int) -> str:
    return (EPOCH + stamp * MICROSECOND).isoformat()
