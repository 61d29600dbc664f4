"""The search: seeded trials on the rows before the hold-out, judged on their own last stretch. No clock decides anything."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from flyball.core.optional import extra
from flyball.kernels.metrics import Metric
from flyball.training.candidates import FIRST, Candidates, suggest
from flyball.training.model import Search, TaskName
from flyball.training.prepared import Prepared
from flyball.training.rows import Rows

with extra("train"):
    import optuna

TRIAL_ROWS = 40_000
"""Trials see at most so many rows, evenly spread over time; the winner is fitted on all."""
VALIDATION_SHARE = 0.25


@dataclass(frozen=True)
class Trial:
    """One candidate that was tried; `value` is None where the metric does not exist on the validation rows."""

    number: int
    settings: Mapping[str, Any]
    value: float | None
    seed: int

    def to_json(self) -> dict[str, Any]:
        return {"number": self.number, "settings": dict(self.settings), "value": self.value, "seed": self.seed}


def part_by_time(rows: Rows, share: float) -> tuple[Rows, Rows]:
    """The earlier rows, and the last `share` of them: no prediction time stands on both sides."""
    first = int(np.searchsorted(rows.time, rows.time[int(len(rows) * (1 - share))], side="left"))
    return rows.between(0, first), rows.between(first, len(rows))


def run_search(rows: Rows, search: Search, *, metric: Metric, task: TaskName, seed: int) -> list[Trial]:
    """All trials in their order, the same for the same rows and seed. `rows` are in time order and lie before the hold-out."""
    earlier, later = part_by_time(rows.thinned(TRIAL_ROWS), VALIDATION_SHARE)
    if not len(earlier):  # one prediction time only: nothing comes later than anything
        earlier = later
    candidates = Candidates(Prepared.of(earlier, task, seed=seed))
    logging.getLogger("optuna").setLevel(logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=6)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    trials = []
    for number in range(search.trials):
        asked = study.ask() if number >= len(FIRST) else None
        settings = FIRST[number] if asked is None else suggest(asked)
        value = metric.estimate(later.label, candidates.fit(settings).predict(later.features)).value
        trials.append(Trial(number, settings, value, seed))
        if asked is not None:
            study.tell(asked, _goodness(metric, value))
    return trials


def best(trials: list[Trial], metric: Metric) -> Trial:
    """The trial with the best value, the earlier of equals; where the metric existed for none, the first."""
    return max(trials, key=lambda trial: (_goodness(metric, trial.value), -trial.number))


def _goodness(metric: Metric, value: float | None) -> float:
    if value is None:
        return -1e300
    return value if metric.greater_is_better else -value
