"""What counts as another answer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from flyball.runtimes.likeness import Likeness, compare
from flyball.runtimes.model import Files, Floats, ModelManifest
from flyball.runtimes.sampling import UNSEEN, Samples, samples

SCHEMA = {"x": pl.Float64(), "word": pl.String()}
Says = Callable[[pl.DataFrame], Floats]


class Saying:
    """A model that is one function."""

    manifest = ModelManifest(format="trees", features=("x", "word"), dtypes=("Float64", "String"), task="regression")

    def __init__(self, says: Says) -> None:
        self._says = says

    def predict(self, frame: pl.DataFrame) -> Floats:
        return self._says(frame)

    def dump(self) -> Files:
        return {}


def like(original: Says, other: Says, *, tolerance: float = 1e-5) -> Likeness:
    return compare(Saying(original), Saying(other), samples=samples(SCHEMA, None), tolerance=tolerance)


def double(frame: pl.DataFrame) -> Floats:
    return frame["x"].cast(pl.Float64).fill_null(0.0).fill_nan(0.0).to_numpy() * 2


def refusing(frame: pl.DataFrame) -> Floats:
    if UNSEEN in frame["word"].to_list():
        raise ValueError(UNSEEN)
    return double(frame)


def needing(frame: pl.DataFrame) -> Floats:
    if frame["x"].has_nulls() or frame["x"].is_nan().any():
        raise ValueError("no value")
    return double(frame)


def chances(shift: float) -> Says:
    def says(frame: pl.DataFrame) -> Floats:
        first = np.clip(0.5 + shift + 0 * frame["word"].is_null().to_numpy(), 0, 1)
        both = np.column_stack([first, 1 - first])
        return np.column_stack([both.argmax(axis=1), both])

    return says


def test_the_same_is_the_same_over_hundreds_of_rows() -> None:
    found = like(double, double)
    assert found.same
    assert found.rows > 256
    assert found.max_abs_diff == 0.0
    assert Likeness.from_json(found.to_json()) == found


def test_a_difference_counts_relative_to_the_value() -> None:
    assert like(double, lambda frame: double(frame) * (1 + 1e-6)).same
    assert not like(double, lambda frame: double(frame) * (1 + 1e-4)).same
    assert not like(double, lambda frame: double(frame) * (1 + 1e-9), tolerance=0.0).same


def test_what_one_refuses_and_the_other_answers_is_a_difference() -> None:
    assert like(refusing, refusing).same
    assert (like(refusing, double).refused, like(double, refusing).refused) == (2, 2)
    assert not like(refusing, double).same


def test_columns_without_which_the_original_refuses_are_named() -> None:
    found = like(needing, double)
    assert (found.never_null, found.same) == (("x",), True)


def test_classes_may_differ_where_they_are_tied_and_nowhere_else() -> None:
    assert like(chances(0.0), chances(-1e-6)).same
    assert like(chances(0.1), chances(-0.1)).labels > 256


@pytest.mark.parametrize("width", [1, 3])
def test_answers_of_another_shape_are_another_answer(width: int) -> None:
    assert not like(double, lambda frame: np.ones((frame.height, width))).same


def test_samples_are_the_same_each_time_and_hold_what_models_trip_over() -> None:
    logged = pl.DataFrame({"x": [1.0, 2.0], "word": ["a", "b"]})
    one, two = samples(SCHEMA, logged, texts=["c"]), samples(SCHEMA, logged, texts=["c"])
    assert isinstance(one, Samples)
    assert one.usual.equals(two.usual)
    assert one.n_logged == 2
    assert set(one.usual["word"]) == {"a", "b", "c"}
    assert UNSEEN in one.unseen["word"].to_list()
    assert str(one.missing["x"]["x"].to_list()) == "[None, nan]"
    assert one.missing["word"]["word"].to_list() == [None]
    assert one.whole.schema["x"] == pl.Int64()
    assert list(one.beyond) == ["x"]
    assert one.extremes["x"].max() == 1e9
