"""Project files that are wrong: `check` and `backtest` say what and where, and nothing is begun."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

CIRCLE = """
@fb.on_demand
def one(two_value: pl.Expr) -> dict[str, pl.Expr]:
    return {"one_value": two_value}


@fb.on_demand
def two(one_value: pl.Expr) -> dict[str, pl.Expr]:
    return {"two_value": one_value}


late = fb.Model("""


@pytest.mark.parametrize(
    ("old", "new", "facts"),
    [
        ("late = fb.Model(", "late = = fb.Model(", ["parcels.py:1", "syntax error"]),
        ("import polars as pl", "import polars as pl\nimport no_such_module", ["parcels.py:3", "no_such_module"]),
        ('"weight"]', '"wieght"]', ["'wieght'", "Did you mean 'weight'"]),
        ('"weight"], load]', '"weight"], load, one, two]', ["one", "two"]),
        ('lead="1h"', 'lead="7h"', ["7h", "known only 6h before"]),
    ],
    ids=["syntax", "import", "feature", "circle", "lead"],
)
def test_what_is_wrong_is_said_before_anything_is_begun(fresh: Callable[..., Any], *, old: str, new: str, facts: list[str]) -> None:
    place = fresh()
    if "one, two" in new:
        place.edit("\nlate = fb.Model(", CIRCLE)
    place.edit(old, new)
    place.refuses(2, *facts, command=("check", str(place.project)))
    done = place.run("backtest")
    assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
    assert all(fact in done.stderr for fact in facts)
    assert not (place.home / "backtests").exists()


def test_a_missing_project_file_is_named_with_the_near_one(fresh: Callable[..., Any]) -> None:
    place = fresh()
    place.refuses(2, "parcles.py", "parcels.py", command=("check", str(place.folder / "parcles.py")))
