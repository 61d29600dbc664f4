"""The candidates of a search and the space of their settings. The first trials are fixed, so that one trial is already sensible."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flyball.core.optional import extra
from flyball.runtimes.model import Predictor
from flyball.training import boosting, linear
from flyball.training.boosting import Trees
from flyball.training.linear import fit_linear
from flyball.training.prepared import Prepared

with extra("train"):
    from optuna.trial import BaseTrial

FIRST: tuple[Mapping[str, Any], ...] = ({"kind": "boosting", **boosting.DEFAULTS}, {"kind": "linear", **linear.DEFAULTS})
"""Trial 0 is boosting as it comes, trial 1 the linear model."""


class Candidates:
    """Fits any candidate to one set of rows; what candidates share is computed once."""

    def __init__(self, prepared: Prepared) -> None:
        self._prepared = prepared
        self._trees: Trees | None = None

    def fit(self, settings: Mapping[str, Any]) -> Predictor:
        """The candidate that `settings` describe, fitted."""
        if settings["kind"] == "linear":
            return fit_linear(self._prepared, settings)
        if self._trees is None:
            self._trees = Trees(self._prepared)
        return self._trees.fit(settings)


def suggest(trial: BaseTrial) -> dict[str, Any]:
    """Settings of a boosting candidate, drawn from the trial's sampler."""
    return {
        "kind": "boosting",
        "trees": trial.suggest_int("trees", 60, 160, step=20),
        "learning_rate": trial.suggest_float("learning_rate", 0.03, 0.12, log=True),
        "leaves": trial.suggest_int("leaves", 15, 47, step=8),
        "min_rows_per_leaf": trial.suggest_int("min_rows_per_leaf", 50, 400, log=True),
        "feature_share": trial.suggest_float("feature_share", 0.4, 1.0),
        "l2": trial.suggest_float("l2", 0.5, 50.0, log=True),
        "category_smooth": trial.suggest_float("category_smooth", 5.0, 100.0, log=True),
    }
