"""The example is a script, not a package: tests load it by its path."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

PREPARE = Path(__file__).parents[3] / "examples" / "flights" / "prepare.py"


@pytest.fixture(scope="session")
def preparation() -> ModuleType:
    """The module examples/flights/prepare.py."""
    spec = importlib.util.spec_from_file_location("flights_prepare", PREPARE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
