"""Walks over the graph: all that something came from, and all that came from it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from flyball.lineage.model import Edge
from flyball.lineage.store import LineageStore


def ancestors(store: LineageStore, start: str) -> list[Edge]:
    """Every edge above `start`, nearest first, each once; a circle ends the walk instead of running for ever."""
    return _walk(start, store.list_parents, far_end=lambda edge: edge.parent)


def descendants(store: LineageStore, start: str) -> list[Edge]:
    """Every edge below `start`, nearest first, each once."""
    return _walk(start, store.list_children, far_end=lambda edge: edge.child)


def _walk(start: str, step: Callable[[str], Iterable[Edge]], *, far_end: Callable[[Edge], str]) -> list[Edge]:
    found: list[Edge] = []
    waiting, seen = deque([start]), {start}
    while waiting:
        for edge in step(waiting.popleft()):
            found.append(edge)
            end = far_end(edge)
            if end not in seen:
                seen.add(end)
                waiting.append(end)
    return found
