"""scikit-learn's models as ONNX graphs, by skl2onnx. Several come of one model; which of them answers the same is asked elsewhere."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import polars as pl

from flyball.core.optional import extra
from flyball.runtimes.model import ModelManifest
from flyball.runtimes.onnxgraph import Element, OnnxGraph, OnnxInput, OnnxUse
from flyball.runtimes.onnxmends import mend, send_missing
from flyball.runtimes.onnxmodel import OnnxPredictor

with extra("onnx"):
    import skl2onnx  # type: ignore[import-untyped]  # it ships no types, and so below
    from skl2onnx.common import data_types  # type: ignore[import-untyped]  # as above

_TYPES: Mapping[str, Any] = {
    "double": data_types.DoubleTensorType, "float": data_types.FloatTensorType, "int64": data_types.Int64TensorType,
    "string": data_types.StringTensorType, "bool": data_types.BooleanTensorType,
}  # fmt: skip


def graphs(fitted: Any, manifest: ModelManifest, *, schema: Mapping[str, pl.DataType]) -> Iterator[tuple[str, Callable[[], OnnxPredictor]]]:
    """Ways to write the model, the most exact first: the name of each, and what makes it or raises.

    `manifest` says the model's classes; `schema` are its columns in their order.
    """
    for name, inputs in _ways(schema):
        yield name, partial(_converted, fitted, manifest, inputs=inputs)


def fronts(fitted: Any, *, schema: Mapping[str, pl.DataType]) -> Iterator[tuple[str, Callable[[], OnnxGraph]]]:
    """Ways to write what transforms rows before a model sees them, the most exact first."""
    for name, inputs in _ways(schema):
        yield name, partial(_graph, fitted, inputs=inputs, classifies=False)


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
    return OnnxPredictor(manifest, _graph(fitted, inputs=inputs, classifies=bool(manifest.classes) or manifest.task == "binary"))


def _graph(fitted: Any, *, inputs: Sequence[OnnxInput], classifies: bool) -> OnnxGraph:
    mend()
    types = [(found.name, _TYPES[found.element]([None, len(found.columns)])) for found in inputs]
    options = {id(fitted): {"zipmap": False}} if classifies else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        graph = skl2onnx.to_onnx(fitted, initial_types=types, options=options)
    send_missing(graph, _trees_of(fitted))
    outputs = [output.name for output in graph.graph.output]
    return OnnxGraph(graph.SerializeToString(), OnnxUse(_renamed(inputs, graph), tuple(outputs[: 2 if classifies else 1])))


def _renamed(inputs: Sequence[OnnxInput], graph: Any) -> tuple[OnnxInput, ...]:
    """The inputs as the graph calls them: skl2onnx writes an underscore for a dot or a blank in the name of a column."""
    names = [found.name for found in graph.graph.input]
    if len(names) != len(inputs):  # what it leaves out is asked for by nobody
        return tuple(found for found in inputs if found.name in names)
    return tuple(replace(found, name=name) for found, name in zip(inputs, names, strict=True))


def _trees_of(fitted: Any) -> list[Any]:
    """scikit-learn's own trees of a tree or a forest, also at the end of a pipeline; none of any other model."""
    last = fitted.steps[-1][1] if getattr(fitted, "steps", None) else fitted
    if hasattr(last, "tree_"):
        return [last.tree_]
    members = getattr(last, "estimators_", None)
    return [member.tree_ for member in members if hasattr(member, "tree_")] if isinstance(members, list) else []
