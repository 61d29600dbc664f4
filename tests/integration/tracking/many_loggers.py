"""Run as a program: many processes log to one home at once, each to a run of its own and to one that all share.

python many_loggers.py URL PROCESSES ENTRIES
"""

from __future__ import annotations

import os
import sys

from flyball.core.clock import WallClock
from flyball.core.ids import RandomIds
from flyball.core.rand import SeededRandom
from flyball.storage._sqlstore import SqlEventLog
from flyball.storage.database import open_database
from flyball.storage.recorder import Recorder
from flyball.tracking.trackedrun import Metric
from flyball.tracking.tracking import open_tracking

BATCH = 50


def log(url: str, writer: int, *, entries: int, shared: str) -> None:
    """Half of the entries are single points, the others come in batches, with a tag and a param in each."""
    database = open_database(url)
    clock, ids = WallClock(), RandomIds()
    recorder = Recorder(SqlEventLog(database), clock=clock, ids=ids)
    tracking = open_tracking(database, clock=clock, ids=ids, random=SeededRandom(writer), recorder=recorder)
    own = tracking.runs.create("0", name=f"writer-{writer}").head.id
    for step in range(entries // 2):
        run = shared if step % 2 else own
        tracking.runs.log_metric(run, Metric(key="single", value=writer, time_ms=writer, step=step))
    for batch in range(entries // 2 // BATCH):
        points = [Metric(key=f"m{at}", value=writer, time_ms=writer, step=batch) for at in range(BATCH - 2)]
        tracking.runs.log_batch(own, metrics=points, params={f"p{batch}": str(writer)}, tags={"last": str(batch)})
    database.close()


def main(url: str, *, processes: int, entries: int) -> int:
    """The number of processes that failed."""
    database = open_database(url)
    clock, ids = WallClock(), RandomIds()
    recorder = Recorder(SqlEventLog(database), clock=clock, ids=ids)
    shared = (
        open_tracking(database, clock=clock, ids=ids, random=SeededRandom(0), recorder=recorder).runs.create("0", name="shared").head.id
    )
    database.close()
    children = []
    for writer in range(processes):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                log(url, writer, entries=entries, shared=shared)
                status = 0
            finally:
                os._exit(status)
        children.append(child)
    return sum(os.waitpid(child, 0)[1] != 0 for child in children)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], processes=int(sys.argv[2]), entries=int(sys.argv[3])))
