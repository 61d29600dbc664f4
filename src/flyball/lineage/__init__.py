"""The graph of what came from what; rooms add edges, `why` and impact questions walk them."""

from flyball.lineage.graph import ancestors, descendants
from flyball.lineage.model import Edge, reference
from flyball.lineage.store import LineageStore

__all__ = ["Edge", "LineageStore", "ancestors", "descendants", "reference"]
