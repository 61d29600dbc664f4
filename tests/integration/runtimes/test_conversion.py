"""A form without code stands in for a pickle where it answers the same, and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import polars as pl
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor, RandomForestClassifier  # type: ignore[import-untyped]  # it ships no types
from sklearn.linear_model import LinearRegression, LogisticRegression  # type: ignore[import-untyped]  # it ships no types
from sklearn.preprocessing import FunctionTransformer  # type: ignore[import-untyped]  # it ships no types
from sklearn.tree import DecisionTreeRegressor  # type: ignore[import-untyped]  # it ships no types

from flyball.core.errors import InvalidError
from flyball.pipelines import ConfinedExecutor
from flyball.runtimes import load
from flyball.runtimes.conversion import Converted, convert
from flyball.runtimes.packing import pack
from flyball.serving.converting import Conversion, convert_version
from flyball.storage._localblobs import LocalBlobs
from tests.loggedmodels import columns_signature, leaves, logged_booster, logged_pickle, pipeline, stored, visits

NUMBERS = ["age", "visits"]


def converted(files: Mapping[str, bytes], place: Path) -> Converted:
    path = place / "model.bin"
    path.write_bytes(pack(files, may_run_code=True).archived())
    return convert(path)


def forms() -> dict[str, tuple[Any, str]]:
    rows = visits()
    labels, numbers = leaves(rows), rows.select(NUMBERS)
    return {
        "pipeline": (pipeline(LogisticRegression()).fit(rows, labels), "onnx"),
        "boosting": (HistGradientBoostingClassifier(max_iter=10).fit(numbers, labels), "onnx"),
        "boosted values": (HistGradientBoostingRegressor(max_iter=10).fit(numbers, rows["age"].to_numpy()), "onnx"),
        "several classes": (LogisticRegression(max_iter=500).fit(numbers, rows["plan"].to_numpy()), "onnx"),
        "forest": (RandomForestClassifier(8, max_depth=5, random_state=0).fit(numbers, labels), "onnx"),
        "tree of values": (DecisionTreeRegressor(max_depth=5, random_state=0).fit(numbers, rows["age"].to_numpy()), "onnx"),
        "lightgbm": (lightgbm.LGBMClassifier(n_estimators=5, verbose=-1, n_jobs=1).fit(numbers.to_numpy(), labels), "trees"),
        "lightgbm values": (lightgbm.LGBMRegressor(n_estimators=5, verbose=-1, n_jobs=1).fit(numbers.to_numpy(), labels), "trees"),
    }


@pytest.mark.parametrize(
    "kind", ["pipeline", "boosting", "boosted values", "several classes", "forest", "tree of values", "lightgbm", "lightgbm values"]
)
def test_a_form_without_code_answers_as_the_original(tmp_path: Path, kind: str) -> None:
    fitted, form = forms()[kind]
    rows = visits() if kind == "pipeline" else visits().select(NUMBERS)
    found = converted(logged_pickle(fitted, columns_signature(rows)), tmp_path)
    assert found.packed is not None, [attempt.reason for attempt in found.attempts]
    likeness = found.attempts[-1].likeness
    assert likeness is not None
    assert likeness.same
    assert likeness.rows > 256
    assert found.packed.manifest.format == form
    assert not found.packed.manifest.carries_code
    (tmp_path / "other.bin").write_bytes(found.packed.archived())
    other = load(tmp_path / "other.bin").predict(rows)
    given = rows.to_numpy() if form == "trees" else rows
    own = fitted.predict_proba(given)[:, -1] if hasattr(fitted, "predict_proba") else fitted.predict(given)
    differences = np.abs((other[:, -1] if other.ndim == 2 else other) - own)
    assert differences.max() <= (0.0 if form == "trees" else 1e-4)


def test_what_the_original_refuses_the_form_refuses(tmp_path: Path) -> None:
    rows = visits().select(NUMBERS)
    files = logged_pickle(LogisticRegression().fit(rows, leaves(visits())), columns_signature(rows))
    found = converted(files, tmp_path)
    assert found.packed is not None
    (tmp_path / "other.bin").write_bytes(found.packed.archived())
    model = load(tmp_path / "other.bin")
    with pytest.raises(InvalidError, match="no row without a value in column 'age'"):
        model.predict(pl.DataFrame({"age": [None], "visits": [1]}, schema=rows.schema))


def test_a_value_that_the_original_has_not_seen_is_refused_by_the_form_as_well(tmp_path: Path) -> None:
    rows = visits()
    files = logged_pickle(pipeline(LogisticRegression(), unknown="error").fit(rows, leaves(rows)), columns_signature(rows))
    found = converted(files, tmp_path)
    assert found.packed is not None, [attempt.reason for attempt in found.attempts]
    (tmp_path / "other.bin").write_bytes(found.packed.archived())
    model = load(tmp_path / "other.bin")
    with pytest.raises(InvalidError, match="Unknown Category"):
        model.predict(rows.head(1).with_columns(plan=pl.lit("another")))


def trees_behind_a_front() -> dict[str, Any]:
    import xgboost
    from sklearn.compose import ColumnTransformer  # type: ignore[import-untyped]  # it ships no types
    from sklearn.pipeline import make_pipeline  # type: ignore[import-untyped]  # it ships no types
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

    def ordinal(model: Any) -> Any:
        codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
        return make_pipeline(ColumnTransformer([("plan", codes, ["plan"])], remainder="passthrough"), model)

    def sparse(model: Any) -> Any:
        shown = OneHotEncoder(handle_unknown="ignore")
        return make_pipeline(ColumnTransformer([("plan", shown, ["plan"])], remainder="passthrough", sparse_threshold=1.0), model)

    trees: dict[str, Any] = {"n_estimators": 8, "n_jobs": 1}
    return {
        "lightgbm": pipeline(lightgbm.LGBMClassifier(verbose=-1, **trees)),
        "lightgbm codes": ordinal(lightgbm.LGBMClassifier(verbose=-1, **trees)),
        "lightgbm values": pipeline(lightgbm.LGBMRegressor(verbose=-1, **trees)),
        "xgboost": pipeline(xgboost.XGBClassifier(**trees)),
        "xgboost sparse": sparse(xgboost.XGBClassifier(**trees)),
        "xgboost values": ordinal(xgboost.XGBRegressor(**trees)),
    }


@pytest.mark.parametrize("kind", ["lightgbm", "lightgbm codes", "lightgbm values", "xgboost", "xgboost sparse", "xgboost values"])
def test_a_pipeline_that_ends_in_trees_keeps_them_and_answers_to_the_bit(tmp_path: Path, kind: str) -> None:
    rows = visits().drop("vip")
    fitted = trees_behind_a_front()[kind].fit(rows, leaves(rows))
    found = converted(logged_pickle(fitted, columns_signature(rows)), tmp_path)
    assert found.packed is not None, [attempt.reason for attempt in found.attempts]
    assert (found.packed.manifest.format, found.packed.manifest.apart) == ("staged", False)
    (tmp_path / "other.bin").write_bytes(found.packed.archived())
    model = load(tmp_path / "other.bin")
    said = model.predict(rows)
    if said.ndim == 2:
        assert said[:, 1:].tolist() == fitted.predict_proba(rows).tolist()
    else:
        assert said.tolist() == fitted.predict(rows).tolist()
    assert model.predict(rows.clear()).shape == (0, *said.shape[1:])


def test_both_forms_are_measured(tmp_path: Path) -> None:
    rows = visits().drop("vip")
    fitted = pipeline(HistGradientBoostingClassifier(max_iter=5)).fit(rows, leaves(rows))
    found = converted(logged_pickle(fitted, columns_signature(rows)), tmp_path)
    assert found.cost is not None
    assert found.original_cost is not None
    assert 0 < found.cost.row_seconds <= found.cost.call_seconds < found.original_cost.call_seconds
    assert found.cost.rows == 256


def test_numbers_beyond_single_precision_are_refused_where_the_original_refuses_them(tmp_path: Path) -> None:
    rows = visits().select(NUMBERS)
    fitted = RandomForestClassifier(5, max_depth=4, random_state=0).fit(rows, leaves(visits()))
    found = converted(logged_pickle(fitted, columns_signature(rows)), tmp_path)
    assert found.packed is not None, [attempt.reason for attempt in found.attempts]
    assert found.attempts[-1].likeness is not None
    assert found.attempts[-1].likeness.bounded == ("age",)
    (tmp_path / "other.bin").write_bytes(found.packed.archived())
    with pytest.raises(InvalidError, match=r"no number beyond 3\.4e[+]38 in column 'age'"):
        load(tmp_path / "other.bin").predict(rows.head(1).with_columns(age=pl.lit(1e300)))


def executor_verdict(files: Mapping[str, bytes], place: Path, *, may_run_code: bool = True) -> Conversion:
    blobs = LocalBlobs(place / "blobs")
    return convert_version(stored("leaver", files, blobs=blobs, may_run_code=may_run_code), blobs, executor=ConfinedExecutor())


def test_a_job_converts_in_a_process_that_reaches_nothing(tmp_path: Path) -> None:
    rows = visits().select(NUMBERS)
    fitted = HistGradientBoostingClassifier(max_iter=5).fit(rows, leaves(visits()))
    found = executor_verdict(logged_pickle(fitted, columns_signature(rows)), tmp_path)
    assert (found.verdict, found.form) == ("converted", "onnx"), found.reason
    assert found.digest is not None
    assert found.likeness is not None
    assert found.likeness["same"]
    assert found.likeness["rows"] > 256
    assert found.cost is not None
    assert found.cost.call_seconds < 60
    assert Conversion.from_json(found.to_json()) == found


class Curious:
    """A model whose loading looks for secrets."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (open, (self.path,))


