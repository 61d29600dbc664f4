"""What stands between an answer and its record: whether it waits for the disk, what of it is hidden, and what happens without room.

Records that an endpoint may do without are counted when they are lost; the count goes to the journal as soon as that takes it.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flyball.core.clock import Timer
from flyball.core.errors import UnavailableError
from flyball.serving.counters import Counters
from flyball.serving.hiding import Hiding
from flyball.serving.logspec import PLAIN, LogPlan
from flyball.serving.record import Answered, Lost, encode
from flyball.storage.journal import Journal

TOLD_SECONDS = 10.0
"""Losses are written down so often at most, while there are more."""
SAMPLED, SHED = "sampled", "shed"
_HALF, _LEAST = 0.5, 0.01
_LOOK_EVERY = 32  # records; to look how full a journal is reads a file
_WHY = {
    SAMPLED: "more than half of the journal waits for its reader: a part of the records is kept",
    SHED: "the journal took no more: {}",
}
_LOG = logging.getLogger(__name__)


@dataclass
class _Losing:
    rows: int
    start: int
    end: int
    why: str


class Keeper:
    """Keeps records in the journal, each as its endpoint's plan says. `secret` gives the key of digests. For one event loop."""

    def __init__(self, journal: Journal, *, counters: Counters, timer: Timer, secret: Callable[[], bytes] = bytes) -> None:
        self._journal, self._counters, self._timer = journal, counters, timer
        self.hiding = Hiding(secret)
        self._losses: dict[tuple[str, str], _Losing] = {}
        self._told = timer.seconds()
        self._share, self._looked = 1.0, 0

    def keep(self, plan: LogPlan, records: Sequence[Answered]) -> None:
        """The records are journalled together; where the plan allows that, they may be lost instead, and are counted then.

        Raises:
            UnavailableError: they are not kept, and the plan wants them to be.
        """
        if plan is PLAIN or plan == PLAIN:
            self._journal.append(*map(encode, records))
            if self._losses:
                self._tell()
            return
        if plan.overload == "sample" and not self._drawn(records):
            self._lose(records, SAMPLED, why=_WHY[SAMPLED])
            return
        hidden = [self.hiding.hidden(plan, record) for record in records]
        try:
            self._journal.append(*map(encode, hidden))
            if plan.fsync:
                self._journal.sync()
        except UnavailableError as error:
            if plan.overload == "block":
                raise
            self._lose(records, SHED, why=_WHY[SHED].format(error))
            return
        if self._losses:
            self._tell()

    def close(self) -> None:
        """What was lost is written down, if that can be done."""
        if self._losses:
            self._tell(now=True)

    def _drawn(self, records: Sequence[Answered]) -> bool:
        """Whether the records are in the sample: by the first's id, so that no caller's are for ever or never."""
        if self._looked <= 0:
            self._looked = _LOOK_EVERY
            filled = self._journal.filled()
            self._share = max(_LEAST, min(1.0, (1.0 - filled) / (1.0 - _HALF)))
        self._looked -= 1
        first = records[0].ids[0] if records and records[0].ids else ""
        return self._share >= 1.0 or zlib.crc32(first.encode()) / 2**32 < self._share

    def _lose(self, records: Sequence[Answered], how: str, *, why: str) -> None:
        last = records[-1]
        rows = len(last.ids)  # the records before it are of the same rows, which other versions failed
        self._counters.lost[last.endpoint, how] += rows
        known = self._losses.get((last.endpoint, how))
        if known is None:
            _LOG.warning("Answers of endpoint %r are not in the log: %s", last.endpoint, why)
            self._losses[last.endpoint, how] = _Losing(rows, last.time, last.time, why)
        else:
            known.rows, known.end = known.rows + rows, max(known.end, last.time)
        if how == SAMPLED:
            self._tell()

    def _tell(self, *, now: bool = False) -> None:
        """Write down what was lost since the last time."""
        seconds = self._timer.seconds()
        if not now and seconds - self._told < TOLD_SECONDS:
            return
        self._told = seconds
        found = [
            Lost(endpoint=endpoint, rows=lost.rows, start=lost.start, end=lost.end, why=lost.why)
            for (endpoint, _), lost in self._losses.items()
        ]
        try:
            self._journal.append(*map(encode, found))
        except UnavailableError:  # there is another time
            return
        self._losses.clear()
