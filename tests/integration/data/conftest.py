"""A home to ingest into."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flyball.testing.data_home import DataHome, opened_data_home


@pytest.fixture
def home(tmp_path: Path) -> Iterator[DataHome]:
    with opened_data_home(tmp_path) as opened:
        yield opened
