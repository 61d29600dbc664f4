"""STYLE's shape rules hold for every module, without an allow-list; tools/shape.py says what they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.shape import ROOT, broken_in, modules


@pytest.mark.parametrize("path", [pytest.param(path, id=path.relative_to(ROOT).as_posix()) for path in modules()])
def test_module_has_the_shape(path: Path) -> None:
    assert [str(broken) for broken in broken_in([path])] == []


def test_every_room_is_looked_at() -> None:
    rooms = {path.relative_to(ROOT).parts[2] for path in modules() if path.is_relative_to(ROOT / "src")}
    assert {"core", "kernels", "storage", "data", "features", "loop", "cli", "testing"} <= rooms
