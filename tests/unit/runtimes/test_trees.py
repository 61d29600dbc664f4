"""LightGBM's library answers without its Python package, and says the same."""

from __future__ import annotations

import subprocess
import sys

import lightgbm
import numpy as np
import pytest

from flyball.runtimes.errors import ModelFileError
from flyball.runtimes.trees import Trees


def test_answers_as_the_python_package_does_to_the_bit() -> None:
    generator = np.random.default_rng(0)
    matrix = generator.normal(size=(500, 4))
    matrix[generator.random(matrix.shape) < 0.1] = np.nan
    label = (np.nan_to_num(matrix[:, 0]) > 0).astype(float)
    booster = lightgbm.train({"objective": "binary", "verbose": -1, "num_threads": 1}, lightgbm.Dataset(matrix, label), 20)
    trees = Trees(booster.model_to_string(), threads=1)
    assert trees.predict(matrix).tobytes() == np.asarray(booster.predict(matrix, num_threads=1)).tobytes()
    assert trees.predict(np.asfortranarray(matrix[:3])).tobytes() == trees.predict(matrix)[:3].tobytes()


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(ModelFileError, match="LightGBM"):
        Trees("not a model", threads=1)


def test_neither_the_package_nor_what_it_brings_is_loaded() -> None:
    code = "import flyball.runtimes.boosted, sys\nprint([n for n in ('lightgbm', 'sklearn', 'scipy', 'pandas') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
