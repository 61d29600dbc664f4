"""Which rows a training may learn from: those predicted before a time whose labels were known by it, and nothing else.

All else that stands in the frame, later rows and later versions of labels, is left out before anything is computed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from flyball.core.canonical import canonical
from flyball.core.ids import Digest
from flyball.data.model import KNOWN_TIME, KNOWN_UNTIL, LABEL, PREDICTION_TIME
from flyball.runtimes.encoder import Encoder
from flyball.runtimes.model import Floats

Ints = npt.NDArray[np.int64]
SLICE = "__slice."


@dataclass(frozen=True)
class Rows:
    """Labelled rows in the order of the frame: `number` is the position in the frame, `time` microseconds. Shapes ``(n,)``."""

    features: pl.DataFrame
    label: Floats
    number: Ints
    time: Ints

    def __len__(self) -> int:
        return len(self.label)

    def take(self, index: Ints) -> Rows:
        """The rows at these positions, in this order."""
        return Rows(self.features[index], self.label[index], self.number[index], self.time[index])

    def between(self, start: int, stop: int) -> Rows:
        """The rows at positions from `start` up to `stop`."""
        return Rows(self.features.slice(start, stop - start), self.label[start:stop], self.number[start:stop], self.time[start:stop])

    def thinned(self, limit: int) -> Rows:
        """At most `limit` rows, evenly spread over all."""
        if len(self) <= limit:
            return self
        return self.take(np.arange(limit, dtype=np.int64) * len(self) // limit)


@dataclass(frozen=True)
class Material:
    """The files of a training, opened."""

    frame: pl.DataFrame
    labels: pl.DataFrame
    features: tuple[str, ...]

    @staticmethod
    def read(frame: Path, labels: Path, *, features: tuple[str, ...]) -> Material:
        """Open the Arrow files, their contents in memory."""
        return Material(pl.read_ipc(frame), pl.read_ipc(labels), features)

    def known(self, at: int, since: int | None = None) -> Rows:
        """The rows predicted in [`since`, `at`) whose label is known at `at`, with the label as it is known then."""
        times: Ints = self.frame[PREDICTION_TIME].cast(pl.Datetime("us", "UTC")).to_physical().to_numpy()
        label = np.full(len(times), np.nan)
        valid = self.labels.filter(
            (pl.col(KNOWN_TIME).to_physical() <= at) & (pl.col(KNOWN_UNTIL).is_null() | (pl.col(KNOWN_UNTIL).to_physical() > at))
        )
        label[valid["row"].to_numpy()] = valid[LABEL].cast(pl.Float64).fill_null(float("nan")).to_numpy()
        chosen = np.isfinite(label) & (times < at)
        if since is not None:
            chosen &= times >= since
        number = np.flatnonzero(chosen)
        return Rows(self.frame.select(self.features)[number], label[number], number, times[number])

    def slices(self, rows: Rows) -> pl.DataFrame:
        """The columns that gates slice by, for these rows, under their own names."""
        names = [name for name in self.frame.columns if name.startswith(SLICE)]
        if not names:  # a frame without columns has no rows to take
            return pl.DataFrame()
        return self.frame.select(names)[rows.number].rename({name: name.removeprefix(SLICE) for name in names})


def digest_rows(rows: Rows, encoder: Encoder, *, matrix: Floats) -> Digest:
    """The digest of the rows' content: encoding, encoded values, labels and prediction times."""
    found = hashlib.sha256(canonical(encoder.to_json()).encode())
    for array in (matrix.T, rows.label, rows.time):
        found.update(np.ascontiguousarray(array).tobytes())
    return Digest(found.hexdigest())
