"""A scoring that is asked for: what it reads, which version answers, and the processes that it is done by."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from flyball.app.location import PLAN
from flyball.app.querying import Reading, open_reading
from flyball.app.scoring.errors import NothingServedError, ScoringInputError, ScoringStoppedError, ScoringTableError
from flyball.app.scoring.job import SCORINGS, Job
from flyball.app.scoring.source import DatasetSource, FileSource, Source
from flyball.core.clock import Clock
from flyball.core.duration import microseconds
from flyball.core.errors import UnknownNameError
from flyball.pipelines import ExecutorPool, ProcessExecutor
from flyball.pipelines.errors import StepFailedError
from flyball.pipelines.executor import Executor, Work
from flyball.serving.errors import NotDeployedError, VersionNotServedError
from flyball.serving.following import PlanFile
from flyball.storage.tables import checked_table

PROCESSES, RAY = "processes", "ray"
PART = "flyball.app.scoring.part:score_part"
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


def run(home: Path, job: Job, *, executor: Executor) -> Scored:
    """All rows are scored, each part as a step of `executor`, which is closed.

    Raises:
        ScoringStoppedError: a part has ended before; what it did is kept.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=".step-", dir=home / SCORINGS) as scratch, ThreadPoolExecutor(job.workers) as pool:
            list(pool.map(executor.execute, [_part(home, job, worker=worker, scratch=Path(scratch)) for worker in range(job.workers)]))
    except StepFailedError as error:
        raise ScoringStoppedError(error.reason) from error
    finally:
        executor.close()
    return count(home, job)


def _part(home: Path, job: Job, *, worker: int, scratch: Path) -> Work:
    outputs = scratch / str(worker)
    outputs.mkdir()
    parameters = {"home": str(home), "job": job.name, "worker": worker}
    log = home / SCORINGS / f"{job.stream(worker)}.log"
    return Work(step="score", function=PART, parameters=parameters, context={}, inputs={}, outputs=str(outputs), log=str(log))


def executor_of(where: str, *, workers: int) -> Executor:
    """Processes of this host, Ray on this host ("ray"), or the cluster at an address ("ray://HOST:PORT", or "auto").

    Raises:
        MissingExtraError: Ray is not installed.
    """
    if where == PROCESSES:
        return ExecutorPool([ProcessExecutor() for _ in range(workers)])
    from flyball.pipelines._ray import RayExecutor

    return RayExecutor(None if where == RAY else where, cpus=workers if where == RAY else None)


def count(home: Path, job: Job) -> Scored:
    """What the table holds of the job."""
    with open_reading(home) as reading:
        if reading.tables.latest(job.table) is None:
            return Scored(job, 0, 0)
        mine = reading.tables.read(job.table).filter(pl.col("scoring") == job.name)
        rows, errors = mine.select(pl.len(), pl.col("error").is_not_null().sum()).collect().row(0)
    return Scored(job, int(rows), int(errors))
