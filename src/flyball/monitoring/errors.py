"""What monitoring refuses.

::

    InvalidError
    ├── MonitorSpecError         a declaration that can never be right
    └── MissingSeriesError       rows without a column that the reference watches
    ConflictError
    ├── IllegalWindowMoveError   a window's state that cannot follow
    NotFoundError
    └── WindowNotFoundError      no such window of the model
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from flyball.core.errors import ConflictError, InvalidError, NotFoundError


class MonitorSpecError(InvalidError):
    """A monitor that can never be right."""

    code = "monitor-spec"

    def __init__(self, monitor: str, reason: str) -> None:
        super().__init__(f"{monitor}: {reason}")


class MissingSeriesError(InvalidError):
    """Rows lack columns that the reference watches."""

    code = "missing-series"

    def __init__(self, missing: Sequence[str], found: Sequence[str]) -> None:
        super().__init__(
            f"The rows lack {', '.join(map(repr, missing))}, which the reference was fitted on; they have: {', '.join(found)}. "
            "Compare rows of the same features, or fit a new reference."
        )


class IllegalWindowMoveError(ConflictError):
    """The state cannot follow the one that stands."""

    code = "illegal-window-move"

    def __init__(self, model: str, start: datetime, *, state: str, asked: str) -> None:
        super().__init__(f"The window of model '{model}' from {start.isoformat()} is {state} and cannot become {asked}.")


class WindowNotFoundError(NotFoundError):
    """No such window."""

    code = "window-not-found"

    def __init__(self, model: str, start: datetime, *, known: Sequence[datetime]) -> None:
        found = f"windows begin from {known[0].isoformat()} to {known[-1].isoformat()}" if known else "it has none yet"
        super().__init__(f"Model '{model}' has no window that begins at {start.isoformat()}; {found}.")
