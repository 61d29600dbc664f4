"""scikit-learn's models as ONNX graphs, by skl2onnx. Several come of one model; which of them answers the same is asked elsewhere."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from typing import Any

import numpy as np
import polars as pl

from flyball.core.optional import extra
from flyball.runtimes.model import ModelManifest
from flyball.runtimes.onnxmodel import Element, OnnxInput, OnnxPredictor

with extra("onnx"):
    import skl2onnx  # type: ignore[import-untyped]  # it ships no types, and so below
    from skl2onnx._supported_operators import sklearn_operator_name_map  # type: ignore[import-untyped]  # as above
    from skl2onnx.common import data_types  # type: ignore[import-untyped]  # as above
    from skl2onnx.common._registration import get_converter, get_shape_calculator  # type: ignore[import-untyped]  # as above

_TYPES: Mapping[str, Any] = {
    "double": data_types.DoubleTensorType, "float": data_types.FloatTensorType, "int64": data_types.Int64TensorType,
    "string": data_types.StringTensorType, "bool": data_types.BooleanTensorType,
}  # fmt: skip


class _WholeNumbers:
    """A container of nodes that writes truth values as whole numbers: newer releases of `onnx` take no others in a list of attributes.

    skl2onnx 1.20 writes those of HistGradientBoosting's missing values as they are, and fails.
    """

    def __init__(self, container: Any) -> None:
        self._container = container

    def __getattr__(self, name: str) -> Any:
        return getattr(self._container, name)

    def add_node(self, *kind_inputs_outputs: Any, **attributes: Any) -> Any:
        plain = {name: _plain(value) for name, value in attributes.items()}
        return self._container.add_node(*kind_inputs_outputs, **plain)


def _plain(value: Any) -> Any:
    truths = isinstance(value, list) and any(isinstance(item, bool | np.bool_) for item in value)
    return [int(item) for item in value] if truths else value


def graphs(fitted: Any, manifest: ModelManifest, *, schema: Mapping[str, pl.DataType]) -> Iterator[tuple[str, Callable[[], OnnxPredictor]]]:
    """Ways to write the model, the most exact first: the name of each, and what makes it or raises.

    `manifest` says the model's classes; `schema` are its columns in their order.
    """
    for name, inputs in _ways(schema):
        yield name, partial(_converted, fitted, manifest, inputs=inputs)


def _ways(schema: Mapping[str, pl.DataType]) -> Iterator[tuple[str, Sequence[OnnxInput]]]:
    names = tuple(schema)
    numbers = all(dtype.is_numeric() or dtype == pl.Boolean for dtype in schema.values())
    for element in ("double", "float"):
        if numbers:
            yield f"one table of {element}", [OnnxInput("X", names, _element(pl.Float64(), element))]
        yield f"columns, numbers as {element}", [OnnxInput(name, (name,), _element(schema[name], element)) for name in names]
    if any(dtype.is_integer() or dtype == pl.Boolean for dtype in schema.values()):
        yield "columns of their own types", [OnnxInput(name, (name,), _own(schema[name])) for name in names]


def _element(dtype: pl.DataType, number: str) -> Element:
    return "string" if dtype == pl.String else number  # type: ignore[return-value]  # number is one of them


def _own(dtype: pl.DataType) -> Element:
    if dtype == pl.Boolean:
        return "bool"
    return "string" if dtype == pl.String else "int64" if dtype.is_integer() else "float"


def _converted(fitted: Any, manifest: ModelManifest, *, inputs: Sequence[OnnxInput]) -> OnnxPredictor:
    _mend()
    types = [(found.name, _TYPES[found.element]([None, len(found.columns)])) for found in inputs]
    options = {id(fitted): {"zipmap": False}} if manifest.classes else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        graph = skl2onnx.to_onnx(fitted, initial_types=types, options=options)
    _send_missing(graph, _trees_of(fitted))
    outputs = [output.name for output in graph.graph.output]
    return OnnxPredictor(manifest, graph.SerializeToString(), inputs=inputs, outputs=outputs[: 2 if manifest.classes else 1])


def _trees_of(fitted: Any) -> list[Any]:
    """scikit-learn's own trees of a tree or a forest, also at the end of a pipeline; none of any other model."""
    last = fitted.steps[-1][1] if getattr(fitted, "steps", None) else fitted
    if hasattr(last, "tree_"):
        return [last.tree_]
    members = getattr(last, "estimators_", None)
    return [member.tree_ for member in members if hasattr(member, "tree_")] if isinstance(members, list) else []


def _send_missing(graph: Any, trees: Sequence[Any]) -> None:
    """A missing value goes down the branch that scikit-learn sends it; skl2onnx 1.20 leaves that out, and it goes right."""
    nodes = [node for node in graph.graph.node if node.op_type.startswith("TreeEnsemble")]
    if len(nodes) != 1 or not trees:
        return
    found = {attribute.name: attribute for attribute in nodes[0].attribute}
    if not {"nodes_treeids", "nodes_nodeids", "nodes_missing_value_tracks_true"} <= found.keys():
        return
    places = zip(found["nodes_treeids"].ints, found["nodes_nodeids"].ints, strict=True)
    left = [int(trees[tree].missing_go_to_left[node]) if tree < len(trees) else 0 for tree, node in places]
    del found["nodes_missing_value_tracks_true"].ints[:]
    found["nodes_missing_value_tracks_true"].ints.extend(left)


@cache
def _mend() -> None:
    from sklearn import ensemble  # type: ignore[import-untyped]  # it ships no types

    for kind in (ensemble.HistGradientBoostingClassifier, ensemble.HistGradientBoostingRegressor):
        alias = sklearn_operator_name_map[kind]
        options = {"zipmap": [True, False, "columns"], "raw_scores": [True, False], "nocl": [True, False]}
        skl2onnx.update_registered_converter(
            kind, alias, get_shape_calculator(alias), _mended(get_converter(alias)), overwrite=True,
            options=options if kind is ensemble.HistGradientBoostingClassifier else None,
        )  # fmt: skip


def _mended(convert: Callable[..., Any]) -> Callable[..., Any]:
    return lambda scope, operator, container: convert(scope, operator, _WholeNumbers(container))  # skl2onnx counts its arguments
