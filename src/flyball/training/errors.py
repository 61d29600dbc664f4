"""Why a training came to nothing; each says what to do. The loop turns them into ``training.failed`` events by their `code`.

::

    ConflictError (the data forbid it now) ── TooFewRowsError, OneClassError, NoHoldoutError
    InvalidError ── LabelValueError, MetricTaskError, TrainingFunctionError, SearchError
"""

from __future__ import annotations

from flyball.core.errors import ConflictError, InvalidError


class TooFewRowsError(ConflictError):
    """Not enough labelled rows to learn from."""

    code = "too-few-rows"

    def __init__(self, found: int, needed: int, *, where: str) -> None:
        super().__init__(
            f"There are {found} labelled rows {where}, and at least {needed} are needed. "
            "Wait for more labels, shorten `holdout`, or lengthen `history`."
        )
        self.found, self.needed = found, needed


class OneClassError(ConflictError):
    """All labels are equal."""

    code = "one-class"

    def __init__(self, value: float, rows: int, *, where: str) -> None:
        super().__init__(
            f"All {rows} labels {where} are {value:g}, so there is nothing to tell apart. "
            "Check the label's expression, or wait until both outcomes have been seen."
        )


class NoHoldoutError(ConflictError):
    """No labelled rows in the hold-out."""

    code = "no-holdout"

    def __init__(self, start: str, end: str, *, newest: str) -> None:
        super().__init__(
            f"No row predicted from {start} to {end} has a label yet, so the model could not be judged; the newest that has one is of "
            f"{newest}. Lengthen `holdout` beyond the time that labels take to become known; or, if your rows end there, begin in their "
            "time, in a home of its own: `flyball up PROJECT.py --clock TIME --home DIR`."
        )


class LabelValueError(InvalidError):
    """A label that does not fit the task."""

    code = "label-value"

    def __init__(self, value: float) -> None:
        super().__init__(f"A binary label is 0 or 1, but one is {value:g}. Compare it with something, or predict it as a number.")


class MetricTaskError(InvalidError):
    """A metric of another task."""

    code = "metric-task"

    def __init__(self, metric: str, task: str, *, known: list[str]) -> None:
        super().__init__(f"The metric {metric!r} does not fit a {task} label; metrics that do: {', '.join(known)}.")


class SearchError(InvalidError):
    """A search that can never run."""

    code = "search"

    def __init__(self, reason: str) -> None:
        super().__init__(f"search(...) cannot run: {reason}.")


class TrainingFunctionError(InvalidError):
    """A training function returned something that is no model."""

    code = "training-function"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"The training function {name!r} {reason}")
