"""The port of the monitoring store: windows as they stand now."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from flyball.monitoring.windows import Window


class WindowStore(Protocol):
    """Keeps one window per (model, start).

    Every method joins the transaction that is open in the calling thread, or is one of its own; nothing is seen by others before
    that commits. Thread-safe. The store knows neither legal moves nor events: the service does.
    """

    def set(self, window: Window) -> None:
        """Keep the window in the place of any other of that model and start."""
        ...

    def find(self, model: str, start: datetime) -> Window | None:
        """The window that begins at `start`, or None."""
        ...

    def list(self, model: str, *, since: datetime | None = None, until: datetime | None = None) -> list[Window]:
        """The model's windows with since <= start < until, ordered by start."""
        ...
