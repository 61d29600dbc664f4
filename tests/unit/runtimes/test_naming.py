"""A column that is declared is the model's column of that name, wherever it stands in the declaration."""

from __future__ import annotations

from collections.abc import Callable

import lightgbm
import numpy as np
import polars as pl
import pytest
import xgboost  # type: ignore[import-not-found,import-untyped,unused-ignore]  # it may not be there

from flyball.runtimes.errors import UnservableError
from flyball.runtimes.forest import forest
from flyball.runtimes.model import Predictor
from flyball.runtimes.naming import aligned, check_named
from flyball.runtimes.xgboosted import boosted

_DRAW = np.random.default_rng(0)
_ROWS = np.column_stack([_DRAW.normal(40, 10, 200), _DRAW.integers(0, 9, 200)])
_LABEL = (_ROWS[:, 0] > 45).astype(float)


def lightgbms(names: list[str]) -> Predictor:
    data = lightgbm.Dataset(_ROWS, _LABEL, feature_name=["mean age", "visits"])
    text = lightgbm.train({"objective": "binary", "verbose": -1, "num_threads": 1}, data, 3).model_to_string()
    return forest(text, names, dtypes={})


def xgboosts(names: list[str]) -> Predictor:
    data = xgboost.DMatrix(_ROWS, _LABEL, feature_names=["mean age", "visits"])
    return boosted(bytes(xgboost.train({"objective": "binary:logistic", "nthread": 1}, data, 3).save_raw("ubj")), names)


@pytest.mark.parametrize("made", [lightgbms, xgboosts], ids=lambda made: made.__name__)
def test_the_order_of_a_declaration_does_not_matter(made: Callable[[list[str]], Predictor]) -> None:
    rows = pl.DataFrame({"visits": [3.0, 3.0], "mean age": [20.0, 60.0]})
    there, back = made(["mean age", "visits"]).predict(rows), made(["visits", "mean age"]).predict(rows)
    assert there[0] < there[1]
    np.testing.assert_array_equal(there, back)


@pytest.mark.parametrize("made", [lightgbms, xgboosts], ids=lambda made: made.__name__)
def test_a_column_that_the_model_has_not_is_refused(made: Callable[[list[str]], Predictor]) -> None:
    with pytest.raises(UnservableError, match=r"its signature says 2 columns \(mean age, visitss\)"):
        made(["mean age", "visitss"])


def test_a_model_that_has_none_of_the_names_is_asked_by_place() -> None:
    assert aligned(["f0", "f1"], ["visits", "age"]) == ("visits", "age")
    assert aligned(["f0", "f1"], []) == ("f0", "f1")
    with pytest.raises(UnservableError, match="it takes 2 columns"):
        aligned(["f0", "f1"], ["age"])


def test_names_with_blanks_and_underscores_are_told_apart() -> None:
    assert aligned(["a b", "a_b"], ["a_b", "a b"]) == ("a b", "a_b")


def test_what_has_its_columns_by_name_is_declared_by_name() -> None:
    check_named(["a", "b"], ["b", "a"])
    check_named(["a"], [])
    with pytest.raises(UnservableError):
        check_named(["a", "b"], ["x", "y"])
