"""What a version came from, as edges of the lineage graph."""

from __future__ import annotations

from urllib.parse import quote

from flyball.lineage import Edge, reference
from flyball.registry.model import ModelVersion
from flyball.registry.registered import Origin


def version_reference(name: str, number: int) -> str:
    """The version's name in lineage.

    >>> version_reference("late arrival", 3)
    'model/late%20arrival@3'
    """
    return reference("model", quote(name, safe=""), version=number)


def edges_of(made: ModelVersion, origin: Origin | None = None) -> list[Edge]:
    """What the version came from: its run, its logged model, and through the run the datasets that were read."""
    child, edges = version_reference(made.model, made.number), []
    if origin is not None and origin.logged_model:
        edges.append(Edge(child, reference("logged-model", origin.logged_model), "made-of"))
    if made.run:
        run = reference("run", made.run)
        edges.append(Edge(child, run, "made-by"))
        edges += [Edge(run, reference("dataset", name, version=number), "trained-on") for name, number in made.data_versions.items()]
        read = () if origin is None else origin.datasets
        edges += [Edge(run, reference("dataset", quote(name, safe=""), version=quote(digest, safe="")), "read") for name, digest in read]
    return edges
