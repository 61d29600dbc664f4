"""A graph of models as files, as far as packing has to know it: what the graph means is read by who runs it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast, get_args

from flyball.runtimes.errors import CodeNotAllowedError, UnservableError
from flyball.runtimes.files import read_archive
from flyball.runtimes.mlmodel import Mlmodel
from flyball.runtimes.model import Files, ModelManifest, Task

FLAVOR = "flyball_graph"
GRAPH, NODES = "graph.json", "models/"
"""Where the graph stands among the files, and below which name the packed models that it asks do."""


def graph_manifest(told: Mlmodel, files: Files, *, columns: Sequence[tuple[str, str]], may_run_code: bool) -> tuple[ModelManifest, Files]:
    """The manifest of the graph, and those of the files that are it; it carries code where one of its models does.

    Raises:
        UnservableError: a file is not there.
        CodeNotAllowedError: a model carries code, and that may not be run.
        ModelFileError: a model is damaged.
    """
    kept = {name: data for name, data in files.items() if name == GRAPH or name.startswith(NODES)}
    if GRAPH not in kept:
        raise UnservableError(f"there is no {GRAPH} in it")
    models = {name: read_archive(data)[0] for name, data in kept.items() if name != GRAPH}
    coded = sorted(name for name, manifest in models.items() if manifest.carries_code)
    if coded and not may_run_code:
        raise CodeNotAllowedError(f"a graph with code in {', '.join(coded)}")
    task = str(told.flavors[FLAVOR].get("task") or "")
    manifest = ModelManifest(
        format="graph", features=tuple(name for name, _ in columns), dtypes=tuple(dtype for _, dtype in columns), carries_code=bool(coded),
        task=cast("Task", task) if task in get_args(Task) else "values",
    )  # fmt: skip
    return manifest, kept