def test_a_pickle_that_opens_files_when_it_is_loaded_gets_none(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret")
    found = executor_verdict(logged_pickle(Curious(str(tmp_path / "token"))), tmp_path)
    assert (found.verdict, "PermissionError" in found.reason) == ("kept", True), found.reason


def test_who_may_not_run_code_has_nothing_loaded(tmp_path: Path) -> None:
    found = executor_verdict(logged_pickle(Curious(str(tmp_path / "token"))), tmp_path, may_run_code=False)
    assert found.verdict == "refused"
    assert "was not allowed to run code here" in found.reason


def test_a_model_without_code_needs_no_conversion(tmp_path: Path) -> None:
    rows = visits()
    matrix = rows.select(NUMBERS).to_numpy().astype(float)
    booster = lightgbm.train({"objective": "binary", "verbose": -1, "num_threads": 1}, lightgbm.Dataset(matrix, leaves(rows)), 3)
    found = executor_verdict(logged_booster(booster.model_to_string()), tmp_path)
    assert (found.verdict, found.form, found.digest) == ("native", "trees", None)
    assert found.cost is not None
    assert found.cost.call_seconds > 0


def test_what_no_form_holds_is_kept_and_says_why(tmp_path: Path) -> None:
    rows = visits().select(NUMBERS)
    from sklearn.pipeline import make_pipeline

    fitted = make_pipeline(FunctionTransformer(_own_words), LinearRegression()).fit(rows.to_numpy(), rows["age"].to_numpy())
    found = executor_verdict(logged_pickle(fitted, columns_signature(rows)), tmp_path)
    assert found.verdict == "kept"
    assert found.reason == found.kept
    assert found.digest is None


def _own_words(matrix: Any) -> Any:
    return matrix * 2


def test_no_model_at_all_is_refused(tmp_path: Path) -> None:
    found = executor_verdict({"weights.txt": b"x"}, tmp_path)
    assert (found.verdict, "no file MLmodel" in found.reason) == ("refused", True)
