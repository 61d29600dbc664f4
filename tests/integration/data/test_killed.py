"""An ingest that dies between any two of its writes is continued by the next one, and ends where an undisturbed one does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Self

import polars as pl
import pytest

from flyball.app.sources import open_source
from flyball.core.ids import Digest
from flyball.data import Dataset, files
from flyball.data.declared.source import Source
from flyball.data.errors import SourceChangedError
from flyball.data.model import SourceFile
from flyball.data.sources.port import OpenSource, Surroundings
from flyball.testing.data_home import DataHome, opened_data_home
from tests.mortal import Death, Killed, MortalLineage, MortalTables

SALES = Dataset("sales", files("data"), key="id", event_time="sold_at", known_after="1h")


@dataclass
class MortalBlobs:
    """A blob store of the same kind."""

    real: Any
    death: Death

    def put(self, data: bytes) -> Digest:
        self.death.near()
        digest: Digest = self.real.put(data)
        return digest

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


def mortal(home: DataHome, death: Death) -> DataHome:
    service = home.service
    stores = {
        "tables": MortalTables(service.tables, death),
        "blobs": MortalBlobs(service.blobs, death),
        "lineage": MortalLineage(service.lineage, death),
    }
    return replace(home, service=replace(service, **stores))  # type: ignore[arg-type]  # stand-ins of the ports


def write_first(home: DataHome) -> None:
    rows = [f"s{n},2013-01-{1 + n % 28:02}T00:00Z,{n}" for n in range(150)]
    home.write("a.csv", "\n".join(["id,sold_at,amount", *rows, "s1,never,1", ""]))


def write_second(home: DataHome) -> None:
    home.write(
        "b.csv", "\n".join(["id,sold_at,amount", *(f"t{n},2013-02-01T00:00Z,{n}" for n in range(20)), "t1,2013-02-02T00:00Z,lots", ""])
    )


def everything(home: DataHome) -> tuple[Any, ...]:
    service = home.service
    return (
        home.log.list(),
        service.list(),
        service.history(SALES).rows(),
        sorted(service.quarantined("sales").rows()),
        (service.contracts / "sales.yaml").read_text(),
        [service.lineage.list_parents(version.reference) for version in service.list()],
    )


def ingest_all(place: Path, death: Death) -> None:
    with opened_data_home(place) as home:
        write_first(home)
        first = mortal(home, death).ingest(SALES)
        write_second(home)
        service, root = mortal(home, death).service, home.place / "project"
        service.ingest(SALES, root=root, history=timedelta(days=59), cause=first.event)


def continue_all(place: Path) -> None:
    """Run again what was killed: the source still is what it was."""
    with opened_data_home(place) as home:
        second = home.source / "b.csv"
        if not second.exists():
            first = home.ingest(SALES)
            write_second(home)
        else:
            first = home.service.get("sales", 1)
        home.service.ingest(SALES, root=place / "project", history=timedelta(days=59), cause=first.event)


def undisturbed(place: Path) -> tuple[tuple[Any, ...], int]:
    death = Death(0)
    ingest_all(place, death)
    with opened_data_home(place) as home:
        return everything(home), death.writes


def test_a_killed_ingest_is_continued_wherever_it_died(tmp_path: Path) -> None:
    expected, writes = undisturbed(tmp_path / "undisturbed")
    assert writes == 18
    for at in range(1, writes + 1):
        place = tmp_path / str(at)
        with pytest.raises(Killed):
            ingest_all(place, Death(at))
        continue_all(place)
        with opened_data_home(place) as home:
            assert everything(home) == expected, at


def test_rows_of_a_killed_ingest_whose_source_changed_meanwhile_stay_invisible(tmp_path: Path) -> None:
    with opened_data_home(tmp_path) as home:
        write_first(home)
        with pytest.raises(Killed):
            mortal(home, Death(2)).ingest(SALES)
        home.write("a.csv", "id,sold_at,amount\n" + "".join(f"u{n},2013-01-01T00:00Z,{n}\n" for n in range(10)))
        version = home.ingest(SALES)
        assert version.first_arrival == 150
        assert home.service.history(SALES)["id"].to_list() == [f"u{n}" for n in range(10)]


@dataclass
class Meddled:
    """A source to which somebody writes just before or after a part of it is read."""

    real: OpenSource
    meddle: Callable[[], object]
    before: bool

    def read(self, part: SourceFile) -> Iterator[pl.DataFrame]:
        if self.before:
            self.meddle()
        yield from self.real.read(part)
        self.meddle()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.real.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


@pytest.mark.parametrize("before", [True, False], ids=["before it is read", "after it was read"])
def test_a_file_that_changes_while_it_is_ingested_is_not_recorded(tmp_path: Path, *, before: bool) -> None:
    with opened_data_home(tmp_path) as home:
        write_first(home)

        def meddled(source: Source, around: Surroundings) -> Any:
            meddle = partial(home.write, "a.csv", "id,sold_at,amount\nx,2013-01-01,1\n")
            return Meddled(open_source(source, around), meddle, before)

        service = replace(home.service, sources=meddled)
        with pytest.raises(SourceChangedError):
            service.ingest(SALES, root=home.place / "project", history=timedelta(days=1), cause=None)
        assert home.kinds() == []
        assert home.service.tables.list() == []
