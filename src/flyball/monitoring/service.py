"""Recording windows: what was measured and the event that tells of it are one transaction."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flyball.core.clock import utc
from flyball.core.ids import EventId
from flyball.monitoring.drift_report import DriftReport
from flyball.monitoring.errors import WindowNotFoundError
from flyball.monitoring.store import WindowStore
from flyball.monitoring.window_performance import DropReport, Performance
from flyball.monitoring.windows import Window
from flyball.storage.recorder import Recorder
from flyball.storage.transactions import Transactions


def window_subject(model: str, start: datetime) -> str:
    """The subject of a window's events."""
    return f"model/{model}/window/{utc(start).isoformat()}"


class WindowService:
    """The one way to record a window. As thread-safe as the recorder it was given."""

    def __init__(self, store: WindowStore, *, transactions: Transactions, recorder: Recorder) -> None:
        self._store, self._transactions, self._recorder = store, transactions, recorder

    def close(self, window: Window, *, cause: EventId | None = None) -> Window:
        """Keep a window that `Window.closed` made: `window.closed`, alarmed where its drift is.

        Raises:
            IllegalWindowMoveError: a window of that start was closed before; nothing is changed or recorded.
        """
        with self._transactions.write():
            known = self._store.find(window.model, window.start)
            if known is not None:  # refuse as the window itself would
                known.closed(window.rows, window.resolved, drift=window.drift, quality=window.quality)
            self._store.set(window)
            self._recorder.record("window.closed", window_subject(window.model, window.start), data=_closed_facts(window), cause=cause)
        return window

    def wait(self, model: str, start: datetime, *, resolved: int, cause: EventId | None = None) -> Window:
        """Say that a closed window is not mature yet, and keep how many of its rows are: `window.waiting`.

        Raises:
            WindowNotFoundError: there is no such window.
            IllegalWindowMoveError: it is mature already.
        """
        with self._transactions.write():
            waiting = self.get(model, start).waiting(resolved)
            self._store.set(waiting)
            facts = {"start": waiting.start.isoformat(), "end": waiting.end.isoformat(), "resolved_share": waiting.resolved_share}
            self._recorder.record("window.waiting", window_subject(model, start), data=facts, cause=cause)
        return waiting

    def mature(self, window: Window, *, drop: DropReport | None = None, cause: EventId | None = None) -> Window:
        """Keep a window that `Window.matured` made: `window.matured`, alarmed where its performance surely dropped.

        Raises:
            WindowNotFoundError: there is no such window.
            IllegalWindowMoveError: it was mature before; nothing is changed or recorded.
        """
        with self._transactions.write():
            self.get(window.model, window.start).matured(window.resolved, window.metrics)
            self._store.set(window)
            facts = _matured_facts(window, drop)
            self._recorder.record("window.matured", window_subject(window.model, window.start), data=facts, cause=cause)
        return window

    def get(self, model: str, start: datetime) -> Window:
        """The model's window that begins at `start`.

        Raises:
            WindowNotFoundError: there is none.
        """
        found = self._store.find(model, start)
        if found is None:
            raise WindowNotFoundError(model, start, known=[window.start for window in self._store.list(model)])
        return found

    def find(self, model: str, start: datetime) -> Window | None:
        """The window, or None."""
        return self._store.find(model, start)

    def list(self, model: str, *, since: datetime | None = None, until: datetime | None = None) -> builtins.list[Window]:
        """The model's windows with since <= start < until, ordered by start."""
        return self._store.list(model, since=since, until=until)


def _closed_facts(window: Window) -> dict[str, Any]:
    drift, quality = window.drift, window.quality
    findings = list(quality.findings) if quality else []
    words = [drift.why if drift else "drift is not watched.", *findings]
    return {
        "start": window.start.isoformat(),
        "end": window.end.isoformat(),
        "rows": window.rows,
        "resolved": window.resolved,
        "drift": _drift_facts(drift) if drift else None,
        "quality": findings,
        "alarmed": drift is not None and drift.alarmed,
        "why": " ".join(words),
    }


def _drift_facts(drift: DriftReport) -> dict[str, Any]:
    """The small part of a drift report that belongs in an event: the verdict and the series beyond their thresholds."""
    return {
        "statistic": drift.statistic,
        "limit": drift.limit,
        "provisional": drift.provisional,
        "series": {found.name: found.psi for found in drift.series if found.alarmed},
    }


def _matured_facts(window: Window, drop: DropReport | None) -> dict[str, Any]:
    return {
        "start": window.start.isoformat(),
        "end": window.end.isoformat(),
        "rows": window.rows,
        "resolved": window.resolved,
        "metrics": {name: _figure(found) for name, found in window.metrics.items()},
        "alarmed": drop is not None and drop.alarmed,
        "why": drop.why if drop else "performance is not watched.",
    }


def _figure(found: Performance) -> Mapping[str, Any] | None:
    return found.estimate.to_json() if found.estimate else None
