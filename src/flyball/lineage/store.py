"""The port of lineage: a graph that only grows."""

from __future__ import annotations

from typing import Protocol

from flyball.lineage.model import Edge


class LineageStore(Protocol):
    """An edge that was created is found from both its ends, once, for ever.

    Writes join the transaction that is open in their thread. Thread- and process-safe.
    """

    def create(self, *edges: Edge) -> None:
        """Record `edges`; one that is there already stays as it is."""
        ...

    def list_parents(self, child: str) -> list[Edge]:
        """What `child` came from directly, by parent and kind."""
        ...

    def list_children(self, parent: str) -> list[Edge]:
        """What came from `parent` directly, by child and kind."""
        ...
