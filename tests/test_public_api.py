"""The words of a project file, as one list: a name that comes or goes changes this file, and so the changelog."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from types import ModuleType

import pytest

import flyball as fb

WORDS = [
    "Columns", "Dataset", "FlyballError", "Graph", "Join", "Label", "Model", "Project", "TrainingSet",
    "at_least", "at_most", "beats_champion", "canary", "check", "count", "delta", "derive", "derive_sql",
    "drift", "every", "files", "graph", "guardrails", "label", "last",
    "load",
    "max", "max_slice_gap", "mean", "min", "on_demand", "on_drift", "on_performance_drop", "parquet", "performance",
    "prediction_log", "push", "quality", "quota", "redis_stream", "resources", "rows", "search", "sql", "sum", "view", "window_view",
]  # fmt: skip
ROOMS = sorted(module.name for module in pkgutil.iter_modules(fb.__path__) if module.ispkg)


def test_public_words_are_these() -> None:
    assert fb.__all__ == WORDS


@pytest.mark.parametrize("word", WORDS)
def test_word_is_the_room_s_own(word: str) -> None:
    value = getattr(fb, word)
    module = isinstance(value, ModuleType)  # a word with words of its own, such as fb.graph.mean
    assert (value.__name__ if module else value.__module__).startswith("flyball.")
    assert value.__name__.rpartition(".")[2] == word
    assert value.__doc__
    assert all(getattr(value, inner).__doc__ for inner in value.__all__) if module else True
    assert getattr(fb, word) is value


def test_dir_lists_the_words_before_they_are_used() -> None:
    listed = subprocess.run([sys.executable, "-c", "import flyball; print(*dir(flyball))"], capture_output=True, text=True, check=True)
    assert set(WORDS) <= set(listed.stdout.split())


def test_unknown_word_names_the_near_one() -> None:
    with pytest.raises(AttributeError, match=r"no word 'Modle' in flyball\. Did you mean 'Model'\?"):
        _ = fb.Modle  # type: ignore[attr-defined]  # the misspelt word is the case


@pytest.mark.parametrize("room", ROOMS)
def test_face_of_a_room_keeps_its_promise(room: str) -> None:
    face = importlib.import_module(f"flyball.{room}")
    words = getattr(face, "__all__", [])
    assert len(set(words)) == len(words)
    assert [word for word in words if not hasattr(face, word)] == []
