"""Where the rows of an ingest go: into our table, or, where they are read in place, nowhere: their files are written down."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import polars as pl

from flyball.data.contracts.judging import AT_FILE, AT_ROW
from flyball.data.ingest import Findings
from flyball.data.inplace.model import Pinned, Recipe, Runs
from flyball.data.inplace.reading import content_of, rows_in
from flyball.data.model import Dataset, SourceFile
from flyball.data.rows import Appended, Rows
from flyball.data.sources.port import InPlace


def put(rows: Rows, findings: Findings, *, job: str) -> Appended:
    """The rows that `findings` add have their arrival numbers; repeated under its job they have the same.

    Raises:
        SourceChangedError: a file that is read in place changed since it was judged.
        InPlaceFileError: one cannot be read there.
        UnavailableError: the disk is full or cannot be written.
    """
    table, source = findings.past.table, findings.batch.source
    if not findings.batch.dataset.source.in_place or not isinstance(source, InPlace):
        return rows.append(table, findings.sifted, job=job)
    first = 0 if rows.tables.latest(table) is None else rows.last_arrival(table) + 1
    runs, files = _runs(findings), []
    for part in findings.batch.files:
        placed = source.place_of(part)
        content, size, modified = content_of(Path(placed.place))
        last = first + rows_in(placed.place) - 1
        facts: dict[str, Any] = {"size_bytes": size, "modified": modified, "content": content, "runs": runs.get(part.name) or Runs.of(())}
        files.append(Pinned(placed=placed, recipe=_recipe(findings, part), first=first, last=last, **facts))
        first = last + 1
    findings.batch.check_unchanged()
    return rows.pin(table, files, job=job)


def _runs(findings: Findings) -> dict[str, Runs]:
    """Which rows of each part are added."""

    def chunks() -> Iterator[tuple[str, pl.Series]]:
        for chunk in findings.sifted.places():
            for (name,), rows in chunk.group_by(AT_FILE, maintain_order=True):
                yield str(name), rows[AT_ROW] - 1

    return {name: Runs.of(rows for _, rows in found) for name, found in groupby(chunks(), key=lambda pair: pair[0])}


def _recipe(findings: Findings, part: SourceFile) -> Recipe:
    dataset: Dataset = findings.batch.dataset
    before = None if dataset.known_before is None else -dataset.known_before
    return Recipe(
        types={name: column.type for name, column in findings.contract.columns.items()}, event_time=dataset.event_time,
        known_time=dataset.known_time, known_shift=dataset.known_after or before, arrival=part.arrival,
    )  # fmt: skip
