"""The profiles of versions: of the rows that one added, and of its whole content, from the sketches that ingests kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from flyball.data.history import as_of
from flyball.data.labels import label_history
from flyball.data.model import LABEL, Dataset, DatasetVersion, Label
from flyball.data.profiles import Association, Difference, Sketcher, compare, correlate
from flyball.data.rows import Rows
from flyball.data.service import DataService

AT_ONCE = 1_000_000


@dataclass(frozen=True)
class Profiling:
    """Reads profiles; nothing here changes anything.

    A version whose sketches were not kept (those of older homes, and of rows that were pushed) is sketched from its rows, a million
    at a time.
    """

    data: DataService

    def get(self, name: str, number: int) -> Sketcher:
        """The profile of the version's content: all its versions' sketches merged by number, a held version's with its own.

        It is of rows as they arrived: a corrected row counts with each of its corrections.

        Raises:
            VersionNotFoundError: there is no such version.
        """
        version = self.data.get(name, number)
        content = list(self.data.content(version))
        return self._merged(content if version in content else [*content, version])

    def get_added(self, name: str, number: int) -> Sketcher:
        """The profile of the rows that the version added; raises as `get` does."""
        return self._merged([self.data.get(name, number)])

    def compare(self, name: str, *, before: int, after: int, added: bool = False) -> Difference:
        """How the content of `after` differs from that of `before`; with `added`, the rows that the two versions brought."""
        found = self.get_added if added else self.get
        return compare(found(name, before), found(name, after))

    def correlate(self, dataset: Dataset, number: int, *, label: Label, at: datetime) -> Sequence[Association]:
        """What each column of the accepted version says of the label of its row, as all of it was known at `at`.

        Raises:
            VersionNotFoundError, VersionHeldError: there are no such rows, or no labels.
            DatasetError: the label is not of these rows.
        """
        rows = as_of(self.data.history(dataset, number), at)
        labels = as_of(label_history(rows, label, history=self.data.history(label.dataset), key=dataset.key), at)
        key = list(dataset.key)
        labels = labels.select(*key, pl.col(LABEL).alias("__label"))
        joined = rows.join(labels, on=key, how="left", maintain_order="left", validate="m:1")
        return correlate(joined.drop("__label"), joined["__label"])

    def _merged(self, versions: Sequence[DatasetVersion]) -> Sketcher:
        found: Sketcher | None = None
        for sketcher in self._sketchers(versions):
            if found is None:
                found = sketcher
            else:
                found.merge(sketcher)
        return Sketcher({}) if found is None else found

    def _sketchers(self, versions: Sequence[DatasetVersion]) -> Iterator[Sketcher]:
        """Those that were kept as they are, and each run of others as one."""
        bare: list[DatasetVersion] = []
        for version in versions:
            if version.sketches is None:
                bare.append(version)
                continue
            if bare:
                yield self._sketched(bare)
            bare = []
            yield Sketcher.decode(self.data.blobs.get(version.sketches))
        if bare:
            yield self._sketched(bare)

    def _sketched(self, versions: Sequence[DatasetVersion]) -> Sketcher:
        rows = Rows(self.data.tables)
        sketcher: Sketcher | None = None
        for some in _batches(versions):
            frame = rows.read(some)
            sketcher = Sketcher(frame.schema) if sketcher is None else sketcher
            sketcher.add(frame)
        assert sketcher is not None, "there is at least one version"
        return sketcher


def _batches(versions: Sequence[DatasetVersion]) -> Iterator[list[DatasetVersion]]:
    """The versions in their order, so many that they have about a million rows together."""
    batch: list[DatasetVersion] = []
    for version in versions:
        if batch and sum(found.added for found in batch) + version.added > AT_ONCE:
            yield batch
            batch = []
        batch.append(version)
    yield batch
