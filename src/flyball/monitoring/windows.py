"""Windows: a model's time in equal pieces, each counted when it ends and scored when its labels have come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from typing import Any

from flyball.core.clock import utc
from flyball.monitoring.data_quality import QualityReport
from flyball.monitoring.drift_report import DriftReport
from flyball.monitoring.errors import IllegalWindowMoveError
from flyball.monitoring.window_performance import Performance


class WindowState(Enum):
    """Where a window stands."""

    OPEN = "open"
    CLOSED = "closed"
    MATURE = "mature"


LEGAL_MOVES: Mapping[WindowState, tuple[WindowState, ...]] = {
    WindowState.OPEN: (WindowState.CLOSED,),
    WindowState.CLOSED: (WindowState.MATURE,),
    WindowState.MATURE: (),
}
"""Every legal move of a window."""


@dataclass(frozen=True, slots=True)
class Window:
    """The rows of `model` predicted in [start, end), UTC; `resolved` of its `rows` have a label or never will.

    `drift` and `quality` are set when it closes, where the model watches them; `metrics` when it is mature.
    """

    model: str
    start: datetime
    end: datetime
    state: WindowState = WindowState.OPEN
    rows: int = 0
    resolved: int = 0
    metrics: Mapping[str, Performance] = field(default_factory=dict)
    drift: DriftReport | None = None
    quality: QualityReport | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", utc(self.start))
        object.__setattr__(self, "end", utc(self.end))
        object.__setattr__(self, "metrics", dict(sorted(self.metrics.items())))

    @property
    def resolved_share(self) -> float:
        """Resolved rows over rows; 1 without rows."""
        return self.resolved / self.rows if self.rows else 1.0

    def _moved(self, state: WindowState, **fields: Any) -> Window:
        if state not in LEGAL_MOVES[self.state]:
            raise IllegalWindowMoveError(self.model, self.start, state=self.state.value, asked=state.value)
        return replace(self, state=state, **fields)

    def closed(self, rows: int, resolved: int, *, drift: DriftReport | None, quality: QualityReport | None) -> Window:
        """The window when its time is over.

        Raises:
            IllegalWindowMoveError: it was closed before.
        """
        return self._moved(WindowState.CLOSED, rows=rows, resolved=resolved, drift=drift, quality=quality)

    def waiting(self, resolved: int) -> Window:
        """The closed window with so many of its rows resolved by now.

        Raises:
            IllegalWindowMoveError: it is not closed, or mature already.
        """
        if self.state is not WindowState.CLOSED:
            raise IllegalWindowMoveError(self.model, self.start, state=self.state.value, asked=WindowState.CLOSED.value)
        return replace(self, resolved=resolved)

    def matured(self, resolved: int, metrics: Mapping[str, Performance]) -> Window:
        """The window when enough of its rows are resolved.

        Raises:
            IllegalWindowMoveError: it is not closed, or was mature before.
        """
        return self._moved(WindowState.MATURE, resolved=resolved, metrics=dict(sorted(metrics.items())))

    def to_json(self) -> dict[str, Any]:
        """The window as JSON."""
        return {
            "model": self.model, "start": self.start.isoformat(), "end": self.end.isoformat(), "state": self.state.value,
            "rows": self.rows, "resolved": self.resolved, "metrics": {name: found.to_json() for name, found in self.metrics.items()},
            "drift": self.drift.to_json() if self.drift else None, "quality": self.quality.to_json() if self.quality else None,
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Window:
        """The window that `to_json` wrote: equal, field by field."""
        return cls(
            model=data["model"],
            start=datetime.fromisoformat(data["start"]),
            end=datetime.fromisoformat(data["end"]),
            state=WindowState(data["state"]),
            rows=data["rows"],
            resolved=data["resolved"],
            metrics={name: Performance.from_json(found) for name, found in data["metrics"].items()},
            drift=DriftReport.from_json(data["drift"]) if data["drift"] else None,
            quality=QualityReport.from_json(data["quality"]) if data["quality"] else None,
        )
