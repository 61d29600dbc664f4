"""The recent histories of datasets in memory, kept right row by row as new ones come."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from flyball.data.history import known_until
from flyball.data.model import ARRIVAL, EVENT_TIME, KNOWN_UNTIL, SYSTEM_COLUMNS, Dataset
from flyball.data.service import DataService

_CHUNKS = 64
_NUMBER = "__number"


class Histories:
    """Each frame equals `DataService.recent` with all rows that were appended since: the user's columns and the four system columns.

    A row that was forgotten still ends the earlier version that it superseded. Not thread-safe; the frames are immutable.
    """

    def __init__(self, data: DataService) -> None:
        self._data = data
        self._frames: dict[str, pl.DataFrame] = {}
        self._read_to: dict[str, int] = {}  # dataset → up to which arrival number it was read

    def open(self, dataset: Dataset, since: datetime | None) -> pl.DataFrame:
        """Read the dataset's accepted rows from event time `since` on (None: all), instead of what was kept of it.

        Raises:
            VersionNotFoundError: no version is accepted.
        """
        accepted = self._data.get_accepted(dataset.name)
        found = self._frames[dataset.name] = self._data.recent(dataset, since).rechunk()
        newest = found[ARRIVAL].max()
        self._read_to[dataset.name] = max(accepted.last_arrival, newest) if isinstance(newest, int) else accepted.last_arrival
        return found

    def append(self, dataset: Dataset, rows: pl.DataFrame) -> pl.DataFrame:
        """The history with `rows`, which have EVENT_TIME, KNOWN_TIME and ARRIVAL; costs what their keys cost.

        Those that had arrived when it was read are in it already, or are older than what is kept, and change nothing.
        """
        before = self.get(dataset)
        rows = rows.filter(pl.col(ARRIVAL) > self._read_to.get(dataset.name, -1))
        if not rows.height:
            return before
        new = rows.with_columns(pl.lit(None, dtype=before.schema[KNOWN_UNTIL]).alias(KNOWN_UNTIL)).select(before.columns)
        grown = before.vstack(new)
        key = list(dataset.key)
        keys = new.select(key).unique()
        touched = (
            grown.select(*key, *SYSTEM_COLUMNS)
            .with_row_index(_NUMBER)
            .join(keys, on=key, how="semi", nulls_equal=True, maintain_order="left")
        )
        # A row that was forgotten may have ended one that is here: an end never moves to a later time.
        ends = pl.min_horizontal(touched[KNOWN_UNTIL], known_until(touched, key)[KNOWN_UNTIL])
        untils = grown[KNOWN_UNTIL].rechunk().scatter(touched[_NUMBER], touched.select(ends).to_series())
        grown = grown.with_columns(untils)
        self._frames[dataset.name] = grown.rechunk() if max(grown.n_chunks("all")) > _CHUNKS else grown
        return self._frames[dataset.name]

    def get(self, dataset: Dataset) -> pl.DataFrame:
        """The dataset's history as it is kept, in order of arrival.

        Raises:
            KeyError: it was not opened.
        """
        return self._frames[dataset.name]

    def forget_before(self, dataset: Dataset, event_time: datetime) -> pl.DataFrame:
        """The history without the rows of earlier event time, whose memory is free from then on."""
        kept = self.get(dataset)
        if kept.height and (kept[EVENT_TIME] < event_time).any():
            self._frames[dataset.name] = kept.filter(pl.col(EVENT_TIME) >= event_time).rechunk()
        return self._frames[dataset.name]
