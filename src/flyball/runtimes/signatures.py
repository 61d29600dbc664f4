"""What a model takes and gives, in the words of an ``MLmodel`` file: for models that were never logged with one as for those that were."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from flyball.runtimes.model import ModelManifest
from flyball.runtimes.packing import POLARS, Packed, TakenColumn

_MLFLOW = {dtype: name for name, dtype in POLARS.items()} | {
    "Int8": "integer", "Int16": "integer", "UInt8": "integer", "UInt16": "integer", "UInt32": "long", "UInt64": "long", "Date": "datetime",
}  # fmt: skip
_BEGUN = {"Datetime": "datetime", "Categorical": "string", "Enum": "string"}
OTHER = "any"
"""MLflow's word for a type that it has none for."""


def signature_of(packed: Packed) -> dict[str, Any]:
    """The columns that the model takes as "inputs", none where it takes whatever comes, and what it answers of each row as "outputs"."""
    manifest = packed.manifest
    named = [TakenColumn(name, dtype) for name, dtype in zip(manifest.features, manifest.dtypes, strict=True)]
    return {"inputs": [_told(column) for column in packed.takes or named], "outputs": _answers(manifest)}


def _told(column: TakenColumn) -> dict[str, Any]:
    return {"type": _type_of(column.dtype), "name": column.name, "required": column.required}


def _type_of(dtype: str) -> str:
    return _MLFLOW.get(dtype) or _BEGUN.get(dtype.partition("(")[0], OTHER)


def _answers(manifest: ModelManifest) -> list[dict[str, Any]]:
    match manifest.task:
        case "binary":
            return [_answer("prediction", "boolean"), _answer("score", "double")]
        case "regression":
            return [_answer("prediction", "double")]
        case "classes":
            probabilities = {"type": "array", "items": {"type": "double"}, "name": "probabilities", "required": True}
            return [_answer("prediction", _class_type(manifest.classes)), probabilities]
        case "values":
            return [_answer("prediction", OTHER)]


def _answer(name: str, kind: str) -> dict[str, Any]:
    return {"type": kind, "name": name, "required": True}


def _class_type(classes: Sequence[object]) -> str:
    if not classes:
        return OTHER
    dtype = str(pl.Series(list(classes), strict=False).dtype) if len({type(found) for found in classes}) == 1 else "String"
    return _type_of(dtype)
