"""Run as a program: many processes write to one home's stores at once, each as much as it is told.

python many_writers.py HOME PROCESSES WRITES
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from flyball.core.events import Event
from flyball.core.ids import EventId
from flyball.storage._delta import DeltaTables
from flyball.storage._localblobs import LocalBlobs
from flyball.storage._sqlstore import SqlEventLog, SqlTimers
from flyball.storage.database import Database

START = datetime(2013, 1, 1, tzinfo=UTC)


def write(home: Path, writer: int, *, writes: int) -> None:
    """As in a home: mostly events, one in five a timer, one in a hundred a blob, two appends to a table.

    A blob and an append wait for the disk several times each; an ingest makes one append of thousands of rows.
    """
    database = Database.open(home / "home.db")
    log, timers = SqlEventLog(database), SqlTimers(database)
    blobs, tables = LocalBlobs(home / "blobs"), DeltaTables(home / "tables")
    for number in range(writes):
        name = f"{writer}-{number}"
        if number % 500 == 250:
            tables.append("rows", pl.DataFrame({"writer": [writer], "number": [number]}), job=name)
        elif number % 100 == 50:
            blobs.put(f"same-{number}".encode() if number % 200 == 50 else name.encode())
        elif number % 5 == 0:
            timers.set(name, START + timedelta(seconds=number), cause=EventId("why"))
        else:
            log.append(Event(EventId(name), "row.written", f"writer/{writer}", START, {"number": number}))
    database.close()


def main(home: Path, *, processes: int, writes: int) -> int:
    children = []
    for writer in range(processes):
        child = os.fork()  # nothing is open yet and no library works: a fork is safe, and costs no imports
        if child == 0:
            try:
                write(home, writer, writes=writes)
            except BaseException:  # noqa: BLE001  the rim of a process: whatever it was is told, and the parent counts it
                sys.excepthook(*sys.exc_info())
                os._exit(1)
            os._exit(0)
        children.append(child)
    return sum(os.waitpid(child, 0)[1] != 0 for child in children)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), processes=int(sys.argv[2]), writes=int(sys.argv[3])))
