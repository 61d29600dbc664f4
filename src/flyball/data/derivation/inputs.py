"""What a derived dataset reads of others: the versions that stand, and their rows, lazily."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from flyball.core.ids import Digest
from flyball.data.derivation.errors import InputHeldError, InputMissingError
from flyball.data.model import Dataset, DatasetVersion, VersionState
from flyball.data.rows import Rows
from flyball.data.store import VersionStore


@dataclass(frozen=True)
class Input:
    """The version of an input that stands: `number` counts up, `corrected` says that a row of it may supersede another one."""

    number: int
    digest: Digest
    table: str
    corrected: bool


class Inputs(Protocol):
    """Reads datasets as they stand. Thread-safe."""

    def latest(self, dataset: Dataset, *, source: str) -> Input:
        """The version of `dataset` that `source` is to be built from.

        Raises:
            InputMissingError: it was never ingested.
            InputHeldError: its newest version waits for a person.
        """
        ...

    def scan(self, dataset: Dataset, found: Input, *, after: int = 0) -> pl.LazyFrame:
        """The rows of that version, those that came with versions after number `after`: the user's columns and the system's."""
        ...

    def stored(self, name: str, *, source: str) -> pl.LazyFrame | None:
        """The rows that stand of the derived dataset `name`, as far as `source` made them; None where it made none."""
        ...


@dataclass(frozen=True)
class StoredInputs:
    """The `Inputs` of a home."""

    versions: VersionStore
    rows: Rows

    def latest(self, dataset: Dataset, *, source: str) -> Input:
        """See `Inputs`."""
        found = [version for version in self.versions.list(dataset.name) if version.state is not VersionState.REJECTED]
        if not found:
            raise InputMissingError(dataset.name, source)
        last = found[-1]
        if last.state is not VersionState.ACCEPTED:
            raise InputHeldError(dataset.name, last.number, source=source)
        corrected = any(version.corrections != 0 for version in self._content(dataset.name, last.table, until=last.number))
        return Input(last.number, last.digest, last.table, corrected)

    def scan(self, dataset: Dataset, found: Input, *, after: int = 0) -> pl.LazyFrame:
        """See `Inputs`."""
        content = self._content(dataset.name, found.table, until=found.number)
        new = [version for version in content if version.number > after]
        return self.rows.scan(new) if new else self.rows.scan(content).limit(0)

    def stored(self, name: str, *, source: str) -> pl.LazyFrame | None:
        """See `Inputs`."""
        mine = [version for version in self.versions.list(name) if version.source == source and version.state is VersionState.ACCEPTED]
        return self.rows.scan(self._content(name, mine[-1].table, until=mine[-1].number)) if mine else None

    def _content(self, name: str, table: str, *, until: int) -> Sequence[DatasetVersion]:
        return [
            version
            for version in self.versions.list(name)
            if version.number <= until and version.table == table and version.state is VersionState.ACCEPTED
        ]
