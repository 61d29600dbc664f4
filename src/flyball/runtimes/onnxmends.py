"""What skl2onnx 1.20 writes that ONNX Runtime does not take, or that loses what scikit-learn does: mended before a model is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from flyball.core.optional import extra

with extra("onnx"):
    import skl2onnx  # type: ignore[import-untyped]  # it ships no types, and so below
    from onnx import TensorProto
    from skl2onnx._supported_operators import sklearn_operator_name_map  # type: ignore[import-untyped]  # as above
    from skl2onnx.common._registration import get_converter, get_shape_calculator  # type: ignore[import-untyped]  # as above
    from skl2onnx.common.data_types import DoubleTensorType  # type: ignore[import-untyped]  # as above
    from skl2onnx.operator_converters.common import concatenate_variables  # type: ignore[import-untyped]  # as above

Convert = Callable[[Any, Any, Any], None]


class WholeNumbers:
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


@cache
def mend() -> None:
    """skl2onnx writes truth values as numbers, and imputes in double precision; once for the process."""
    from sklearn import ensemble, impute  # type: ignore[import-untyped]  # it ships no types

    for kind in (ensemble.HistGradientBoostingClassifier, ensemble.HistGradientBoostingRegressor):
        classifies = kind is ensemble.HistGradientBoostingClassifier
        options = {"zipmap": [True, False, "columns"], "raw_scores": [True, False], "nocl": [True, False]} if classifies else None
        _replace(kind, _plainly(get_converter(sklearn_operator_name_map[kind])), options=options)
    _replace(impute.SimpleImputer, _imputing(get_converter(sklearn_operator_name_map[impute.SimpleImputer])))


def _replace(kind: type, convert: Convert, *, options: dict[str, Any] | None = None) -> None:
    alias = sklearn_operator_name_map[kind]
    skl2onnx.update_registered_converter(kind, alias, get_shape_calculator(alias), convert, overwrite=True, options=options)


def _plainly(convert: Convert) -> Convert:
    return lambda scope, operator, container: convert(scope, operator, WholeNumbers(container))  # skl2onnx counts its arguments


def _imputing(convert: Convert) -> Convert:
    """ONNX Runtime has its `Imputer` in single precision alone; in double a choice between two values does the same."""
    return lambda scope, operator, container: (
        _impute(scope, operator, container=container) if _is_plain(operator) else convert(scope, operator, container)
    )


def _is_plain(operator: Any) -> bool:
    """Whether it fills NaN in numbers of double precision, each column with a number."""
    fitted = operator.raw_operator
    numbers = all(isinstance(found.type, DoubleTensorType) for found in operator.inputs)
    return bool(numbers and _is_nan(fitted.missing_values) and fitted.indicator_ is None and not np.isnan(fitted.statistics_).any())


def _impute(scope: Any, operator: Any, *, container: Any) -> None:
    given = concatenate_variables(scope, operator.inputs, container)
    given = given if isinstance(given, str) else given[0]
    known, missing = scope.get_unique_variable_name("statistics"), scope.get_unique_variable_name("missing")
    values = [float(value) for value in operator.raw_operator.statistics_]
    container.add_initializer(known, TensorProto.DOUBLE, [1, len(values)], values)
    container.add_node("IsNaN", [given], [missing], op_version=13, name=scope.get_unique_operator_name("IsNaN"))
    name = scope.get_unique_operator_name("Where")
    container.add_node("Where", [missing, known, given], [operator.outputs[0].full_name], op_version=9, name=name)


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and np.isnan(value)


def send_missing(graph: Any, trees: Sequence[Any]) -> None:
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
