"""What a user declares about training, and what a training function is given: frozen values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from flyball.core.duration import parse_duration
from flyball.training.errors import SearchError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl

TaskName = Literal["binary", "regression"]


@dataclass(frozen=True)
class Search:
    """The best of `trials` candidates by `metric` on the last stretch before the hold-out; the same seed finds the same.

    `metric` None means the task's own: roc_auc for a binary label, rmse for a number.

    Raises:
        SearchError: `trials` is below 1.
    """

    metric: str | None = None
    trials: int = 8
    seed: int | None = None

    def __post_init__(self) -> None:
        if self.trials < 1:
            raise SearchError(f"trials={self.trials}; at least one is needed")


def search(*, metric: str | None = None, trials: int = 8, seed: int | None = None) -> Search:
    """Search over gradient boosting and a linear model; `seed` None means the model's own."""
    return Search(metric, trials, seed)


@dataclass(frozen=True)
class TrainSpec:
    """A model's part that training needs.

    Durations are texts such as "14d"; `train_on` is "all" or the length of the last
    stretch of rows that is learnt from.
    """

    train: Search | Callable[[TrainingSet], Any]
    train_on: str = "all"
    holdout: str = "14d"
    timeout: str = "1h"
    metric: str | None = None
    seed: int = 0

    def length(self, name: Literal["holdout", "timeout"]) -> timedelta:
        """The declared duration."""
        return parse_duration(str(getattr(self, name)))


@dataclass(frozen=True)
class TrainingSet:
    """What a training function learns from: rows in the order of their prediction times, all with a label known by then.

    `features` has one column per feature; `label` is float64 ``(n_rows,)``, 0.0 or 1.0 for a binary task; `prediction_times` is a
    UTC column of the same length. The hold-out is not in it.
    """

    features: pl.DataFrame
    label: npt.NDArray[np.float64]
    prediction_times: pl.Series
    task: TaskName
    metric: str
    seed: int

    def __len__(self) -> int:
        return len(self.label)

    def split(self, share: float = 0.2) -> tuple[TrainingSet, TrainingSet]:
        """The earlier rows and the last `share` of them, parted in time: no prediction time stands on both sides.

        Raises:
            SearchError: `share` is not between 0 and 1.
        """
        if not 0 < share < 1:
            raise SearchError(f"split({share}); a share lies between 0 and 1")
        at = min(int(len(self) * (1 - share)), max(len(self) - 1, 0))
        first = int(self.prediction_times.search_sorted(self.prediction_times[at], side="left")) if len(self) else 0
        return self._part(0, first), self._part(first, len(self))

    def _part(self, start: int, stop: int) -> TrainingSet:
        features, times = self.features.slice(start, stop - start), self.prediction_times.slice(start, stop - start)
        return TrainingSet(features, self.label[start:stop], times, self.task, self.metric, self.seed)
