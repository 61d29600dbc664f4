"""A function of somebody's own file as a model: it is given the declared columns as a Polars frame, and says one value per row.

Loaded in a process of its own, never in a server. What it returns means what was declared, and anything else is refused.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from flyball.core.errors import UnknownNameError
from flyball.runtimes.answering import Gives, answered
from flyball.runtimes.errors import UnservableError
from flyball.runtimes.estimator import told_values
from flyball.runtimes.model import Description, Files, ModelManifest
from flyball.runtimes.ownforms import read_facts


class CalledPredictor:
    """A model that is one function of a frame; without classes it may say numbers or texts."""

    def __init__(self, manifest: ModelManifest, call: Callable[[Any], Any], *, gives: Gives, files: Files) -> None:
        self.manifest, self._call, self._gives, self._files = manifest, call, gives, files
        self.description = Description(
            task="classes" if manifest.classes else manifest.task, classes=manifest.classes, features=manifest.features
        )

    def predict(self, frame: pl.DataFrame) -> npt.NDArray[Any]:
        """One value per row, an array of objects; with classes as any `Predictor` says them.

        Raises:
            PredictionError: it gave something else.
        """
        for name in self.manifest.features:
            if name not in frame.columns:
                raise UnknownNameError("feature", name, known=frame.columns, where="the rows to predict")
        if not frame.height:
            return np.empty((0, 1 + len(self.manifest.classes)) if self.manifest.classes else 0)
        said = self._call(frame.select(self.manifest.features))
        if self.manifest.classes or self.manifest.task == "regression":
            return answered(said, frame.height, gives=self._gives, classes=self.manifest.classes)
        return np.array(told_values(said, frame.height), dtype=object)

    def dump(self) -> Files:
        return self._files


def parse_function(manifest: ModelManifest, files: Files) -> CalledPredictor:
    """The function that was imported. Runs the code that it carries.

    Raises:
        UnservableError: the file has no such function, or cannot be run here.
    """
    facts, inner = read_facts(files)
    place = Path(tempfile.mkdtemp(prefix="model-"))
    for name, data in inner.items():
        path = (place / name).resolve()
        if not path.is_relative_to(place.resolve()):
            raise UnservableError(f"its file {name!r} lies outside of it")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return CalledPredictor(manifest, _find(place / facts["data"], facts["function"]), gives=facts["gives"], files=files)


def _find(path: Path, name: str) -> Callable[[Any], Any]:
    sys.path.insert(0, str(path.parent))  # files that were imported beside it
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise UnservableError(f"{path.name!r} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    except ModuleNotFoundError as error:
        raise UnservableError(
            f"{path.name!r} needs the module {error.name!r}, which is not installed where this server runs. Install it there, or import "
            "the directory that has both"
        ) from error
    found = getattr(module, name, None)
    if not callable(found):
        named = sorted(key for key, value in vars(module).items() if callable(value) and getattr(value, "__module__", "") == path.stem)
        raise UnservableError(f"{path.name!r} has no function {name!r}; it has {', '.join(named[:12]) or 'none'}")
    return found  # type: ignore[no-any-return]  # whatever it is, it can be called
