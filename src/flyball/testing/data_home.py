"""A data service on real backends in a directory, for tests that ingest files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flyball.app.sources import open_source
from flyball.core.clock import VirtualClock
from flyball.core.ids import DerivedIds
from flyball.data._sqlstore import SqlPushes, SqlVersions
from flyball.data.live import LiveRows
from flyball.data.model import Dataset, DatasetVersion
from flyball.data.service import DataService
from flyball.lineage._sqlstore import SqlLineage
from flyball.storage._delta import DeltaTables
from flyball.storage._localblobs import LocalBlobs
from flyball.storage._localjournal import LocalJournal
from flyball.storage._sqlstore import SqlEventLog
from flyball.storage.database import Database
from flyball.storage.recorder import Recorder


@dataclass
class DataHome:
    """A data service of its own on `place`, and the source directory "data" of a project beside it."""

    place: Path
    database: Database
    log: SqlEventLog
    service: DataService

    @property
    def source(self) -> Path:
        """The directory that `files("data")` reads."""
        folder = self.place / "project" / "data"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def write(self, name: str, text: str) -> Path:
        """Put a text file into the source."""
        path = self.source / name
        path.write_text(text, encoding="utf-8")
        return path

    def ingest(self, dataset: Dataset, *, history: timedelta = timedelta(days=59)) -> DatasetVersion:
        """Ingest from the project."""
        return self.service.ingest(dataset, root=self.place / "project", history=history, cause=None)

    @contextmanager
    def live(self, *, limit_bytes: int | None = None) -> Iterator[LiveRows]:
        """The door for pushed rows, as the one process has it that takes them; its journals hold `limit_bytes`."""
        journals = self.place / "home" / "journal" / "rows"
        live = LiveRows(
            self.service, SqlPushes(self.database), journals=lambda name: LocalJournal.write(journals / name, limit_bytes=limit_bytes)
        )
        try:
            yield live
        finally:
            live.close()

    def kinds(self) -> list[str]:
        """The types of all events, in log order."""
        return [event.type for event in self.log.list()]


@contextmanager
def opened_data_home(place: Path) -> Iterator[DataHome]:
    """The home at `place`, as a process of its own would have it."""
    database = Database.open(place / "home" / "home.db")
    try:
        log = SqlEventLog(database)
        recorder = Recorder(log, clock=VirtualClock(datetime(2013, 6, 1, tzinfo=UTC)), ids=DerivedIds(0))
        service = DataService(
            tables=DeltaTables(place / "home" / "tables"), blobs=LocalBlobs(place / "home" / "blobs"), versions=SqlVersions(database),
            lineage=SqlLineage(database), recorder=recorder, transactions=database, contracts=place / "home" / "contracts",
            sources=open_source,
        )  # fmt: skip
        yield DataHome(place, database, log, service)
    finally:
        database.close()
