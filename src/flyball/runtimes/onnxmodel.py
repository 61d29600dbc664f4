"""ONNX: arithmetic as data, run by ONNX Runtime on one thread. What lies outside of the file is taken in first or refused."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from flyball.core.canonical import canonical
from flyball.runtimes.answering import Gives, answered, classed
from flyball.runtimes.columns import Columns, columns_of
from flyball.runtimes.estimator import values_of
from flyball.runtimes.model import Files, Floats, ModelManifest
from flyball.runtimes.onnxgraph import OnnxGraph, OnnxUse, Rejections

GRAPH, USE = "model.onnx", "onnx.json"


@dataclass(frozen=True)
class OnnxPredictor:
    """A `Predictor` of one ONNX graph, which says the label and the probabilities of a classifier, or the value.

    `gives` says what a graph of a single output means by it, where it has classes.
    """

    manifest: ModelManifest
    graph: OnnxGraph
    gives: Gives = "value"

    def predict(self, frame: pl.DataFrame) -> Floats:
        return self.predict_columns(columns_of(frame), frame.height)

    def predict_columns(self, columns: Columns, n_rows: int) -> Floats:
        classes = self.manifest.classes
        if not n_rows:
            return np.empty((0, 1 + len(classes)) if classes else 0)
        said = self.graph.run(columns, n_rows)
        if self.manifest.task == "binary":
            chances = np.asarray(said[-1], dtype=np.float64)
            return values_of(chances[:, -1] if chances.ndim == 2 else chances, n_rows)
        if not classes:
            return values_of(said[0], n_rows)
        return answered(said[0], n_rows, gives=self.gives, classes=classes) if len(said) == 1 else self._labelled(said)

    def _labelled(self, said: Sequence[Any]) -> Floats:
        """The label that the graph says, which need not be the likeliest in double precision, and the probabilities."""
        probabilities = np.asarray(said[1], dtype=np.float64)
        if probabilities.shape[1] == 1 < len(self.manifest.classes):
            probabilities = classed(probabilities[:, 0])[:, 1:]
        result = np.empty((len(probabilities), 1 + probabilities.shape[1]))
        result[:, 1:] = probabilities
        places = [self._places.get(label) for label in np.ravel(said[0]).tolist()]
        if None in places:
            likeliest = probabilities.argmax(axis=1).tolist()
            places = [other if place is None else place for place, other in zip(places, likeliest, strict=True)]
        result[:, 0] = places
        return result

    @cached_property
    def _places(self) -> Mapping[Any, int]:
        return {label: place for place, label in enumerate(self.manifest.classes)}

    def dump(self) -> Files:
        return {GRAPH: self.graph.data, USE: canonical({**self.graph.use.to_json(), "gives": self.gives}).encode()}

    def refusing(self, rejections: Rejections) -> OnnxPredictor:
        """The same model, which refuses these rows besides."""
        return OnnxPredictor(self.manifest, self.graph.refusing(rejections), self.gives)

    @staticmethod
    def parse(manifest: ModelManifest, files: Files) -> OnnxPredictor:
        """The predictor that `dump` wrote."""
        facts: Mapping[str, Any] = json.loads(files[USE])
        return OnnxPredictor(manifest, OnnxGraph(files[GRAPH], OnnxUse.from_json(facts)), facts.get("gives", "value"))
