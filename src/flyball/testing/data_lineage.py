"""The laws of `LineageStore`."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import AbstractContextManager
from pathlib import Path

from flyball.lineage.graph import ancestors, descendants
from flyball.lineage.model import Edge
from flyball.lineage.store import LineageStore
from flyball.testing.suite import Suite


class LineageStoreSuite(Suite):
    """An edge that was created is found from both its ends, once, for ever."""

    @abstractmethod
    def open(self, place: Path) -> AbstractContextManager[LineageStore]:
        """A handle on the store at `place`, as another process would have it."""

    def test_an_edge_is_found_from_both_ends(self, tmp_path: Path) -> None:
        edge = Edge("dataset/flights@1", "file/ü", "read")
        with self.open(tmp_path) as store, self.open(tmp_path) as other:
            store.create(edge)
            assert other.list_parents("dataset/flights@1") == [edge]
            assert other.list_children("file/ü") == [edge]
            assert other.list_parents("file/ü") == other.list_children("dataset/flights@1") == []

    def test_an_edge_stands_once(self, tmp_path: Path) -> None:
        edge, other_kind = Edge("a/1", "b/1", "read"), Edge("a/1", "b/1", "judged-by")
        with self.open(tmp_path) as store:
            store.create(edge, other_kind, edge)
            store.create(edge)
            store.create()
            assert store.list_parents("a/1") == [other_kind, edge]

    def test_edges_are_ordered_by_the_far_end(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            store.create(*(Edge("a/1", f"b/{name}", "read") for name in "cab"), *(Edge(f"c/{name}", "b/a", "read") for name in "zy"))
            assert [edge.parent for edge in store.list_parents("a/1")] == ["b/a", "b/b", "b/c"]
            assert [edge.child for edge in store.list_children("b/a")] == ["a/1", "c/y", "c/z"]

    def test_walks_go_all_the_way_and_end_in_circles(self, tmp_path: Path) -> None:
        chain = [Edge("run/1", "set/1", "trained-on"), Edge("set/1", "dataset/a@1", "read"), Edge("dataset/a@1", "run/1", "odd")]
        with self.open(tmp_path) as store:
            store.create(*chain)
            assert ancestors(store, "run/1") == chain
            assert descendants(store, "dataset/a@1") == [chain[1], chain[0], chain[2]]
