"""What of one journal was read and is in no table yet."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from flyball.serving.answers import POSITION, STREAM, Batch, Shape, shape_of, table_of_record, to_table, united
from flyball.serving.record import Answered, Lost, encode

UNREADABLE = "predictions-set-aside"
"""The table of what is no record: stream, position, reason and payload, so that nothing is lost."""

_ASIDE = {STREAM: pl.String, POSITION: pl.Int64, "reason": pl.String, "payload": pl.Binary}
_logger = logging.getLogger(__name__)


@dataclass
class Waiting:
    """Batches of the journal `stream` by shape, what is no record, and losses that it tells of. Not thread-safe."""

    stream: str
    losses: list[Lost] = field(default_factory=list)
    _batches: dict[Shape, Batch] = field(default_factory=dict)
    _unreadable: list[dict[str, Any]] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many rows wait."""
        return sum(batch.rows for batch in self._batches.values())

    def batch_of(self, record: Answered) -> Batch:
        """Where the typed record belongs.

        Raises:
            ColumnTypeError: it names types that there are not.
        """
        shape = shape_of(record)
        found = self._batches.get(shape)
        if found is None:
            found = self._batches[shape] = Batch(record.endpoint, table_of_record(record), self.stream)
        return found

    def add(self, position: int, record: Answered, *, batch: Batch) -> None:
        """Take the typed record into its batch."""
        self._set_aside_all(batch.add(position, record))

    def set_aside(self, position: int, payload: bytes, *, reason: str) -> None:
        """Keep what is no record, and say so."""
        text = "Entry %d of the prediction journal %r is no record and is set aside in table %r: %s"
        _logger.warning(text, position, self.stream, UNREADABLE, reason)
        self._unreadable.append({STREAM: self.stream, POSITION: position, "reason": reason, "payload": payload})

    def _set_aside_all(self, wrong: Sequence[tuple[int, Answered, str]]) -> None:
        for position, record, reason in wrong:
            self.set_aside(position, encode(record), reason=reason)

    def frames(self, endpoint: str | None = None) -> dict[str, list[pl.DataFrame]]:
        """What waits, or what waits of one endpoint, by endpoint; each list's frames of one shape are neighbours."""
        found: dict[str, list[pl.DataFrame]] = defaultdict(list)
        for batch in self._batches.values():
            if endpoint in (None, batch.endpoint):
                self._set_aside_all(batch.seal())
                found[batch.endpoint] += batch.frames()
        return found

    def tables(self) -> list[str]:
        """The tables that something waits for; that of what is no record first, since the others' rows are known to be theirs then."""
        for batch in self._batches.values():
            self._set_aside_all(batch.seal())
        own = {batch.table for batch in self._batches.values() if batch.rows}
        return [*([UNREADABLE] if self._unreadable else []), *sorted(own)]

    def rows_for(self, table: str) -> pl.DataFrame:
        """What waits for the table, as `tables` has sealed it."""
        if table == UNREADABLE:
            return pl.DataFrame(self._unreadable, schema=_ASIDE)
        frames = [frame for batch in self._batches.values() if batch.table == table for frame in batch.frames()]
        return to_table(united(frames)) if frames else pl.DataFrame()

    def forget(self, table: str, position: int) -> None:
        """What waited for the table is in it up to that position."""
        if table == UNREADABLE:
            self._unreadable = [row for row in self._unreadable if row[POSITION] > position]
        for batch in self._batches.values():
            if batch.table == table:
                batch.forget(position)
