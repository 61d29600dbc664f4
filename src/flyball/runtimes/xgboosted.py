"""XGBoost's own JSON and UBJSON as a model that was trained elsewhere; its library is an extra of its own."""

from __future__ import annotations

import json
from collections.abc import Sequence

from flyball.core.canonical import canonical
from flyball.core.optional import extra
from flyball.runtimes.columns import Columns
from flyball.runtimes.errors import ModelFileError, UnservableError
from flyball.runtimes.matrix import Matrix, MatrixColumn
from flyball.runtimes.model import Files, Floats, Label, ModelManifest
from flyball.runtimes.naming import aligned
from flyball.runtimes.treed import TreedPredictor

with extra("xgboost"):
    import xgboost  # type: ignore[import-not-found,import-untyped,unused-ignore]  # it may not be there


class XgboostTrees:
    """XGBoost's model file, which answers a matrix as its own classes do. Thread-safe; never changes."""

    def __init__(self, data: bytes) -> None:
        self._booster = _load(data)
        self._rounds = _best(self._booster)

    def predict(self, matrix: Floats) -> Floats:
        """What the model says of the rows of ``(n_rows, n_features)``, NaN where a value is missing; in single precision."""
        found: Floats = self._booster.inplace_predict(matrix, iteration_range=self._rounds, validate_features=False)
        return found


class XgboostPredictor(TreedPredictor):
    """A `Predictor` of XGBoost's model file, which carries no code."""

    def __init__(self, manifest: ModelManifest, matrix: Matrix, *, data: bytes) -> None:
        self.manifest, self.matrix, self._data = manifest, matrix, data
        self._trees = XgboostTrees(data)

    def _scores(self, columns: Columns, n_rows: int) -> Floats:
        return self._trees.predict(self.matrix.encode(columns, n_rows))  # in single precision: so is the complement, as its own

    def dump(self) -> Files:
        return {"model.ubj": self._data, "matrix.json": canonical(self.matrix.to_json()).encode()}

    @staticmethod
    def parse(manifest: ModelManifest, files: Files) -> XgboostPredictor:
        """The predictor that `dump` wrote."""
        return XgboostPredictor(manifest, Matrix.from_json(json.loads(files["matrix.json"])), data=files["model.ubj"])


def boosted(data: bytes, names: Sequence[str], *, kind: str = "", classes: Sequence[Label] = ()) -> XgboostPredictor:
    """The model of XGBoost's file; `names` are its columns as they are declared, in any order.

    `kind` is the class it was saved from; a classifier without `classes` has 0, 1, …

    Raises:
        UnservableError: it has categories, whose codes the file does not hold, or its columns are others than those declared.
        ModelFileError: the file is no model of XGBoost.
    """
    booster = _load(data)
    own = aligned(booster.feature_names or [str(place) for place in range(booster.num_features())], names)
    if "c" in (booster.feature_types or []):
        raise UnservableError("some of its columns are categories of pandas, whose codes its file does not hold")
    objective = json.loads(booster.save_config())["learner"]["objective"]["name"]
    if kind.endswith("Classifier") and not classes:
        classes = range(max(2, int(json.loads(booster.save_config())["learner"]["learner_model_param"]["num_class"])))
    if objective == "multi:softmax":
        raise UnservableError("its objective multi:softmax says no probabilities; train it with multi:softprob")
    matrix = Matrix(tuple(MatrixColumn(name) for name in own))
    manifest = ModelManifest(
        format="xgboost", features=matrix.names, dtypes=("Float64",) * len(own), task="classes" if classes else "regression",
        classes=tuple(classes),
    )  # fmt: skip
    return XgboostPredictor(manifest, matrix, data=data)


def _load(data: bytes) -> xgboost.Booster:
    try:
        return xgboost.Booster({"nthread": 1}, model_file=bytearray(data))
    except xgboost.core.XGBoostError as error:
        raise ModelFileError("of XGBoost", str(error).splitlines()[0][:300]) from error


def _best(booster: xgboost.Booster) -> tuple[int, int]:
    best = booster.attr("best_iteration")
    return (0, 0) if best is None else (0, int(best) + 1)
