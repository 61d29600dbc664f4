"""Lineage on the home's database, in statements that PostgreSQL understands too."""

from __future__ import annotations

from flyball.core.optional import extra
from flyball.lineage._sql import lineage_edges
from flyball.lineage.model import Edge
from flyball.storage.database import Database

with extra("store"):
    from sqlalchemy import insert, select

_E = lineage_edges.c


class SqlLineage:
    """A `LineageStore` in the table `lineage_edges`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, *edges: Edge) -> None:
        with self._database.write() as connection:
            for edge in dict.fromkeys(edges):
                same = (_E.child == edge.child) & (_E.parent == edge.parent) & (_E.kind == edge.kind)
                if connection.execute(select(_E.kind).where(same)).first() is None:
                    connection.execute(insert(lineage_edges).values(child=edge.child, parent=edge.parent, kind=edge.kind))

    def list_parents(self, child: str) -> list[Edge]:
        with self._database.read() as connection:
            rows = connection.execute(select(lineage_edges).where(_E.child == child).order_by(_E.parent, _E.kind))
            return [Edge(row.child, row.parent, row.kind) for row in rows]

    def list_children(self, parent: str) -> list[Edge]:
        with self._database.read() as connection:
            rows = connection.execute(select(lineage_edges).where(_E.parent == parent).order_by(_E.child, _E.kind))
            return [Edge(row.child, row.parent, row.kind) for row in rows]
