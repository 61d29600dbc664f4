"""One process's part of a scoring: its batches, each in the log and in the table once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import polars as pl

from flyball.app.remotejournals import RemoteJournals, Shipped
from flyball.app.scoring.asking import Asking
from flyball.app.scoring.job import BATCH_ROWS, CHUNK_ROWS, STEPS, Job
from flyball.app.scoring.source import Source
from flyball.serving.columns import storable
from flyball.serving.record import HOLE
from flyball.storage.tables import TableStore

Progress = Callable[[int], None]


async def run_part(home: Path, job: Job, *, source: Source, tables: TableStore, worker: int, progress: Progress = lambda _: None) -> int:
    """The batches of this process are scored; how many rows were now.

    The table says how far it is. A batch is in the log first, by the numbers of its chunks, and then in the table by its own: where it
    was cut off in between, it is scored again, and the log knows its entries.

    Raises:
        FlyballError: the version gave no answer, or something cannot be read or written; it goes on where it is when it is run again.
    """
    stream = job.stream(worker)
    done = tables.position(job.table, stream)
    rows = 0
    asking = await Asking.open(home, job, worker=worker)
    journals = RemoteJournals(home)
    try:
        asking.check(source.columns())
        for number, frame in source.batches():
            if number % job.workers != worker or number <= done or not frame.height:
                continue
            scored = await _score(asking, frame, first=(number - 1) * BATCH_ROWS + 1, take=lambda content: journals.take(stream, content))
            told = scored.with_columns(pl.lit(job.version, dtype=pl.Int64).alias("version"), pl.lit(job.name).alias("scoring"))
            tables.append_next(job.table, storable(told), stream=stream, position=number)
            rows += frame.height
            progress(rows)
    finally:
        journals.close()
        await asking.close()
    return rows


async def _score(asking: Asking, frame: pl.DataFrame, *, first: int, take: Callable[[bytes], int]) -> pl.DataFrame:
    parts: list[pl.DataFrame] = []
    entries: list[bytes] = []
    for start in range(0, frame.height, CHUNK_ROWS):
        found, payloads = await asking.ask(frame[start : start + CHUNK_ROWS], first=first + start)
        parts.append(found)
        entries += [*payloads[-1:], *([] if payloads else [HOLE])]  # a chunk is one record: one version was asked once
    position = (first - 1) // BATCH_ROWS * STEPS + 1
    take(msgspec.msgpack.encode(Shipped(position, entries + [HOLE] * (STEPS - len(entries)))))
    return pl.concat(parts)
