"""Models that were logged with MLflow and carry code, or need its library: loaded in a process of their own, never in a server.

What they load may do anything; who calls this has checked that it may, and has given up what it can do without.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from flyball.core.errors import MissingExtraError, UnknownNameError
from flyball.core.optional import extra
from flyball.runtimes.declared import Declared
from flyball.runtimes.errors import ModelFileError, UnservableError
from flyball.runtimes.estimator import EstimatorPredictor, as_table, told_values
from flyball.runtimes.function import CalledPredictor
from flyball.runtimes.mlmodel import Mlmodel, parse
from flyball.runtimes.model import Description, Files, ModelManifest

PICKLED = {"sklearn": ("pickled_model",), "lightgbm": ("data",), "xgboost": ("data",)}
"""The flavors whose fitted object is one pickled file, and the field that names it."""


class FunctionPredictor:
    """Any Python function of MLflow's; it says one plain value per row."""

    def __init__(self, manifest: ModelManifest, loaded: Any, *, files: Files) -> None:
        self.manifest, self._loaded, self._files = manifest, loaded, files
        self.description = Description(task="values", features=manifest.features)

    def predict(self, frame: pl.DataFrame) -> npt.NDArray[Any]:
        """One value per row, numbers and texts as they are: an array of objects.

        Raises:
            PredictionError: it gave something else.
        """
        for name in self.manifest.features:
            if name not in frame.columns:
                raise UnknownNameError("feature", name, known=frame.columns, where="the rows to predict")
        return np.array(told_values(self._loaded.predict(as_table(frame)), frame.height), dtype=object)

    def dump(self) -> Files:
        return self._files


def parse_logged(manifest: ModelManifest, files: Files) -> EstimatorPredictor | FunctionPredictor | CalledPredictor:
    """The model that was logged. Runs the code that it carries.

    Raises:
        ModelFileError: what it names is not among its files.
        MissingExtraError: a library that it needs is not installed here.
    """
    inner = {name.removeprefix("mlflow/"): data for name, data in files.items() if name.startswith("mlflow/")}
    told = parse(inner)
    place = Path(tempfile.mkdtemp(prefix="model-"))
    _write(inner, place)
    _add_code(told, place)
    for flavor, fields in PICKLED.items():
        if flavor in told.flavors:
            fitted = _needing(flavor, partial(_load_fitted, inner, told.get_path(flavor, *fields)))
            return _asked(manifest, fitted, declared=Declared.of(told), files=files)
    return FunctionPredictor(manifest, _load_function(place), files=files)


def _asked(manifest: ModelManifest, fitted: Any, *, declared: Declared, files: Files) -> EstimatorPredictor | CalledPredictor:
    if callable(fitted) and not hasattr(fitted, "predict") and manifest.features:  # a function that was pickled
        classed = replace(manifest, classes=declared.classes)
        return CalledPredictor(classed, fitted, gives=declared.gives, files=files)
    return EstimatorPredictor(manifest, fitted, files=files)


def parse_skops(manifest: ModelManifest, files: Files) -> EstimatorPredictor:
    """The model that skops wrote, as far as all of its types are on our list.

    Raises:
        CodeNotAllowedError: one is not.
    """
    from flyball.runtimes.skopsfile import load_skops

    return EstimatorPredictor(manifest, _needing("skops", partial(load_skops, files["model.skops"])), files=files)


def _load_fitted(files: Files, path: str) -> Any:
    if path not in files:
        raise ModelFileError("of MLflow", f"its MLmodel names the file {path!r}, which is not there")
    if path.endswith(".skops"):
        from flyball.runtimes.skopsfile import load_skops

        return load_skops(files[path], may_run_code=True)
    from flyball.runtimes._pickle import unpickle, unpickle_joblib

    return unpickle_joblib(files[path]) if path.endswith(".joblib") else unpickle(files[path])


def _load_function(place: Path) -> Any:
    try:
        with extra("mlflow"):
            import mlflow.pyfunc  # type: ignore[import-not-found,import-untyped,unused-ignore]  # it may not be there
    except MissingExtraError as error:
        raise UnservableError(
            "it is a Python function of MLflow's, which is run by the package `mlflow`, and that is not installed where this server runs. "
            "Install it there with `pip install mlflow`, or log the model by its own flavor"
        ) from error
    return mlflow.pyfunc.load_model(str(place))


def _add_code(told: Mlmodel, place: Path) -> None:
    """Modules that were logged beside the model are imported from there, as MLflow does."""
    for flavor in ("python_function", *PICKLED):
        if told.flavors.get(flavor, {}).get("code"):
            sys.path.insert(0, str(place / told.get_path(flavor, "code")))
            return


def _write(files: Files, place: Path) -> None:
    for name, data in files.items():
        path = (place / name).resolve()
        if not path.is_relative_to(place.resolve()):
            raise ModelFileError("of MLflow", f"its file {name!r} lies outside of it")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _needing(flavor: str, load: Callable[[], Any]) -> Any:
    try:
        return load()
    except ModuleNotFoundError as error:
        missing = error.name or str(error)
        raise UnservableError(
            f"to load it ({flavor}) needs the module {missing!r}, which is not installed where this server runs. Install it there, or log "
            "the model with `code_paths` if the module is your own"
        ) from error
