"""What is no model is refused, and code is loaded only where that is said."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from flyball.runtimes import CodeCarryingError, ModelFileError, ModelFormatError, ModelManifest, PredictionError, load, save
from flyball.runtimes._pickle import PickledPredictor
from flyball.runtimes.custom import predict_with

MANIFEST = ModelManifest(format="pickle", features=("a",), dtypes=("Int64",), task="binary", carries_code=True)


class Answers:
    """Gives back what it was made with."""

    def __init__(self, answer: object) -> None:
        self._answer = answer

    def predict(self, rows: pl.DataFrame) -> object:
        del rows
        return self._answer


def test_code_is_not_loaded_unasked(tmp_path: Path) -> None:
    save(PickledPredictor(MANIFEST, Answers([0.5])), tmp_path)
    with pytest.raises(CodeCarryingError):
        load(tmp_path)
    assert load(tmp_path, allow_code=True).predict(pl.DataFrame({"a": [1]})).tolist() == [0.5]


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"PK\x03\x04 no archive")
    for path in (tmp_path, tmp_path / "file", tmp_path / "none"):
        with pytest.raises(ModelFileError):
            load(path)
    (tmp_path / "manifest.json").write_text('{"format": "pmml"}')
    with pytest.raises(ModelFormatError, match="formats: blend, exported, function, graph, lightgbm"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (None, "returned nothing"),
        ("text", "no array of numbers"),
        ([0.5], "Return one number per row"),
        ([0.5, float("nan")], "1 of 2 values are NaN or infinite, the first at row 1"),
        ([0.5, 1.5], "a probability lies in"),
        ([[0.1, 0.2, 0.7]] * 2, "Return one number per row"),
    ],
)
def test_an_answer_that_is_no_prediction_is_told(answer: object, told: str) -> None:
    with pytest.raises(PredictionError, match=told):
        predict_with(Answers(answer), pl.DataFrame({"a": [1, 2]}), manifest=MANIFEST)


def test_of_two_columns_the_last_is_the_positive_class() -> None:
    assert predict_with(Answers([[0.25, 0.75]]), pl.DataFrame({"a": [1]}), manifest=MANIFEST).tolist() == [0.75]
