"""The parcels' project, for tests of the whole loop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.parcels import write_parcels


@pytest.fixture(scope="session")
def write_project() -> Callable[[Path], Path]:
    """Writes the project into a fresh folder and returns its file."""
    return write_parcels
