"""LightGBM's library asked without its Python package, which brings scikit-learn and SciPy: 80 MB and a second to say the same numbers.

It knows a model's text and a matrix, and nothing of how a model is trained.
"""

from __future__ import annotations

import ctypes
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from flyball.core.errors import MissingExtraError
from flyball.runtimes.errors import ModelFileError
from flyball.runtimes.model import Floats

_FLOAT64, _ROW_MAJOR, _NORMAL, _ALL_TREES = 1, 1, 0, -1  # values of LightGBM's C_API_* constants
_NAMES = ("lib/lib_lightgbm.so", "lib/lib_lightgbm.dylib", "bin/lib_lightgbm.dll")


@cache
def _library() -> ctypes.CDLL:
    package = find_spec("lightgbm")  # finds the package without running it
    if package is None or not package.submodule_search_locations:
        raise MissingExtraError("lightgbm", "train")
    root = Path(package.submodule_search_locations[0])
    found = next((root / name for name in _NAMES if (root / name).is_file()), root / _NAMES[0])
    library = ctypes.CDLL(str(found))
    library.LGBM_GetLastError.restype = ctypes.c_char_p
    return library


class Trees:
    """A model of LightGBM that answers as its Python package does, to the bit. Thread-safe; never changes.

    Raises:
        ModelFileError: the text is no model.
    """

    def __init__(self, text: str, *, threads: int) -> None:
        self._library = _library()
        self._handle, self._parameters = ctypes.c_void_p(), f"num_threads={threads}".encode()
        iterations = ctypes.c_int()
        loaded = self._library.LGBM_BoosterLoadModelFromString(text.encode(), ctypes.byref(iterations), ctypes.byref(self._handle))
        self._check(loaded)
        self.n_outputs = self._outputs()

    def predict(self, matrix: Floats) -> Floats:
        """What the model says of the rows of ``(n_rows, n_features)`` float64, NaN where a value is missing.

        Shape ``(n_rows,)``, or ``(n_rows, n_outputs)`` where a row has several.
        """
        matrix = np.ascontiguousarray(matrix, dtype=np.float64)
        n_rows, n_columns = matrix.shape
        scores = np.empty(n_rows if self.n_outputs == 1 else (n_rows, self.n_outputs))
        written = ctypes.c_int64()
        answer = self._library.LGBM_BoosterPredictForMat(
            self._handle, ctypes.c_void_p(matrix.ctypes.data), _FLOAT64, ctypes.c_int32(n_rows), ctypes.c_int32(n_columns), _ROW_MAJOR,
            _NORMAL, 0, _ALL_TREES, self._parameters, ctypes.byref(written), ctypes.c_void_p(scores.ctypes.data),
        )  # fmt: skip
        self._check(answer)
        return scores

    def _outputs(self) -> int:
        found = ctypes.c_int()
        self._check(self._library.LGBM_BoosterGetNumClasses(self._handle, ctypes.byref(found)))
        return found.value

    def __del__(self) -> None:
        handle = getattr(self, "_handle", None)
        if handle:
            self._library.LGBM_BoosterFree(handle)

    def _check(self, answer: int) -> None:
        if answer:
            raise ModelFileError("of LightGBM", self._library.LGBM_GetLastError().decode(errors="replace"))
