"""Profiles: what rows are like, from sketches that every chunk of an ingest passes.

::

    Sketcher(schema: Mapping[str, pl.DataType])          # the contract's schema, with EVENT_TIME and KNOWN_TIME
        .add(frame: pl.DataFrame) -> None                # chunks of any size; the result depends on the rows alone
        .merge(other: Sketcher) -> None                  # the content of a version: merge of its versions' sketches, by number
        .encode() -> bytes;  Sketcher.decode(data)       # the blob `DatasetVersion.sketches`
        .summary() -> Mapping                            # `canonical(summary)` is the blob `DatasetVersion.profile`
"""

from __future__ import annotations

from flyball.data.profiles.columns import ColumnSketch, Kind
from flyball.data.profiles.errors import KindsDifferError, ProfileDamagedError
from flyball.data.profiles.sketcher import Sketcher

__all__ = ["ColumnSketch", "Kind", "KindsDifferError", "ProfileDamagedError", "Sketcher"]
