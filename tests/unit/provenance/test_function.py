"""A function's fingerprint sees all that it does and nothing of how it is written down."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import polars as pl
import pytest

from flyball.provenance import OpaqueValueError, fingerprint_expression, fingerprint_function

SOURCE = '''
import math
import polars as pl
from dataclasses import dataclass
from enum import Enum

LIMIT, TABLE, NAMES = 15, {"b": 2, "a": [1, 2.5]}, frozenset(("x", "y", "z", "w"))
LATE = pl.col("delay") > LIMIT

class Kind(Enum):
    A = 1

@dataclass(frozen=True)
class Scale:
    factor: float = 2.0
    def apply(self, value):
        return value * self.factor

SCALE = Scale()

def deepest(value):
    return math.floor(value) + 1

def helper(value):
    return deepest(value) * 2

def outer(step):
    def inner(value, extra=3, *, more=4):
        return helper(value) + step + extra + more + LIMIT
    return inner

def function(value):
    """Says what it does."""
    from json import dumps
    if value in {"x", "y", "z", "w", "v"} or value in NAMES:
        return dumps(TABLE)
    return SCALE.apply(helper(value)) if value > LIMIT else Kind.A, LATE

closed = outer(5)
'''


def made(source: str, name: str = "function") -> Callable[..., Any]:
    module = ModuleType("project_file")
    sys.modules["project_file"] = module  # dataclasses ask for it while the class is made
    exec(compile(source, "project_file.py", "exec"), vars(module))  # noqa: S102 - a project file is code
    del sys.modules["project_file"]
    found: Callable[..., Any] = vars(module)[name]
    return found


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return math.floor(value) + 1", "return math.floor(value) + 2"),
        ("return deepest(value) * 2", "return deepest(value) * 3"),
        ("LIMIT, TABLE, NAMES = 15", "LIMIT, TABLE, NAMES = 16"),
        ('"a": [1, 2.5]', '"a": [1, 2.25]'),
        ('"delay"', '"arr_delay"'),
        ("return value * self.factor", "return value / self.factor"),
        ("factor: float = 2.0", "factor: float = 3.0"),
        ("A = 1", "B = 1\n    A = 2"),
        ('"w", "v"}', '"w", "u"}'),
        ('("x", "y", "z", "w")', '("x", "y", "z", "q")'),
        ("from json import dumps", "from pprint import pformat as dumps"),
    ],
)
def test_every_change_that_it_reaches_changes_the_fingerprint(old: str, new: str) -> None:
    assert old in SOURCE
    assert fingerprint_function(made(SOURCE)) != fingerprint_function(made(SOURCE.replace(old, new)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("def deepest(value):", "# a remark\n\ndef deepest(value):  # another\n"),
        ("Says what it does.", "Says it better."),
        ('{"b": 2, "a": [1, 2.5]}', '{"a": [1, 2.5], "b": 2}'),
        ("def outer(step):", "def unused():\n    return 1\n\ndef outer(step):"),
    ],
)
def test_layout_order_and_what_it_does_not_reach_do_not(old: str, new: str) -> None:
    assert old in SOURCE
    assert fingerprint_function(made(SOURCE)) == fingerprint_function(made(SOURCE.replace(old, new)))


@pytest.mark.parametrize(("old", "new"), [("outer(5)", "outer(6)"), ("extra=3", "extra=4"), ("more=4", "more=5"), ("floor", "ceil")])
def test_closures_and_defaults_count(old: str, new: str) -> None:
    assert fingerprint_function(made(SOURCE, "closed")) != fingerprint_function(made(SOURCE.replace(old, new), "closed"))


def test_it_is_the_same_in_every_process_and_under_every_hash_seed(tmp_path: Path) -> None:
    (tmp_path / "project_file.py").write_text(SOURCE)
    ask = "import project_file as p, flyball.provenance as f; print(f.fingerprint_function(p.function), f.fingerprint_function(p.closed))"
    found = set()
    for seed in ("0", "1", "4242"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(tmp_path)}
        done = subprocess.run([sys.executable, "-c", ask], env=environment, capture_output=True, text=True, check=True)
        found.add(done.stdout)
    assert len(found) == 1


def test_functions_that_call_each_other_have_a_fingerprint() -> None:
    source = "def even(n):\n    return n == 0 or odd(n - 1)\ndef odd(n):\n    return n != 0 and even(n - 1)\n"
    assert fingerprint_function(made(source, "even")) != fingerprint_function(made(source, "odd"))
    assert fingerprint_function(made(source, "even")) != fingerprint_function(made(source.replace("n != 0", "n > 0"), "even"))


def test_lambdas_partials_methods_and_arrays_count_by_what_they_do() -> None:
    source = "from functools import partial\nimport numpy as np\nARRAY = np.arange(3)\nf = partial(lambda a, b: a + b + ARRAY.sum(), 1)\n"
    assert fingerprint_function(made(source, "f")) == fingerprint_function(made(source, "f"))
    assert fingerprint_function(made(source, "f")) != fingerprint_function(made(source.replace("arange(3)", "arange(4)"), "f"))
    assert fingerprint_function(made(source, "f")) != fingerprint_function(made(source.replace("a + b", "a - b"), "f"))
    assert fingerprint_function(np.cumsum) != fingerprint_function(np.cumprod)


def test_what_has_no_stable_form_is_refused_by_name() -> None:
    lock = threading.Lock()

    def guarded() -> None:
        with lock:
            pass

    with pytest.raises(OpaqueValueError, match=r"guarded refers to a value of type _thread.lock"):
        fingerprint_function(guarded)


def test_a_value_that_holds_itself_is_refused() -> None:
    knot: list[object] = []
    knot.append(knot)
    with pytest.raises(OpaqueValueError, match="holds itself"):
        fingerprint_function(lambda: knot)


def test_equal_expressions_have_one_fingerprint() -> None:
    assert fingerprint_expression(pl.col("a") > 15) == fingerprint_expression(pl.col("a") > 15)
    assert fingerprint_expression(pl.col("a") > 15) != fingerprint_expression(pl.col("a") >= 15)
