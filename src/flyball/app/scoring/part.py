"""One process's part of a scoring as a step, which any executor runs wherever it likes, as long as the home is there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flyball.app.querying import open_reading
from flyball.app.scoring.job import Job
from flyball.app.scoring.opening import source_of
from flyball.app.scoring.running import run_part
from flyball.pipelines.model import StepTask


def score_part(task: StepTask) -> dict[str, Any]:
    """The step: {"rows": how many were scored now}."""
    given = task.parameters
    return {"rows": score(Path(str(given["home"])), str(given["job"]), worker=int(str(given["worker"])))}


def score(home: Path, name: str, *, worker: int, progress: Callable[[int], None] = lambda _: None) -> int:
    """The part of that number is scored; how many rows were now.

    Raises:
        FlyballError: as `run_part` raises.
    """
    job = Job.load(home, name)
    with open_reading(home) as reading:
        source = source_of(job.source.removeprefix("dataset/"), reading)
        return asyncio.run(run_part(home, job, source=source, tables=reading.tables, worker=worker, progress=progress))
