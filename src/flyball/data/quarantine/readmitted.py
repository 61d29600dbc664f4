"""Re-admitted rows as a source: one part, whose content is a blob, so that its digest names it in versions, lineage and decisions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import polars as pl

from flyball.core.canonical import canonical, digest_bytes
from flyball.core.ids import Digest, EventId
from flyball.data.declared.source import Source
from flyball.data.inplace import InPlaceOnlyError
from flyball.data.model import Dataset, DatasetVersion, SourceFile
from flyball.data.quarantine.model import QuarantinedRow
from flyball.data.sources.port import Seen

READMITTED = "readmitted"


@dataclass(frozen=True)
class ReadmittedRows(Source):
    """Rows that a person took out of quarantine; nobody declares it."""

    def describe(self) -> str:
        """What stands as the version's source."""
        return READMITTED


@dataclass(frozen=True)
class Parcel:
    """Rows on their way: `asked` is the event of the person's word, which makes each parcel another one."""

    asked: EventId
    ids: tuple[str, ...]
    cells: tuple[dict[str, str | None], ...]

    @classmethod
    def of(cls, asked: EventId, rows: Sequence[QuarantinedRow], *, frame: pl.DataFrame) -> Self:
        """The parcel of `rows`, whose cells as texts are those of `frame`."""
        return cls(asked, tuple(row.id for row in rows), tuple(frame.to_dicts()))

    def encode(self) -> bytes:
        """The parcel as JSON, the same for the same parcel."""
        return canonical({"asked": self.asked, "ids": self.ids, "cells": self.cells}).encode()

    @classmethod
    def decode(cls, content: bytes) -> Self:
        """The parcel that `encode` wrote."""
        found: dict[str, Any] = json.loads(content)
        return cls(EventId(found["asked"]), tuple(found["ids"]), tuple(found["cells"]))

    @property
    def digest(self) -> Digest:
        """Under which it is kept."""
        return digest_bytes(self.encode())

    def frame(self, columns: Sequence[str]) -> pl.DataFrame:
        """The rows' cells as texts."""
        return pl.DataFrame(list(self.cells), schema=dict.fromkeys(columns, pl.String()), orient="row")


class OpenParcel:
    """An `OpenSource` that has one parcel."""

    def __init__(self, parcel: Parcel, columns: Sequence[str]) -> None:
        self._parcel, self._columns = parcel, columns

    def find(self, seen: Seen) -> Sequence[SourceFile]:
        # Where the dataset's own source goes on stays as it was.
        content = self._parcel.encode()
        part = SourceFile(name=READMITTED, size_bytes=len(content), digest=digest_bytes(content), position=seen.position)
        return [] if part.digest in seen.digests else [part]

    def read(self, part: SourceFile) -> Iterator[pl.DataFrame]:
        del part
        yield self._parcel.frame(self._columns)

    def check_unchanged(self) -> None:
        """What has a digest for a name does not change."""

    def acknowledge(self) -> None:
        """Nobody forgets anything."""

    def close(self) -> None:
        """Nothing is open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def readmitting(dataset: Dataset) -> Dataset:
    """The dataset, to be read from a parcel this once; its rows mean the same.

    Raises:
        InPlaceOnlyError: its rows lie in a table of others, where a row is mended.
    """
    if dataset.source.in_place:
        raise InPlaceOnlyError(dataset.name, dataset.source.describe())
    other = copy(dataset)
    object.__setattr__(other, "source", ReadmittedRows())
    return other


def find_version(versions: Sequence[DatasetVersion], batch: Digest) -> DatasetVersion | None:
    """The version that a parcel became, or None where it became none."""
    return next((version for version in reversed(versions) if any(file.digest == batch for file in version.files)), None)
