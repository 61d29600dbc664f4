"""A pipeline whose last step is LightGBM's or XGBoost's: what comes before as an ONNX graph, the trees as their own library has them.

Trees in single precision fall to the other side of a threshold now and then; so the numbers stay in double where the graph can, and
the trees are never translated.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, Protocol

import numpy as np
import polars as pl

from flyball.core.canonical import canonical
from flyball.runtimes.boosted import THREADS
from flyball.runtimes.columns import Columns
from flyball.runtimes.errors import NotConvertibleError, UnservableError
from flyball.runtimes.model import Files, Floats, ModelManifest
from flyball.runtimes.onnxgraph import OnnxGraph, OnnxUse, Rejections
from flyball.runtimes.treed import TreedPredictor
from flyball.runtimes.trees import Trees

Library = Literal["lightgbm", "xgboost"]
_FRONT, _USE, _TREES, _FACTS = "front.onnx", "front.json", "trees.bin", "staged.json"


class Scorer(Protocol):
    """Trees that answer a matrix."""

    def predict(self, matrix: Floats) -> Floats: ...


@dataclass(frozen=True)
class Booster:
    """Trees as their library wrote them. Where `zero_is_missing`, the front's zeros are what a sparse matrix leaves out."""

    library: Library
    data: bytes
    zero_is_missing: bool = False


class StagedPredictor(TreedPredictor):
    """A `Predictor` of a front and the trees behind it; both carry no code."""

    def __init__(self, manifest: ModelManifest, front: OnnxGraph, *, booster: Booster) -> None:
        self.manifest, self.front, self.booster = manifest, front, booster
        self._trees = _open(booster)

    def _scores(self, columns: Columns, n_rows: int) -> Floats:
        matrix = np.asarray(self.front.run(columns, n_rows)[0], dtype=np.float64)
        if matrix.ndim != 2 or len(matrix) != n_rows:
            raise UnservableError(f"what comes before its trees gives a shape of {matrix.shape} for {n_rows} rows")
        if self.booster.zero_is_missing:
            matrix[matrix == 0] = np.nan
        return self._trees.predict(matrix)

    def dump(self) -> Files:
        facts = {"library": self.booster.library, "zero_is_missing": self.booster.zero_is_missing}
        use = canonical(self.front.use.to_json()).encode()
        return {_FRONT: self.front.data, _USE: use, _TREES: self.booster.data, _FACTS: canonical(facts).encode()}

    def refusing(self, rejections: Rejections) -> StagedPredictor:
        """The same model, which refuses these rows besides."""
        return StagedPredictor(self.manifest, self.front.refusing(rejections), booster=self.booster)

    @staticmethod
    def parse(manifest: ModelManifest, files: Files) -> StagedPredictor:
        """The predictor that `dump` wrote."""
        facts = json.loads(files[_FACTS])
        front = OnnxGraph(files[_FRONT], OnnxUse.from_json(json.loads(files[_USE])))
        return StagedPredictor(manifest, front, booster=Booster(facts["library"], files[_TREES], facts["zero_is_missing"]))


def _open(booster: Booster) -> Scorer:
    if booster.library == "lightgbm":
        return Trees(booster.data.decode(), threads=THREADS)
    from flyball.runtimes.xgboosted import XgboostTrees

    return XgboostTrees(booster.data)


def stages(
    fitted: Any, manifest: ModelManifest, *, schema: Mapping[str, pl.DataType], sample: Any
) -> Iterator[tuple[str, Callable[[], StagedPredictor]]]:
    """Ways to write a pipeline that ends in trees, the most exact first; none of any other model.

    `sample` is a row as the pipeline takes it.
    """
    steps: Sequence[Any] = getattr(fitted, "steps", None) or []
    library = type(steps[-1][1]).__module__.partition(".")[0] if len(steps) > 1 else ""
    if library not in {"lightgbm", "xgboost"}:
        return
    from flyball.runtimes.onnxconvert import fronts

    for way, make in fronts(fitted[:-1], schema=schema):
        yield way, partial(_staged, fitted, manifest, make=make, sample=sample)


def _staged(fitted: Any, manifest: ModelManifest, *, make: Callable[[], OnnxGraph], sample: Any) -> StagedPredictor:
    front, last = fitted[:-1], fitted.steps[-1][1]
    sparse = hasattr(front.transform(sample), "toarray")
    if type(last).__module__.partition(".")[0] == "lightgbm":
        booster = Booster("lightgbm", text_of(last).encode())
    else:
        booster = Booster("xgboost", binary_of(last), zero_is_missing=sparse)
    return StagedPredictor(manifest, make(), booster=booster)


def text_of(fitted: Any) -> str:
    """LightGBM's own text of its model, as far as it was found best."""
    booster = getattr(fitted, "booster_", fitted)
    text: str = booster.model_to_string(num_iteration=getattr(fitted, "best_iteration_", None) or -1)
    return text


def binary_of(fitted: Any) -> bytes:
    """XGBoost's own bytes of its model.

    Raises:
        NotConvertibleError: it takes another value than NaN for one that is missing.
    """
    missing = getattr(fitted, "missing", np.nan)
    if not np.isnan(missing):
        raise NotConvertibleError(f"it takes {missing!r} for a missing value")
    booster = fitted.get_booster() if hasattr(fitted, "get_booster") else fitted
    return bytes(booster.save_raw("ubj"))
