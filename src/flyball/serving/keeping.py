"""What stands between an answer and its record: whether it waits for the disk, what of it is hidden, and what happens without room.

Records that an endpoint may do without are counted when they are lost; the count goes to the journal as soon as that takes it, and
stands in a `Tally` until then.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Callable, Sequence

from flyball.core.clock import Timer
from flyball.core.errors import UnavailableError
from flyball.serving.counters import Counters
from flyball.serving.hiding import Hiding
from flyball.serving.logspec import PLAIN, LogPlan
from flyball.serving.record import Answered, encode
from flyball.serving.tally import Losing, Tally
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


class Keeper:
    """Keeps records in the journal, each as its endpoint's plan says. `secret` gives the key of digests. For one event loop.

    What a killed predecessor had counted in the same `tally`, and not told, is told first.
    """

    def __init__(
        self, journal: Journal, *, counters: Counters, timer: Timer, secret: Callable[[], bytes] = bytes, tally: Tally | None = None
    ) -> None:
        self._journal, self._counters, self._timer, self._tally = journal, counters, timer, tally
        self.hiding = Hiding(secret)
        before = [] if tally is None else tally.find(journal.last)
        self._losses = {(lost.endpoint, lost.how): lost for lost in before}
        self._told = timer.seconds()
        self._share, self._looked = 1.0, 0
        self.tell_all()

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

    def tell_all(self) -> None:
        """What was lost is in the journal, if that can be done."""
        if self._losses:
            self._tell(now=True)

    def close(self) -> None:
        """As `tell_all`; what cannot be done is left to a successor."""
        self.tell_all()
        if self._tally is not None:
            self._tally.close()

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
            self._losses[last.endpoint, how] = Losing(
                endpoint=last.endpoint, how=how, rows=rows, start=last.time, end=last.time, why=why
            )  # fmt: skip
        else:
            known.rows, known.end = known.rows + rows, max(known.end, last.time)
        self._note()
        if how == SAMPLED:
            self._tell()

    def _note(self, *, telling: int = 0) -> None:
        if self._tally is not None:
            self._tally.set([*self._losses.values()], telling=telling)

    def _tell(self, *, now: bool = False) -> None:
        """Write down what was lost since the last time."""
        seconds = self._timer.seconds()
        if not now and seconds - self._told < TOLD_SECONDS:
            return
        self._told = seconds
        self._note(telling=self._journal.last + len(self._losses))
        try:
            self._journal.append(*(encode(lost.told()) for lost in self._losses.values()))
        except UnavailableError:  # there is another time
            self._note()
            return
        self._losses.clear()
        self._note()
