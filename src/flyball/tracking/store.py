"""The port of where runs are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from flyball.core.ids import RunId
from flyball.tracking.model import MetricPoint, Run


class RunStore(Protocol):
    """A run comes back equal to what was set last. Thread- and process-safe; joins the write transaction open in its thread."""

    def create(self, run: Run) -> None:
        """Keep a new run; its `metrics` must be empty, points are added by `add_metrics`.

        Raises:
            RunExistsError: the id is taken.
        """
        ...

    def set(self, run: Run) -> None:
        """Replace everything of the run but its metrics.

        Raises:
            RunNotFoundError: no run has its id.
        """
        ...

    def get(self, run: RunId) -> Run:
        """The run, with the last point of each metric: that of the highest (step, time, value).

        Raises:
            RunNotFoundError: no run has this id.
        """
        ...

    def find(self, run: RunId) -> Run | None:
        """The run, or None."""
        ...

    def list(self, experiment: str | None = None, tags: Mapping[str, str] | None = None) -> list[Run]:
        """The loop's runs of the experiment that have all of these tags, by start time and then id."""
        ...

    def add_metrics(self, run: RunId, points: Sequence[MetricPoint]) -> None:
        """Add the points, all or none.

        Raises:
            RunNotFoundError: no run has this id.
        """
        ...

    def list_metrics(self, run: RunId) -> Sequence[MetricPoint]:
        """Every point of the run, once, by name, step, time and value; times to the millisecond."""
        ...
