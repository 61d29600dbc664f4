"""How much of the disk's and the drivers' own speed the stores keep: each figure beside its limit, measured in the same run.

python bench/storage.py [--quick]
"""

from __future__ import annotations

import os
import sqlite3
import statistics
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
from deltalake import write_deltalake

from flyball.core.clock import MonotonicTimer
from flyball.core.events import Event
from flyball.core.ids import EventId, RandomIds
from flyball.storage._delta import DeltaTables
from flyball.storage._localblobs import LocalBlobs
from flyball.storage._localjournal import LocalJournal
from flyball.storage._sqljobs import SqlJobs
from flyball.storage._sqlstore import SqlEventLog, SqlTimers
from flyball.storage.database import Database

START = datetime(2013, 1, 1, tzinfo=UTC)
ROUNDS = 5
TIMER = MonotonicTimer()


def per_second(work: Callable[[int], object], count: int) -> float:
    """Median over rounds; every call gets a number of its own."""
    rates = []
    for turn in range(ROUNDS):
        begin = TIMER.seconds()
        for number in range(turn * count, (turn + 1) * count):
            work(number)
        rates.append(count / (TIMER.seconds() - begin))
    return statistics.median(rates)


def tell(what: str, ours: float, *, limit: float, peer: str) -> None:
    """One line: our rate, the limit's, and the share we keep."""
    print(f"{what:<34}{ours:>10,.0f}/s   {limit:>10,.0f}/s {peer:<28}{ours / limit:>6.2f} of it")


def sql(place: Path, count: int) -> None:
    """One event per commit, and a thousand in one, against the bare driver on a copy of the same schema."""
    database = Database.open(place / "home.db")
    Database.open(place / "raw.db").close()
    raw = sqlite3.connect(place / "raw.db", isolation_level=None)
    raw.execute("PRAGMA synchronous=NORMAL")
    log = SqlEventLog(database)
    insert = "INSERT INTO events (id, type, subject, time, actor, data) VALUES (?, 'a.b', 's', 0, 'system', '{}')"

    def bare(number: int) -> None:
        raw.execute("BEGIN IMMEDIATE")
        raw.execute(insert, (f"e{number}",))
        raw.execute("COMMIT")

    ours = per_second(lambda number: log.append(Event(EventId(f"e{number}"), "a.b", "s", START)), count)
    tell("events, one per commit", ours, limit=per_second(bare, count), peer="sqlite3 driver")
    with database.write():
        ours = per_second(lambda number: log.append(Event(EventId(f"f{number}"), "a.b", "s", START)), count)
    raw.execute("BEGIN IMMEDIATE")
    limit = per_second(lambda number: raw.execute(insert, (f"f{number}",)), count)
    raw.execute("COMMIT")
    tell("events, all in one commit", ours, limit=limit, peer="sqlite3 driver")
    ours = per_second(lambda number: log.get(EventId(f"e{number}")), count)
    tell(
        "events by id",
        ours,
        limit=per_second(lambda number: raw.execute("SELECT * FROM events WHERE id = ?", (f"e{number}",)).fetchone(), count),
        peer="sqlite3 driver",
    )
    timers = SqlTimers(database)
    print(f"{'timers, set and fired':<34}{per_second(lambda number: _set_and_fire(timers, number), count):>10,.0f}/s")
    raw.close()
    database.close()


def _set_and_fire(timers: SqlTimers, number: int) -> None:
    timers.set(f"t{number}", START, cause=EventId("why"))
    timers.fire(f"t{number}", START)


def blobs(place: Path, count: int) -> None:
    """64 KiB per blob, durable, against one write and one fsync of a file."""
    store, content = LocalBlobs(place / "blobs"), os.urandom(1 << 16)
    (place / "raw").mkdir()

    def bare(number: int) -> None:
        descriptor = os.open(place / "raw" / str(number), os.O_WRONLY | os.O_CREAT)
        os.write(descriptor, content)
        os.fsync(descriptor)
        os.close(descriptor)

    ours = per_second(lambda number: store.put(number.to_bytes(4) + content), count)
    tell("blobs of 64 KiB put", ours, limit=per_second(bare, count), peer="write + fsync")
    digests = list(store.list())
    files = sorted((place / "raw").iterdir())
    ours = per_second(lambda number: store.get(digests[number]), count)
    tell("blobs of 64 KiB got, verified", ours, limit=per_second(lambda number: files[number].read_bytes(), count), peer="read")


