"""Gradient-boosted trees: one binning of the rows for many fits, and nothing that depends on time or on the number of cores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flyball.core.optional import extra
from flyball.runtimes.boosted import THREADS, BoostedPredictor
from flyball.training.prepared import Prepared

with extra("train"):
    import lightgbm

DEFAULTS: Mapping[str, Any] = {
    "trees": 120, "learning_rate": 0.08, "leaves": 31, "min_rows_per_leaf": 100, "feature_share": 0.6, "l2": 5.0, "category_smooth": 20.0,
}  # fmt: skip
"""Settings that do well on tables of ten thousand to a million rows; the first trial of every search."""

_FIXED: Mapping[str, Any] = {
    "deterministic": True, "force_row_wise": True, "num_threads": THREADS, "verbosity": -1, "max_bin": 127, "feature_pre_filter": False,
    "cat_l2": 10.0, "max_cat_threshold": 32, "min_data_per_group": 50,
}  # fmt: skip


class Trees:
    """Fits trees to one set of rows. The same rows, settings and seed give the same bytes."""

    def __init__(self, prepared: Prepared) -> None:
        self._prepared = prepared
        self._data = lightgbm.Dataset(
            prepared.matrix,
            label=prepared.label,
            feature_name=[f"f{index}" for index in range(prepared.matrix.shape[1])],
            categorical_feature=prepared.encoder.categories,
            params=dict(_FIXED),
            free_raw_data=False,
        )

    def fit(self, settings: Mapping[str, Any]) -> BoostedPredictor:
        """The trees that `settings` (keys of `DEFAULTS`) ask for."""
        prepared = self._prepared
        n_rows = len(prepared.label)
        params = {
            **_FIXED,
            "objective": "binary" if prepared.task == "binary" else "regression",
            "seed": prepared.seed,
            "learning_rate": settings["learning_rate"],
            "num_leaves": settings["leaves"],
            "min_data_in_leaf": max(min(settings["min_rows_per_leaf"], n_rows // 20), 1),
            "feature_fraction": settings["feature_share"],
            "lambda_l2": settings["l2"],
            "cat_smooth": settings["category_smooth"],
        }
        booster = lightgbm.train(params, self._data, num_boost_round=settings["trees"])
        return BoostedPredictor(prepared.manifest("lightgbm"), prepared.encoder, text=booster.model_to_string())
