"""Profiles: what rows are like, from sketches that every chunk of an ingest passes.

::

    Sketcher(schema: Mapping[str, pl.DataType])          # the contract's schema, with EVENT_TIME and KNOWN_TIME
        .add(frame: pl.DataFrame) -> None                # chunks of any size; the result depends on the rows alone
        .merge(other: Sketcher) -> None                  # the content of a version: merge of its versions' sketches, by number
        .encode() -> bytes;  Sketcher.decode(data)       # the blob `DatasetVersion.sketches`
        .summary() -> Mapping                            # `canonical(summary)` is the blob `DatasetVersion.profile`
    compare(before: Sketcher, after: Sketcher) -> Difference         # psi, Wasserstein, quantiles, values that came and went
    correlate(rows: pl.DataFrame, label: pl.Series) -> Sequence[Association]
"""

from __future__ import annotations

from flyball.data.profiles.columns import ColumnSketch, Kind
from flyball.data.profiles.correlation import Association, correlate
from flyball.data.profiles.difference import ColumnDifference, Difference, compare
from flyball.data.profiles.errors import KindsDifferError, ProfileDamagedError
from flyball.data.profiles.sketcher import Sketcher

__all__ = [
    "Association", "ColumnDifference", "ColumnSketch", "Difference", "Kind", "KindsDifferError", "ProfileDamagedError", "Sketcher",
    "compare", "correlate",
]  # fmt: skip
