"""Flyball keeps every model of a team in production, at its working point, from raw rows to retraining.

``import flyball as fb`` gives the words of a project file. Each is loaded from its room when it is first used, so that
importing the package costs next to nothing; tests/test_public_api.py holds the list.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flyball.cli.notebook import load
    from flyball.core.errors import FlyballError
    from flyball.data import Columns, Dataset, Join, Label, files, label
    from flyball.data.declared.check import check
    from flyball.data.declared.generated import rows
    from flyball.data.declared.sql import sql
    from flyball.data.declared.streams import push, redis_stream
    from flyball.data.declared.tables import delta, parquet
    from flyball.data.derivation.source import derive, derive_sql
    from flyball.features import count, last, max, mean, min, on_demand, sum, view, window_view  # noqa: A004  fb.max is the public word
    from flyball.loop import Model, Project, every, on_drift, on_performance_drop
    from flyball.monitoring import drift, performance, quality, resources
    from flyball.releases import at_least, at_most, beats_champion, canary, guardrails, max_slice_gap
    from flyball.serving.graphs import Graph, graph
    from flyball.serving.logspec import prediction_log
    from flyball.serving.quotas import quota
    from flyball.training import TrainingSet, search

__all__ = [
    "Columns",
    "Dataset",
    "FlyballError",
    "Graph",
    "Join",
    "Label",
    "Model",
    "Project",
    "TrainingSet",
    "at_least",
    "at_most",
    "beats_champion",
    "canary",
    "check",
    "count",
    "delta",
    "derive",
    "derive_sql",
    "drift",
    "every",
    "files",
    "graph",
    "guardrails",
    "label",
    "last",
    "load",
    "max",
    "max_slice_gap",
    "mean",
    "min",
    "on_demand",
    "on_drift",
    "on_performance_drop",
    "parquet",
    "performance",
    "prediction_log",
    "push",
    "quality",
    "quota",
    "redis_stream",
    "resources",
    "rows",
    "search",
    "sql",
    "sum",
    "view",
    "window_view",
]

_ROOMS = {
    "core.errors": ("FlyballError",),
    "cli.notebook": ("load",),
    "data": ("Columns", "Dataset", "Join", "Label", "files", "label"),
    "data.declared.check": ("check",),
    "data.declared.generated": ("rows",),
    "data.declared.sql": ("sql",),
    "data.declared.tables": ("delta", "parquet"),
    "data.derivation.source": ("derive", "derive_sql"),
    "data.declared.streams": ("push", "redis_stream"),
    "features": ("count", "last", "max", "mean", "min", "on_demand", "sum", "view", "window_view"),
    "loop": ("Model", "Project", "every", "on_drift", "on_performance_drop"),
    "monitoring": ("drift", "performance", "quality", "resources"),
    "releases": ("at_least", "at_most", "beats_champion", "canary", "guardrails", "max_slice_gap"),
    "serving.graphs": ("Graph", "graph"),
    "serving.logspec": ("prediction_log",),
    "serving.quotas": ("quota",),
    "training": ("TrainingSet", "search"),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}


if not TYPE_CHECKING:  # a type checker must see a misspelt word as the error that it is

    def __getattr__(name: str) -> object:
        room = _ROOM_OF.get(name)
        if room is None:
            raise AttributeError(_no_such_word(name))
        value = getattr(import_module(f"{__name__}.{room}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _no_such_word(name: str) -> str:
    from flyball.core.errors import UnknownNameError

    return str(UnknownNameError("word", name, known=__all__, where="flyball"))
