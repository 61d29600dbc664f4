"""What the rows of a version are compared with: the sketches of those that stand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeAlias

import polars as pl

from flyball.data.model import DatasetVersion
from flyball.data.profiles import Sketcher
from flyball.storage.blobs import BlobStore

ROWS, VERSIONS = 1_000, 100
Served: TypeAlias = Callable[[str, datetime], pl.DataFrame | None]
"""The columns of the dataset of this name as models were asked with them before this time; None where none was."""


def nobody_served(dataset: str, now: datetime) -> pl.DataFrame | None:
    """Nothing is known of what was served."""
    del dataset, now
    return None


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
