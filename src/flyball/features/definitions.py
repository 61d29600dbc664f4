"""The canonical form of feature definitions: equal meaning, equal digest, whatever file or line they stand in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flyball.core.canonical import digest
from flyball.core.ids import Digest
from flyball.data import Columns, Dataset, Join
from flyball.features.model import Feature, OnDemand, View, WindowView
from flyball.provenance import fingerprint_expression, fingerprint_function


def definition(feature: Feature) -> Mapping[str, Any]:
    """All that decides a feature's values, but for the data: code by its fingerprint, expressions by theirs."""
    match feature:
        case Columns():
            return {"kind": "columns", "dataset": feature.dataset.definition(), "names": feature.names}
        case View():
            return {
                "kind": "view", "name": feature.name, "source": feature.source.definition(), "entity": feature.entity,
                "role": feature.role, "ttl": feature.ttl, "function": fingerprint_function(feature.function), **_without_value(feature),
            }  # fmt: skip
        case WindowView():
            return {
                "kind": "window-view", "name": feature.name, "source": _source(feature.source), "entity": feature.entity,
                "role": feature.role, "over": feature.over, "every": feature.every,
                "aggregates": [
                    [name, item.operation, None if item.expression is None else fingerprint_expression(item.expression)]
                    for name, item in feature.aggregates.items()
                ],
                **_without_value(feature),
            }  # fmt: skip
        case OnDemand():
            return {
                "kind": "on-demand", "name": feature.name, "bindings": feature.bindings,
                "function": fingerprint_function(feature.function),
            }  # fmt: skip


def _without_value(view: View | WindowView) -> Mapping[str, Any]:
    """What was declared for where there is no value; nothing is said of a view that declares nothing."""
    default = {"default": dict(view.default)} if view.default else {}
    return default if view.missing == "default" else {**default, "missing": view.missing}


def _source(source: Dataset | Join) -> Mapping[str, Any]:
    if isinstance(source, Join):
        return {"left": source.left.definition(), "right": source.right.definition(), "on": source.on}
    return source.definition()


def fingerprint_feature(feature: Feature) -> Digest:
    """The digest of a feature's definition."""
    return digest(definition(feature))