def tables(place: Path, count: int) -> None:
    """1,000 rows per commit against the library alone, which checks neither jobs nor dtypes and syncs nothing."""
    rows = pl.DataFrame({"number": range(1000), "text": [str(number) for number in range(1000)]})
    store, bare = DeltaTables(place / "tables"), place / "bare"
    ours = per_second(lambda number: store.append("t", rows, job=f"j{number}"), count)
    tell(
        "appends of 1,000 rows",
        ours,
        limit=per_second(lambda _: write_deltalake(bare, rows, mode="append"), count),
        peer="write_deltalake, not synced",
    )


def journals(place: Path, count: int) -> None:
    """Entries of 1,000 bytes against one bare write each of the same bytes; read back a thousand at a time."""
    payload = os.urandom(1000)
    descriptor = os.open(place / "raw.log", os.O_WRONLY | os.O_CREAT)
    writer = LocalJournal.write(place / "journal")
    ours = per_second(lambda _: writer.append(payload), count)
    tell("journal entries of 1 kB", ours, limit=per_second(lambda _: os.write(descriptor, payload), count), peer="os.write")
    reader, position = LocalJournal.read(place / "journal"), 0
    begin = TIMER.seconds()
    while found := reader.read_after(position):
        position = found[-1].position
    print(f"{'journal entries read':<34}{position / (TIMER.seconds() - begin):>10,.0f}/s")
    polls = per_second(lambda _: reader.read_after(position), 1000)
    print(f"{'journal polls that find nothing':<34}{polls:>10,.0f}/s")
    os.close(descriptor)
    writer.close()
    with closing(LocalJournal.write(place / "durable", fsync="each")) as durable:
        tell(
            "journal entries, each synced",
            per_second(lambda _: durable.append(payload), 20),
            limit=_synced(place, payload),
            peer="write + fsync",
        )


def jobs(place: Path, count: int) -> None:
    """A job from its creation to its end, four commits, and what an idle worker's question costs."""
    database = Database.open(place / "jobs.db")
    queue = SqlJobs(database, ids=RandomIds(), timer=TIMER)

    def whole(number: int) -> None:
        queue.create("k", lane="a", payload={}, key=str(number))
        job = queue.claim(["a"], "ann")
        assert job is not None
        queue.renew(job)
        with database.write():
            queue.check(job)
            queue.finish(job)

    print(f"{'jobs from creation to end':<34}{per_second(whole, count):>10,.0f}/s")
    print(f"{'claims that find nothing':<34}{per_second(lambda _: queue.claim(['a'], 'ann'), count):>10,.0f}/s")
    print(f"{'looks for silent workers':<34}{per_second(lambda _: queue.recover(), count):>10,.0f}/s")
    database.close()


def _synced(place: Path, payload: bytes) -> float:
    with (place / "synced.log").open("wb", buffering=0) as file:

        def bare(_: int) -> None:
            file.write(payload)
            os.fsync(file.fileno())

        return per_second(bare, 20)


def opening(place: Path) -> None:
    """A fresh database, as each world of a backtest opens one; the first pays for the import of Alembic."""
    names = iter(range(1_000_000))
    begin = TIMER.seconds()
    Database.open(place / "first.db").close()
    first = TIMER.seconds() - begin
    fresh = 1 / per_second(lambda _: Database.open(place / f"{next(names)}.db").close(), 3)
    again = 1 / per_second(lambda _: Database.open(place / "first.db").close(), 20)
    print(f"{'open: first, fresh, again':<34}{first * 1e3:>7.0f} ms {fresh * 1e3:>7.0f} ms {again * 1e3:>7.1f} ms")


def main() -> None:
    """Measure everything in a directory that is thrown away."""
    share = 5 if "--quick" in sys.argv[1:] else 1
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        opening(place)
        sql(place, 1_000 // share)
        blobs(place, 50 // share)
        tables(place, 20 // share)
        journals(place, 20_000 // share)
        jobs(place, 500 // share)


if __name__ == "__main__":
    main()
