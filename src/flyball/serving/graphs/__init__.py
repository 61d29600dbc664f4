"""Graphs of models: what is computed before, which models answer, and how their answers become one."""

from flyball.serving.graphs import graph
from flyball.serving.graphs.model import Graph

__all__ = ["Graph", "graph"]
