"""What the rows of a version are compared with: the sketches of those that stand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeAlias

import polars as pl

from flyball.data.contracts.model import Contract, KeyCheck, SkewCheck
from flyball.data.contracts.outcome import Context
from flyball.data.model import DatasetVersion
from flyball.data.profiles import Sketcher
from flyball.data.rows import Rows
from flyball.storage.blobs import BlobStore
from flyball.storage.tables import TableStore

ROWS, VERSIONS = 1_000, 100
Served: TypeAlias = Callable[[str, datetime], pl.DataFrame | None]
"""The columns of the dataset of this name as models were asked with them before this time; None where none was."""


def nobody_served(dataset: str, now: datetime) -> pl.DataFrame | None:
    """Nothing is known of what was served."""
    del dataset, now
    return None


@dataclass(frozen=True)
class Comparing:
    """What a home has for promises about all rows; `scan` gives the accepted rows of a dataset, None where there are none."""

    blobs: BlobStore
    tables: TableStore
    served: Served
    scan: Callable[[str], pl.LazyFrame | None] = field(kw_only=True)

    def context(self, contract: Contract, accepted: Sequence[DatasetVersion], *, context: Context) -> Context:
        """`context` with what the promises of `contract` compare rows with that come after those of the `accepted` versions."""
        others = {check.dataset: self.scan(check.dataset) for check in contract.checks if isinstance(check, KeyCheck)}
        skewed = any(isinstance(check, SkewCheck) for check in contract.checks)
        return replace(
            context,
            others={name: rows for name, rows in others.items() if rows is not None},
            reference=reference_of(accepted, self.blobs),
            volumes=[version.added for version in accepted if version.added],
            served=self.served(contract.dataset, context.now) if skewed else None,
            before=Rows(self.tables).scan(accepted) if accepted else None,
        )


def reference_of(accepted: Sequence[DatasetVersion], blobs: BlobStore) -> Sketcher | None:
    """The sketches of the last of the `accepted` versions, with those before it where it brought few rows, as a pushed one may have."""
    found: Sketcher | None = None
    for version in reversed(accepted[-VERSIONS:]):
        if version.sketches is None or not version.added:
            continue
        sketcher = Sketcher.decode(blobs.get(version.sketches))
        if found is None:
            found = sketcher
        else:
            found.merge(sketcher)
        if found.rows >= ROWS:
            break
    return found
