"""Models that carry code: the one module that may unpickle, imported inside a step's own process only.

Classes of the user's project travel inside the file, since another process need not be able to import them.
"""

from __future__ import annotations

import inspect
import io
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl

from flyball.core.canonical import digest_bytes
from flyball.core.optional import extra
from flyball.runtimes.custom import predict_with
from flyball.runtimes.model import Files, Floats, ModelManifest

with extra("train"):
    import cloudpickle  # type: ignore[import-untyped]  # it ships no types


class PickledPredictor:
    """A `Predictor` around any fitted object."""

    def __init__(self, manifest: ModelManifest, fitted: Any, *, data: bytes | None = None) -> None:
        self.manifest, self.fitted = manifest, fitted
        self._data = data

    def predict(self, frame: pl.DataFrame) -> Floats:
        return predict_with(self.fitted, frame, manifest=self.manifest)

    def dump(self) -> Files:
        if self._data is None:
            for module in _travelling(type(self.fitted)):
                cloudpickle.register_pickle_by_value(module)
                _name_classes(module)
            self._data = cloudpickle.dumps(self.fitted, protocol=5)
        return {"model.pkl": self._data}

    @staticmethod
    def parse(manifest: ModelManifest, files: Files) -> PickledPredictor:
        """The predictor that `dump` wrote. Runs the code that it carries."""
        data = files["model.pkl"]
        return PickledPredictor(manifest, cloudpickle.loads(data), data=data)


def unpickle(data: bytes) -> Any:
    """The object that was pickled. Runs whatever the bytes say: for a process that has nothing to lose."""
    return cloudpickle.loads(data)


def unpickle_joblib(data: bytes) -> Any:
    """The object that joblib wrote. Runs whatever the bytes say, as `unpickle` does."""
    import joblib  # type: ignore[import-untyped]  # it ships no types, and comes with scikit-learn

    return joblib.load(io.BytesIO(data))


def _travelling(kind: type) -> list[ModuleType]:
    """The modules in the folder of the class's module and below, unless that is installed: then any process has it."""
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    if file is None or "site-packages" in file or kind.__module__.partition(".")[0] in {*sys.stdlib_module_names, "flyball"}:
        return []
    folder = Path(file).parent
    loaded = [module for _, module in sorted(sys.modules.items()) if getattr(module, "__file__", None)]
    return [module for module in loaded if Path(str(module.__file__)).is_relative_to(folder)]


def _name_classes(module: ModuleType) -> None:
    # cloudpickle names a travelling class at random, and equal models would be different bytes.
    source = Path(str(module.__file__)).read_bytes()
    for name, kind in sorted(inspect.getmembers(module, inspect.isclass)):
        if kind.__module__ == module.__name__:
            tracked = digest_bytes(source + f"{module.__name__}:{name}".encode())[:32]
            cloudpickle.cloudpickle._DYNAMIC_CLASS_TRACKER_BY_CLASS.setdefault(kind, tracked)  # noqa: SLF001 - there is no public way
            cloudpickle.cloudpickle._DYNAMIC_CLASS_TRACKER_BY_ID.setdefault(tracked, kind)  # noqa: SLF001 - as above
