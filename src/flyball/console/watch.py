"""What is known of the control plane, kept fresh for as long as somebody looks: figures by asking, events by long poll.

One watch serves all open pages. It never raises: what goes wrong becomes `Known.trouble`, what was known before stays, and it goes
on asking. It does not know how anything looks.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from flyball.console.answers import Happening, ModelFigures, Status, WindowFigures
from flyball.console.controlplane import ControlPlane
from flyball.console.kinds import kind_of
from flyball.core.clock import Clock, Timer
from flyball.core.errors import FlyballError, UnavailableError

FIGURES_SECONDS = 1.0
RETRY_SECONDS = 1.0
WAIT_SECONDS = 20.0
LINGER_SECONDS = 20.0
KEPT_EVENTS, KEPT_ROUTINE = 3000, 600
MARKING = frozenset({"training.started", "rollout.finished", "rollout.rolled-back"})

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Known:
    """What is known at one moment; a new value for every change, numbered by `revision`."""

    revision: int = 0
    status: Status | None = None
    models: Mapping[str, ModelFigures] = field(default_factory=dict)
    windows: Mapping[str, tuple[WindowFigures, ...]] = field(default_factory=dict)
    events: tuple[Happening, ...] = ()
    """The newest `KEPT_EVENTS`, in the order of the log; what is routine leaves first."""
    marks: tuple[Happening, ...] = ()
    """Every event that stands in the charts, however old."""
    position: int = 0
    caught_up: bool = False
    """Whether the events reach the present."""
    asked_at: datetime | None = None
    """When the figures were last answered, in real time."""
    trouble: str | None = None
    """Why the figures are not fresh, as a sentence; None while they are."""
    away: bool = False
    """Whether that is because nobody answers."""


class Watch:
    """Asks from two threads while somebody looks, and rests otherwise. Thread-safe."""

    def __init__(self, plane: ControlPlane, *, clock: Clock, timer: Timer) -> None:
        self._plane, self._clock, self._timer = plane, clock, timer
        self._lock = threading.Lock()
        self._known = Known()
        self._watchers = 0
        self._left_at: float | None = None
        self._wanted = threading.Event()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    @property
    def known(self) -> Known:
        """The newest that is known; never blocks."""
        return self._known

    def start(self) -> None:
        """Begin; idle until somebody looks."""
        for name, work in (("figures", self._watch_figures), ("events", self._watch_events)):
            thread = threading.Thread(target=work, name=f"watch-{name}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """End. A question that is under way is not waited for."""
        self._stopping.set()
        self._wanted.set()

    def enter(self) -> None:
        """Somebody looks."""
        with self._lock:
            self._watchers += 1
            self._wanted.set()

    def leave(self) -> None:
        """Somebody looks no more."""
        with self._lock:
            self._watchers -= 1
            self._left_at = self._timer.seconds()

    def _is_wanted(self) -> bool:
        """Whether anybody looks, or has until a moment ago: a page that is loaded again finds it fresh."""
        with self._lock:
            lingering = self._left_at is not None and self._timer.seconds() - self._left_at < LINGER_SECONDS
            if not self._watchers and not lingering:
                self._wanted.clear()
        self._wanted.wait()
        return not self._stopping.is_set()

    def _watch_figures(self) -> None:
        while self._is_wanted():
            try:
                self._ask_figures()
            except FlyballError as error:
                self._set(trouble=str(error), away=isinstance(error, UnavailableError))
            except Exception:  # noqa: BLE001  the rim of a thread that must go on
                _log.exception("The console's watch of the figures failed; it goes on.")
                self._set(trouble="The console could not read the figures; its log says more.", away=False)
            self._stopping.wait(FIGURES_SECONDS)

    def _ask_figures(self) -> None:
        status = self._plane.get_status()
        models = {model.name: model for model in self._plane.list_models()}
        windows = {name: self._plane.list_windows(name) for name in models}
        self._set(status=status, models=models, windows=windows, asked_at=self._clock.now(), trouble=None, away=False)

    def _watch_events(self) -> None:
        while self._is_wanted():
            try:
                self._ask_events()
            except FlyballError:
                self._stopping.wait(RETRY_SECONDS)  # the figures' watch tells of the trouble
            except Exception:  # noqa: BLE001  as above
                _log.exception("The console's watch of the events failed; it goes on.")
                self._stopping.wait(RETRY_SECONDS)

    def _ask_events(self) -> None:
        before = self._known
        wait = WAIT_SECONDS if before.caught_up else 0.0
        events, position = self._plane.list_events(before.position, wait_seconds=wait)
        if position < before.position:  # another log: the home was replaced
            self._set(events=(), marks=(), position=0, caught_up=False)
            return
        if events or not before.caught_up:
            kept = _newest((*before.events, *events))
            marks = (*before.marks, *(event for event in events if event.type in MARKING))
            self._set(events=kept, marks=marks, position=position, caught_up=not events)

    def _set(self, **changes: object) -> None:
        with self._lock:
            self._known = replace(self._known, revision=self._known.revision + 1, **changes)  # type: ignore[arg-type]  # fields by name


def _newest(events: Sequence[Happening]) -> tuple[Happening, ...]:
    """Rows come in and timers fire far more often than anything happens that is worth a look: they must not push that out."""
    routine = [event.position for event in events if kind_of(event) == "routine"]
    first = routine[-KEPT_ROUTINE] if len(routine) > KEPT_ROUTINE else 0
    return tuple(event for event in events if event.position >= first or kind_of(event) != "routine")[-KEPT_EVENTS:]
