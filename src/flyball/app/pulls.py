"""Sources that say how often they are asked, asked so in a live home: each in a thread of its own, by business time.

A pull that fails leaves its dataset as it was, is told by an event of the dataset, and is tried again soon; a source that is slow or
gone keeps no other waiting.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from flyball.app.intake import Intake
from flyball.core.clock import Clock, Timer
from flyball.core.errors import FlyballError
from flyball.loop.definition import Declared
from flyball.storage.recorder import Recorder

ROUND_SECONDS = 0.2
AGAIN_SECONDS = 30.0
"""How long after a pull that failed the next one comes at the latest, in real time: a source may be asked once a week."""
TOLD_AGAIN_SECONDS = 3600.0
"""How often the same failure is told again, in real time."""

_LOG = logging.getLogger(__name__)


@dataclass
class _Pull:
    """`due` is in business time; `failed` is when the last pull failed, in real time, and `why`; `told` when an event said so."""

    every: timedelta
    due: datetime
    failed: float | None = None
    why: str = ""
    told: float = -math.inf


class TimedPulls:
    """What was asked when the home was opened is due again `every` later. One thread per name; the names share nothing."""

    def __init__(self, declared: Mapping[str, Declared], intake: Intake, *, clock: Clock, timer: Timer, recorder: Recorder) -> None:
        self._intake, self._clock, self._timer, self._recorder = intake, clock, timer, recorder
        now = clock.now()
        self._pulls = {
            name: _Pull(every, now + every) for name, found in declared.items() if (every := found.dataset.source.every) is not None
        }

    @property
    def names(self) -> list[str]:
        """The datasets whose sources say how often they are asked."""
        return list(self._pulls)

    def run(self, name: str, *, stop: threading.Event, wake: Callable[[], None]) -> None:
        """Pull the dataset whenever it is due, until `stop`; `wake` is called when rows came."""
        while not stop.wait(ROUND_SECONDS):
            if self.pull_due(name):
                wake()

    def pull_due(self, name: str) -> bool:
        """Pull the dataset where its time has come; whether a version came of it."""
        pull = self._pulls[name]
        if not self._is_due(pull):
            return False
        pull.due = self._clock.now() + pull.every
        try:
            found = self._intake.pull(name)
        except FlyballError as error:
            self._tell(name, pull, why=str(error))
            return False
        except Exception as error:  # noqa: BLE001  the rim of a thread: a defect in one pull must not end the home
            _LOG.exception("While pulling %s", name)
            self._tell(name, pull, why=repr(error))
            return False
        if pull.failed is not None:
            self._record("dataset.pull.recovered", name, why=pull.why)
        pull.failed, pull.why, pull.told = None, "", -math.inf
        return bool(found["new"])

    def _is_due(self, pull: _Pull) -> bool:
        if self._clock.now() >= pull.due:
            return True
        return pull.failed is not None and self._timer.seconds() - pull.failed >= AGAIN_SECONDS

    def _tell(self, name: str, pull: _Pull, *, why: str) -> None:
        """An event for each failure that is not the last one again, or was told long ago."""
        now, again = self._timer.seconds(), why == pull.why
        pull.failed, pull.why = now, why
        if again and now - pull.told < TOLD_AGAIN_SECONDS:
            return
        pull.told = now
        _LOG.warning("Dataset %s was not pulled: %s", name, why)
        self._record("dataset.pull.failed", name, why=why)

    def _record(self, kind: str, name: str, *, why: str) -> None:
        try:
            self._recorder.record(kind, f"dataset/{name}", data={"why": why})
        except FlyballError:
            _LOG.exception("What came of a pull cannot be recorded")
