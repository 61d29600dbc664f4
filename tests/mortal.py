"""Stores whose writes may be the last thing that a process does, for tests of what its successor finds."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import polars as pl

from flyball.lineage import Edge
from flyball.storage.tables import KEEP, Rewritten, TableCommit, TableStatistics, Vacuumed


class Killed(BaseException):
    """What `kill -9` is to a process; nothing catches it."""


@dataclass
class Death:
    """Dies at the write number `at` (from 1), whichever store it goes to; 0 is never."""

    at: int
    error: Callable[[], BaseException] = Killed
    writes: int = 0

    def near(self) -> None:
        self.writes += 1
        if self.writes == self.at:
            raise self.error()


@dataclass
class MortalTables:
    """A table store whose appends may be the last thing a process does, before or after they are done."""

    real: Any
    death: Death

    def append(self, table: str, rows: pl.DataFrame, *, job: str, attempt: int = 1) -> int:
        self.death.near()
        version: int = self.real.append(table, rows, job=job, attempt=attempt)
        self.death.near()
        return version

    def append_all(self, table: str, parts: Iterable[pl.DataFrame], *, schema: pl.Schema, job: str, attempt: int = 1) -> int:
        self.death.near()
        version: int = self.real.append_all(table, parts, schema=schema, job=job, attempt=attempt)
        self.death.near()
        return version

    def append_next(self, table: str, rows: pl.DataFrame, *, stream: str, position: int) -> int:
        self.death.near()
        version: int = self.real.append_next(table, rows, stream=stream, position=position)
        self.death.near()
        return version

    def position(self, table: str, stream: str) -> int:
        reached: int = self.real.position(table, stream)
        return reached

    def find_commit(self, table: str, job: str) -> TableCommit | None:
        found: TableCommit | None = self.real.find_commit(table, job)
        return found

    def read(self, table: str, *, version: int | None = None) -> pl.LazyFrame:
        frame: pl.LazyFrame = self.real.read(table, version=version)
        return frame

    def files(self, table: str, *, version: int | None = None) -> builtins.list[str]:
        places: list[str] = self.real.files(table, version=version)
        return places

    def statistics(self, table: str) -> TableStatistics:
        found: TableStatistics = self.real.statistics(table)
        return found

    def compact(self, table: str, *, order: str | None = None) -> int:
        merged: int = self.real.compact(table, order=order)
        return merged

    def vacuum(self, table: str, *, keep: timedelta = KEEP) -> Vacuumed:
        gone: Vacuumed = self.real.vacuum(table, keep=keep)
        return gone

    def delete(self, table: str) -> None:
        self.real.delete(table)

    def rewrite(self, table: str, drop: pl.DataFrame | pl.Expr, *, job: str) -> Rewritten:
        self.death.near()
        found: Rewritten = self.real.rewrite(table, drop, job=job)
        self.death.near()
        return found

    def latest(self, table: str) -> int | None:
        version: int | None = self.real.latest(table)
        return version

    def list(self) -> list[str]:
        names: list[str] = self.real.list()
        return names


@dataclass
class MortalLineage:
    """Lineage is written within the transaction: to die here takes the whole transaction back."""

    real: Any
    death: Death

    def create(self, *edges: Edge) -> None:
        self.real.create(*edges)
        self.death.near()

    def list_parents(self, child: str) -> list[Edge]:
        edges: list[Edge] = self.real.list_parents(child)
        return edges

    def list_children(self, parent: str) -> list[Edge]:
        edges: list[Edge] = self.real.list_children(parent)
        return edges
