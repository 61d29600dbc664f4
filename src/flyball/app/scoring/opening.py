"""A scoring that is asked for: what it reads, which version answers, and the processes that it is done by."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from flyball.app.location import PLAN
from flyball.app.querying import Reading, open_reading
from flyball.app.scoring.errors import NothingServedError, ScoringInputError, ScoringStoppedError, ScoringTableError
from flyball.app.scoring.job import Job
from flyball.app.scoring.source import DatasetSource, FileSource, Source
from flyball.core.clock import Clock
from flyball.core.duration import microseconds
from flyball.core.errors import UnknownNameError
from flyball.serving.errors import NotDeployedError, VersionNotServedError
from flyball.serving.following import PlanFile
from flyball.storage.errors import os_errors
from flyball.storage.tables import checked_table

MOST_WORKERS = 64
_OURS = ("dataset.", "quarantine.", "predictions", "deadletters.", "dead-letters.")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is asked for; `version` None is the champion."""

    endpoint: str
    source: str
    table: str
    version: int | None = None
    workers: int = 1


@dataclass(frozen=True)
class Scored:
    """How many rows the table has of the job now, and how many of these have an error."""

    job: Job
    rows: int
    errors: int


def source_of(given: str, reading: Reading) -> Source:
    """The file of that path, else the dataset of that name.

    Raises:
        ScoringInputError: there is neither.
    """
    path = Path(given)
    if path.is_file():
        found = FileSource(path.resolve())
        try:
            found.columns()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise ScoringInputError(given, str(error).partition("\n")[0]) from error
        return found
    return DatasetSource.of(given, versions=reading.versions, tables=reading.tables)


def begin(home: Path, wanted: Wanted, *, clock: Clock) -> Job:
    """The scoring, as it was begun before where it was.

    Raises:
        ScoringTableError, TableNameError: scores cannot go there.
        ScoringInputError: there is nothing to score.
        NothingServedError, UnknownNameError, NotDeployedError, VersionNotServedError: nobody answers there.
    """
    if checked_table(wanted.table).startswith(_OURS):
        raise ScoringTableError(wanted.table)
    version = _version(home, wanted)
    with open_reading(home) as reading:
        source = source_of(wanted.source, reading)
        job = Job(
            endpoint=wanted.endpoint, version=version, source=source.name, stand=source.stand, table=wanted.table,
            begun=microseconds(clock.now()), workers=wanted.workers,
        )  # fmt: skip
    return job.keep(home)


def _version(home: Path, wanted: Wanted) -> int:
    plan = PlanFile(home / PLAN).find()
    if plan is None:
        raise NothingServedError
    endpoint = next((found for found in plan.endpoints if found.endpoint == wanted.endpoint), None)
    if endpoint is None:
        raise UnknownNameError("endpoint", wanted.endpoint, known=[found.endpoint for found in plan.endpoints])
    number = wanted.version or endpoint.champion
    if number is None:
        raise NotDeployedError(wanted.endpoint)
    if all(found.number != number for found in endpoint.versions):
        raise VersionNotServedError(wanted.endpoint, number, known=[found.number for found in endpoint.versions])
    return number


def run(home: Path, job: Job, *, told: Callable[[int], None] = lambda _: None) -> Scored:
    """All rows are scored; `told` hears how many of this run are.

    Raises:
        ScoringStoppedError: a process has ended before; what it did is kept.
    """
    with os_errors(home):
        processes = [_started(home, job, worker=worker) for worker in range(job.workers)]
    try:
        done = 0
        for process in processes:
            assert process.stdout is not None
            last = 0
            for line in process.stdout:
                last = int(line)
                told(done + last)
            done += last
        failures = [process.communicate()[1].decode(errors="replace") for process in processes]
    finally:
        for process in processes:
            if process.poll() is None:
                process.terminate()
                process.wait()
    stopped = next((text for process, text in zip(processes, failures, strict=True) if process.returncode), None)
    if stopped is not None:
        raise ScoringStoppedError(stopped.strip().rpartition("\n")[2] or "a process was killed")
    return count(home, job)


def _started(home: Path, job: Job, *, worker: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "flyball.app.scoring", str(home), job.name, str(worker)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # noqa: S603  our own program


def count(home: Path, job: Job) -> Scored:
    """What the table holds of the job."""
    with open_reading(home) as reading:
        if reading.tables.latest(job.table) is None:
            return Scored(job, 0, 0)
        mine = reading.tables.read(job.table).filter(pl.col("scoring") == job.name)
        rows, errors = mine.select(pl.len(), pl.col("error").is_not_null().sum()).collect().row(0)
    return Scored(job, int(rows), int(errors))
