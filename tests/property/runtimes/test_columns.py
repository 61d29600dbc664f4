"""A model that is asked by columns says what it says of the frame, to the bit, whatever the values and however they come."""

from __future__ import annotations

from typing import Any

import lightgbm
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer  # type: ignore[import-untyped]  # it ships no types
from sklearn.ensemble import GradientBoostingClassifier  # type: ignore[import-untyped]  # as above
from sklearn.pipeline import make_pipeline  # type: ignore[import-untyped]  # as above
from sklearn.preprocessing import OneHotEncoder  # type: ignore[import-untyped]  # as above

from flyball.runtimes import Encoder, ModelManifest
from flyball.runtimes.blend import BlendPredictor
from flyball.runtimes.boosted import BoostedPredictor
from flyball.runtimes.columns import by_columns
from flyball.runtimes.forest import forest
from flyball.runtimes.linear import LinearPredictor, Term
from flyball.runtimes.model import Predictor
from flyball.runtimes.onnxconvert import graphs

SCHEMA: dict[str, pl.DataType] = {"line": pl.String(), "distance": pl.Float64(), "hour": pl.Int64(), "far": pl.Boolean()}
DTYPES = tuple(map(str, SCHEMA.values()))


def manifest(kind: Any, **changes: Any) -> ModelManifest:
    return ModelManifest(**{"format": kind, "features": tuple(SCHEMA), "dtypes": DTYPES, "task": "binary", **changes})


def rows() -> tuple[pl.DataFrame, Any]:
    draw = np.random.default_rng(0)
    columns = {"line": draw.choice(["a", "b", "c"], 300), "distance": draw.normal(5, 3, 300), "hour": draw.integers(0, 24, 300)}
    frame = pl.DataFrame({**columns, "far": columns["distance"] > 6}, schema=SCHEMA)
    return frame, (columns["distance"] + draw.normal(0, 1, 300) > 5).astype(int)


def models() -> list[Predictor]:
    frame, label = rows()
    encoder = Encoder.fit(frame)
    quiet = {"objective": "binary", "verbose": -1, "num_threads": 1, "seed": 0}
    text = lightgbm.train(quiet, lightgbm.Dataset(encoder.transform(frame), label), 20).model_to_string()
    boosted = BoostedPredictor(manifest("lightgbm"), encoder, text=text)
    terms = tuple(Term(tuple(0.1 * place for place in range(len(column.levels) + 1)), missing=0.3) for column in encoder.columns)
    linear = LinearPredictor(manifest("linear"), encoder, -0.5, terms)
    names = ["distance", "hour", "far"]
    plain = lightgbm.train(quiet, lightgbm.Dataset(frame[names].cast(pl.Float64).to_numpy(), label, feature_name=names), 20)
    return [
        boosted, linear, BlendPredictor(manifest("blend"), (boosted, linear), (0.25, 0.75)),
        forest(plain.model_to_string(), names, dtypes={}), *converted(frame, label),
    ]  # fmt: skip


def converted(frame: pl.DataFrame, label: Any) -> list[Predictor]:
    """The first two graphs of a pipeline of scikit-learn's that can be made."""
    columns = ColumnTransformer([("lines", OneHotEncoder(handle_unknown="ignore"), ["line"])], remainder="passthrough")
    fitted = make_pipeline(columns, GradientBoostingClassifier(n_estimators=10, random_state=0)).fit(frame, label)
    made = graphs(fitted, manifest("onnx", task="classes", classes=(0, 1)), schema=SCHEMA)
    return [make() for _, make in list(made)[:2]]


MODELS = models()


def value(dtype: pl.DataType) -> st.SearchStrategy[Any]:
    if dtype == pl.String:
        return st.none() | st.sampled_from(["a", "b", "c", "", "z"]) | st.text(max_size=5)
    if dtype == pl.Boolean:
        return st.none() | st.booleans()
    if dtype == pl.Int64:
        return st.none() | st.integers(-(2**53), 2**53)
    return st.none() | st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize("place", range(len(MODELS)))
@given(data=st.data())
def test_columns_are_answered_as_frames_are(place: int, data: st.DataObject) -> None:
    model, n_rows = MODELS[place], data.draw(st.integers(0, 12))
    columns = {name: data.draw(st.lists(value(dtype), min_size=n_rows, max_size=n_rows), label=name) for name, dtype in SCHEMA.items()}
    frame = pl.DataFrame(columns, schema=SCHEMA)
    ask = by_columns(model)
    assert ask is not None
    mixed = {name: frame[name] if data.draw(st.booleans()) else values for name, values in columns.items()}
    wanted = said(lambda: model.predict(frame))
    for given_columns in (columns, mixed):
        assert said(lambda given_columns=given_columns: ask(given_columns, n_rows)) == wanted


def said(ask: Any) -> Any:
    try:
        found = ask()
    except Exception as error:  # noqa: BLE001 - they must fail alike as well
        return type(error), str(error)
    return found.shape, found.tobytes()


def test_a_model_of_times_takes_frames_alone() -> None:
    boosted = MODELS[0]
    assert isinstance(boosted, BoostedPredictor)
    dtypes = (*DTYPES[:3], str(pl.Datetime("us", "UTC")))
    timed = LinearPredictor(manifest("linear", dtypes=dtypes), boosted.encoder, 0.0, ())
    assert by_columns(timed) is None
    assert by_columns(BlendPredictor(manifest("blend"), (timed,), (1.0,))) is None
