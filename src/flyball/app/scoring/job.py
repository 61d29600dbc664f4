"""A scoring as a value that a directory of the home keeps: the same command again is the same scoring, and goes on."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

import msgspec

from flyball.app.settings import write_json
from flyball.core.canonical import digest
from flyball.storage.errors import os_errors

SCORINGS = Path("scoring")
BATCH_ROWS = 10_000
"""So many rows are one commit of the table, and at most so many are in memory of each process."""
CHUNK_ROWS = 1000
"""So many rows are asked at once, and are one entry of the log."""
STEPS = BATCH_ROWS // CHUNK_ROWS


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What is scored by whom. `source` is how the input was given, `stand` what it was then; `begun` is the time of all predictions."""

    endpoint: str
    version: int
    source: str
    stand: str
    table: str
    begun: int
    workers: int

    @property
    def name(self) -> str:
        """The same for the same rows, version and table, whoever asks when, on however many processes."""
        return digest([self.endpoint, self.version, self.source, self.stand, self.table])[:16]

    def stream(self, worker: int) -> str:
        """The name of a process's part in tables and in the log."""
        return f"score-{self.name}-{worker}"

    def keep(self, home: Path) -> Job:
        """The job as it was begun: this one, unless the same was begun before, or by another at the same moment."""
        path = home / SCORINGS / f"{self.name}.json"
        with os_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".begun-", dir=path.parent) as aside, suppress(FileExistsError):
                whole = Path(aside) / path.name
                write_json(whole, msgspec.to_builtins(self))
                os.link(whole, path)  # who is second finds it: streams of two numbers of workers would score rows twice
        return self.load(home, self.name)

    @classmethod
    def load(cls, home: Path, name: str) -> Job:
        """The job of that name."""
        return msgspec.json.decode((home / SCORINGS / f"{name}.json").read_bytes(), type=cls)
