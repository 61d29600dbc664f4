"""A home with a model in production."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flyball.testing.livehome import LiveHome, opened_live_home


@pytest.fixture
def home(tmp_path: Path) -> Iterator[LiveHome]:
    with opened_live_home(tmp_path / "home") as opened:
        yield opened
