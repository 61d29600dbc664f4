"""One part of a scoring, for schedulers of others: ``python -m flyball.app.scoring HOME JOB WORKER``.

It prints how many rows it has scored, line by line. The job is one that `flyball score` has begun.
"""

from __future__ import annotations

import sys
from pathlib import Path

from flyball.app.scoring.part import score
from flyball.core.errors import FlyballError


def main(home: Path, name: str, *, worker: int) -> int:
    """Score this part; the exit code."""

    def say(rows: int) -> None:
        sys.stdout.write(f"{rows}\n")
        sys.stdout.flush()

    try:
        score(home, name, worker=worker, progress=say)
    except FlyballError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], worker=int(sys.argv[3])))
