"""A graph is given the same values by few rows and by many, whatever they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.compose import ColumnTransformer  # type: ignore[import-untyped]  # it ships no types, and so below
from sklearn.ensemble import HistGradientBoostingClassifier  # type: ignore[import-untyped]  # as above
from sklearn.pipeline import make_pipeline  # type: ignore[import-untyped]  # as above
from sklearn.preprocessing import OneHotEncoder  # type: ignore[import-untyped]  # as above

from flyball.core.errors import UnknownNameError
from flyball.runtimes import ModelManifest
from flyball.runtimes.errors import FeatureTypeError
from flyball.runtimes.onnxconvert import graphs
from flyball.runtimes.onnxgraph import FEW
from flyball.runtimes.onnxmodel import OnnxPredictor


@pytest.fixture(scope="module")
def model() -> OnnxPredictor:
    frame = pl.DataFrame({"where": ["a", "b", "c"] * 20, "x": [float(number) for number in range(60)], "y": [0.5] * 60})
    columns = ColumnTransformer(
        [("texts", OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["where"])], remainder="passthrough"
    )
    fitted = make_pipeline(columns, HistGradientBoostingClassifier(max_iter=3, random_state=0)).fit(frame, [0, 1] * 30)
    manifest = ModelManifest(
        format="onnx", features=tuple(frame.columns), dtypes=tuple(map(str, frame.schema.values())), task="classes", classes=(0, 1)
    )
    return next(iter(graphs(fitted, manifest, schema=frame.schema)))[1]()


@pytest.mark.parametrize(
    "row",
    [("a", 1.0, 2.0), ("z", 1, 2), (None, 1.5, 2.5), ("b", True, 1.0)],
    ids=["plain", "whole numbers", "a text that is missing", "a truth"],
)
def test_a_row_alone_has_the_scores_that_it_has_among_many(model: OnnxPredictor, row: tuple[Any, ...]) -> None:
    few = model.predict_columns({name: [value] for name, value in zip(("where", "x", "y"), row, strict=True)}, 1)
    many = model.predict_columns({name: [value] * (FEW + 1) for name, value in zip(("where", "x", "y"), row, strict=True)}, FEW + 1)
    np.testing.assert_array_equal(np.tile(few, (FEW + 1, 1)), many)


def test_a_column_that_is_missing_or_of_another_type_is_refused(model: OnnxPredictor) -> None:
    with pytest.raises(UnknownNameError):
        model.predict_columns({"where": ["a"], "x": [1.0]}, 1)
    with pytest.raises(FeatureTypeError):
        model.predict_columns({"where": ["a"], "x": ["1.0"], "y": [1.0]}, 1)
