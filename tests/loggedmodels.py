"""Models as MLflow's client logs them, made without it: a few lines of YAML, and the fitted object beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cloudpickle  # type: ignore[import-untyped]  # it ships no types
import numpy as np
import polars as pl
import yaml

from flyball.core.ids import Digest
from flyball.serving.byhand import FoundVersion
from flyball.storage.blobs import BlobStore

TYPES = {"Float64": "double", "Int64": "long", "String": "string", "Boolean": "boolean", "Int32": "integer", "Float32": "float"}


def visits(rows: int = 200) -> pl.DataFrame:
    """Customers with gaps in no column."""
    draw = np.random.default_rng(7)
    return pl.DataFrame(
        {
            "age": draw.normal(40, 10, rows),
            "visits": draw.integers(0, 9, rows),
            "plan": draw.choice(["basic", "full", "trial"], rows),
            "vip": draw.random(rows) < 0.3,
        }
    )


def leaves(frame: pl.DataFrame) -> np.ndarray:
    """Who of `visits` leaves: 0 or 1."""
    found: np.ndarray = ((frame["age"] > 42) | (frame["plan"] == "basic")).to_numpy().astype(int)
    return found


def pipeline(model: Any, *, unknown: str = "ignore") -> Any:
    """The model behind an encoder of `plan` and an imputer of the numbers, not fitted yet."""
    from sklearn.compose import ColumnTransformer  # type: ignore[import-untyped]  # it ships no types
    from sklearn.impute import SimpleImputer  # type: ignore[import-untyped]  # it ships no types
    from sklearn.pipeline import make_pipeline  # type: ignore[import-untyped]  # it ships no types
    from sklearn.preprocessing import OneHotEncoder, StandardScaler  # type: ignore[import-untyped]  # it ships no types

    encoder = OneHotEncoder(handle_unknown=unknown, sparse_output=False)
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    return make_pipeline(ColumnTransformer([("plan", encoder, ["plan"]), ("numbers", numbers, ["age", "visits"])]), model)


def columns_signature(frame: pl.DataFrame, *, optional: Sequence[str] = ()) -> dict[str, str]:
    """A signature of the frame's columns."""
    inputs = [
        {"type": TYPES[str(dtype)], "name": name, "required": name not in optional} for name, dtype in frame.schema.items()
    ]  # fmt: skip
    return {"inputs": json.dumps(inputs), "outputs": json.dumps([{"type": "long", "required": True}])}


def array_signature(width: int) -> dict[str, str]:
    """The signature of an array of so many columns."""
    return {"inputs": json.dumps([{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, width]}}])}


def mlmodel(flavors: Mapping[str, Any], signature: Mapping[str, Any] | None = None, **more: Any) -> bytes:
    """The text of an MLmodel file."""
    facts: dict[str, Any] = {"flavors": dict(flavors), "mlflow_version": "3.17.2", **more}
    return yaml.safe_dump({**facts, **({"signature": dict(signature)} if signature else {})}).encode()


def logged_pickle(fitted: Any, signature: Mapping[str, Any] | None = None) -> dict[str, bytes]:
    """A fitted estimator, logged as a pickle of scikit-learn's flavor."""
    flavors = {
        "python_function": {"loader_module": "mlflow.sklearn", "model_path": "model.pkl"},
        "sklearn": {"pickled_model": "model.pkl", "serialization_format": "cloudpickle", "sklearn_version": "1.9.1", "code": None},
    }
    return {"MLmodel": mlmodel(flavors, signature), "model.pkl": cloudpickle.dumps(fitted)}


def logged_booster(text: str, signature: Mapping[str, Any] | None = None) -> dict[str, bytes]:
    """LightGBM's own text, logged by its flavor."""
    flavors = {"lightgbm": {"data": "model.lgb", "model_class": "lightgbm.basic.Booster"}}
    return {"MLmodel": mlmodel(flavors, signature), "model.lgb": text.encode()}


@dataclass(frozen=True)
class Stored:
    """A file of a version."""

    path: str
    digest: Digest
    size_bytes: int | None
    may_run_code: bool


def stored(name: str, files: Mapping[str, bytes], *, blobs: BlobStore, number: int = 1, may_run_code: bool = True) -> FoundVersion:
    """A version of these files, whose content is in `blobs`."""
    kept = [Stored(path, blobs.put(data), len(data), may_run_code) for path, data in sorted(files.items())]
    return FoundVersion(name=name, number=number, files=kept)
