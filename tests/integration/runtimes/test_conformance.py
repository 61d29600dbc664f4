"""Every model format keeps the laws of a predictor, and the suite catches one that does not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from flyball.runtimes import ModelManifest, Predictor
from flyball.runtimes._pickle import PickledPredictor
from flyball.runtimes.blend import BlendPredictor
from flyball.runtimes.model import Files, Floats
from flyball.testing.runtimes import RuntimeSuite
from flyball.testing.suite import failing_tests
from flyball.training import boosting, linear
from flyball.training.candidates import Candidates
from flyball.training.prepared import Prepared
from flyball.training.rows import Rows


def prepared(frame: pl.DataFrame) -> Prepared:
    label = (np.arange(frame.height) % 3 == 0).astype(np.float64)
    number = np.arange(frame.height, dtype=np.int64)
    return Prepared.of(Rows(frame.head(150), label[:150], number[:150], number[:150]), "binary", seed=1)


class TestBoosted(RuntimeSuite):
    def fit(self) -> Predictor:
        return Candidates(prepared(self.rows())).fit({"kind": "boosting", **boosting.DEFAULTS, "trees": 10})


class TestLinear(RuntimeSuite):
    def fit(self) -> Predictor:
        return Candidates(prepared(self.rows())).fit({"kind": "linear", **linear.DEFAULTS})


class TestBlend(RuntimeSuite):
    def fit(self) -> Predictor:
        candidates, given = Candidates(prepared(self.rows())), prepared(self.rows())
        members = (
            candidates.fit({"kind": "boosting", **boosting.DEFAULTS, "trees": 5}),
            candidates.fit({"kind": "linear", **linear.DEFAULTS}),
        )
        return BlendPredictor(given.manifest("blend"), members, (0.25, 0.75))


class Halves:
    """A user's model."""

    def predict_proba(self, rows: pl.DataFrame) -> Floats:
        return np.where(rows["flag"].fill_null(value=False).to_numpy(), 0.75, 0.25)


class TestPickled(RuntimeSuite):
    def fit(self) -> Predictor:
        rows = self.rows()
        dtypes = tuple(str(dtype) for dtype in rows.dtypes)
        manifest = ModelManifest(format="pickle", features=tuple(rows.columns), dtypes=dtypes, task="binary", carries_code=True)
        return PickledPredictor(manifest, Halves())


@dataclass(frozen=True)
class _Nosy:
    """Centres its predictions on the batch."""

    inner: Predictor

    @property
    def manifest(self) -> ModelManifest:
        return self.inner.manifest

    def predict(self, frame: pl.DataFrame) -> Floats:
        found = self.inner.predict(frame)
        return found - found.mean() if len(found) else found

    def dump(self) -> Files:
        return self.inner.dump()


def test_the_suite_catches_a_model_whose_rows_see_each_other() -> None:
    class Broken(TestLinear):
        def fit(self) -> Predictor:
            return _Nosy(super().fit())

    assert "test_a_row_does_not_see_the_others" in failing_tests(Broken)
