"""The laws of `Predictor`, whatever its format."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from flyball.core.errors import UnknownNameError
from flyball.runtimes.files import load, read_manifest, save, save_archive
from flyball.runtimes.model import Predictor
from flyball.testing.suite import Suite


class RuntimeSuite(Suite):
    """A row's prediction is its own, and a saved model is the model."""

    @abstractmethod
    def fit(self) -> Predictor:
        """A fitted model for the columns of `rows`; twice the same."""

    def rows(self) -> pl.DataFrame:
        """Rows with numbers, texts, levels never seen, nulls and infinities."""
        n = 200
        return pl.DataFrame(
            {
                "number": [None if i % 7 == 0 else float("inf") if i % 31 == 0 else i / 10 for i in range(n)],
                "flag": [None if i % 11 == 0 else i % 2 == 0 for i in range(n)],
                "text": [None if i % 13 == 0 else f"level {i % 17}" for i in range(n)],
            },
            schema={"number": pl.Float64, "flag": pl.Boolean, "text": pl.String},
        )

    def test_a_prediction_is_one_finite_number_per_row(self) -> None:
        found = self.fit().predict(self.rows())
        assert found.shape == (200,)
        assert found.dtype == np.float64
        assert np.isfinite(found).all()

    def test_no_rows_give_no_predictions(self) -> None:
        assert self.fit().predict(self.rows().clear()).shape == (0,)

    def test_a_row_does_not_see_the_others(self) -> None:
        model, rows = self.fit(), self.rows()
        whole = model.predict(rows)
        alone = np.concatenate([model.predict(rows.slice(start, 3)) for start in range(0, 200, 3)])
        assert alone.tobytes() == whole.tobytes()
        assert model.predict(rows.reverse()).tobytes() == whole[::-1].tobytes()

    def test_order_of_columns_and_more_of_them_change_nothing(self) -> None:
        model, rows = self.fit(), self.rows()
        other = rows.select("text", "flag", pl.lit(1).alias("more"), "number")
        assert model.predict(other).tobytes() == model.predict(rows).tobytes()

    def test_a_missing_feature_is_named(self) -> None:
        with pytest.raises(UnknownNameError, match="'flag'"):
            self.fit().predict(self.rows().drop("flag"))

    def test_what_was_saved_predicts_the_same(self, tmp_path: Path) -> None:
        model, rows = self.fit(), self.rows()
        save(model, tmp_path / "model")
        save_archive(model, tmp_path / "model.bin")
        for path in (tmp_path / "model", tmp_path / "model.bin"):
            loaded = load(path, allow_code=True)
            assert read_manifest(path) == loaded.manifest == model.manifest
            assert loaded.predict(rows).tobytes() == model.predict(rows).tobytes()

    def test_equal_models_are_equal_bytes(self, tmp_path: Path) -> None:
        save_archive(self.fit(), tmp_path / "one")
        save_archive(self.fit(), tmp_path / "two")
        save_archive(load(tmp_path / "one", allow_code=True), tmp_path / "again")
        assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes() == (tmp_path / "again").read_bytes()
