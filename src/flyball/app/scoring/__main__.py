"""One process of a scoring: ``python -m flyball.app.scoring HOME JOB WORKER``; prints how many rows it has scored, line by line."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from flyball.app.querying import open_reading
from flyball.app.scoring.job import Job
from flyball.app.scoring.opening import source_of
from flyball.app.scoring.running import run_part
from flyball.core.errors import FlyballError


def main(home: Path, name: str, *, worker: int) -> int:
    """Score this process's part; the exit code."""
    job = Job.load(home, name)

    def say(rows: int) -> None:
        sys.stdout.write(f"{rows}\n")
        sys.stdout.flush()

    try:
        with open_reading(home) as reading:
            source = source_of(job.source.removeprefix("dataset/"), reading)
            asyncio.run(run_part(home, job, source=source, tables=reading.tables, worker=worker, progress=say))
    except FlyballError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], worker=int(sys.argv[3])))
