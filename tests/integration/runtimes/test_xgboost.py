"""XGBoost's own files and its scikit-learn classes, to the bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost

from flyball.runtimes import ModelFileError, UnservableError, load
from flyball.runtimes.conversion import convert
from flyball.runtimes.packing import pack
from tests.loggedmodels import columns_signature, leaves, logged_pickle, mlmodel, visits

ROWS = visits().select("age", "visits")
MATRIX = ROWS.to_numpy().astype(float)
TARGETS = {"binary": leaves(visits()), "several": ROWS["visits"].to_numpy() % 3, "values": ROWS["age"].to_numpy()}


def fitted(kind: str) -> Any:
    settings = {"n_estimators": 5, "n_jobs": 1, "random_state": 0}
    made = xgboost.XGBRegressor(**settings) if kind == "values" else xgboost.XGBClassifier(**settings)
    return made.fit(MATRIX, TARGETS[kind])


def own(model: Any, kind: str) -> np.ndarray:
    return np.asarray(model.predict(MATRIX) if kind == "values" else model.predict_proba(MATRIX), dtype=np.float64)


def logged(model: Any, *, suffix: str) -> dict[str, bytes]:
    data = bytes(model.get_booster().save_raw({"ubj": "ubj", "json": "json"}[suffix]))
    kind = f"{type(model).__module__}.{type(model).__name__}"
    flavors = {"xgboost": {"data": f"model.{suffix}", "model_class": kind}}
    return {"MLmodel": mlmodel(flavors, columns_signature(ROWS)), f"model.{suffix}": data}


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("suffix", ["ubj", "json"])
def test_its_own_file_carries_no_code_and_answers_the_same(tmp_path: Path, kind: str, suffix: str) -> None:
    model = fitted(kind)
    packed = pack(logged(model, suffix=suffix), may_run_code=False)
    assert (packed.manifest.format, packed.manifest.apart) == ("xgboost", False)
    (tmp_path / "model.bin").write_bytes(packed.archived())
    said = load(tmp_path / "model.bin").predict(ROWS)
    expected = own(model, kind)
    assert (said if kind == "values" else said[:, 1:]).tobytes() == expected.tobytes()
    if kind != "values":
        assert said[:, 0].tolist() == model.predict(MATRIX).tolist()


@pytest.mark.parametrize("kind", TARGETS)
def test_a_pickled_wrapper_is_converted_to_its_own_file(tmp_path: Path, kind: str) -> None:
    (tmp_path / "model.bin").write_bytes(pack(logged_pickle(fitted(kind), columns_signature(ROWS)), may_run_code=True).archived())
    found = convert(tmp_path / "model.bin")
    assert found.packed is not None, [attempt.reason for attempt in found.attempts]
    assert found.packed.manifest.format == "xgboost"
    assert found.attempts[0].likeness is not None
    assert found.attempts[0].likeness.max_abs_diff == 0.0


def test_damaged_files_and_hard_classes_are_refused() -> None:
    files = logged(fitted("binary"), suffix="ubj")
    with pytest.raises(ModelFileError):
        pack({**files, "model.ubj": b"garbage"}, may_run_code=False)
    hard = xgboost.train({"objective": "multi:softmax", "num_class": 3}, xgboost.DMatrix(MATRIX, TARGETS["several"]), 2)
    with pytest.raises(UnservableError, match="multi:softprob"):
        pack({**files, "model.ubj": bytes(hard.save_raw("ubj"))}, may_run_code=False)
