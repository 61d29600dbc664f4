"""A module's fingerprint follows its imports through the project and stops at installed distributions."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flyball.provenance import ModuleSourceError, fingerprint_module
from flyball.provenance.distributions import is_own, version_of
from flyball.provenance.modules import source_file

FILES = {
    "shop/__init__.py": "",
    "shop/main.py": "from typing import TYPE_CHECKING\nfrom . import prices\nif TYPE_CHECKING:\n    from shop import unused\n",
    "shop/prices.py": "from shop.tax import rate\ndef price(x):\n    return x * rate\n",
    "shop/tax.py": "rate = 1.2\n",
    "shop/unused.py": "x = 1\n",
}


def asked(root: Path, files: dict[str, str]) -> str:
    for name, text in files.items():
        (root / name).parent.mkdir(exist_ok=True, parents=True)
        (root / name).write_text(text)
    ask = "import sys; from flyball.provenance import fingerprint_module; print(fingerprint_module('shop.main'),'shop.main' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", ask], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_it_sees_through_imports_and_past_comments_without_running_anything(tmp_path: Path) -> None:
    before = asked(tmp_path / "a", FILES)
    assert before.endswith("False")
    assert asked(tmp_path / "b", FILES | {"shop/tax.py": "# VAT\n\nrate = 1.2  # since 2011\n", "shop/unused.py": "x = 2\n"}) == before
    assert asked(tmp_path / "c", FILES | {"shop/tax.py": "rate = 1.25\n"}) != before


def test_the_same_module_has_the_same_fingerprint() -> None:
    assert fingerprint_module("flyball.kernels.join_law") == fingerprint_module("flyball.kernels.join_law")
    assert fingerprint_module("flyball.kernels.join_law") != fingerprint_module("flyball.kernels.windows")


@pytest.mark.parametrize("name", ["flyball.nothing", "nothing_at_all", "math"])
def test_a_module_without_source_is_refused(name: str) -> None:
    with pytest.raises(ModuleSourceError, match=name):
        fingerprint_module(name)


def test_installed_distributions_count_by_version() -> None:
    assert version_of("polars.expr").startswith("polars==")
    assert version_of("json") == f"python=={sys.version_info.major}.{sys.version_info.minor}"
    assert not is_own("polars", str(source_file("polars")))
    assert is_own("flyball.core.ids", None)
    assert is_own("test_modules", __file__)
