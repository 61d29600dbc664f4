"""Decisions on quarantined rows in the home's database, in statements that PostgreSQL understands too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from flyball.core.optional import extra
from flyball.data.quarantine._sql import quarantine_decisions
from flyball.data.quarantine.model import Decision, RowState
from flyball.storage.database import Database

with extra("store"):
    from sqlalchemy import RowMapping, delete, func, insert, select

_D = quarantine_decisions.c
_AT_ONCE = 500  # parameters of one statement


class SqlDecisions:
    """A `DecisionStore` in the table `quarantine_decisions`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, dataset: str, rows: Sequence[str]) -> Mapping[str, Decision]:
        found: dict[str, Decision] = {}
        with self._database.read() as connection:
            for some in _parts(rows):
                asked = select(quarantine_decisions).where(_D.dataset == dataset, _D.row.in_(some))
                found |= {row["row"]: _decision(row) for row in connection.execute(asked).mappings()}
        return found

    def set(self, dataset: str, decisions: Sequence[Decision]) -> None:
        with self._database.write() as connection:
            self.delete(dataset, [decision.row for decision in decisions])
            for some in _parts(decisions):
                connection.execute(insert(quarantine_decisions), [{"dataset": dataset, **vars(decision)} for decision in some])

    def delete(self, dataset: str, rows: Sequence[str]) -> None:
        with self._database.write() as connection:
            for some in _parts(rows):
                connection.execute(delete(quarantine_decisions).where(_D.dataset == dataset, _D.row.in_(some)))

    def list_open(self, dataset: str) -> Sequence[Decision]:
        asked = select(quarantine_decisions).where(_D.dataset == dataset, _D.batch.is_not(None), _D.readmitted.is_(None)).order_by(_D.row)
        with self._database.read() as connection:
            return [_decision(row) for row in connection.execute(asked).mappings()]

    def count(self, dataset: str | None = None) -> Mapping[str, Mapping[int, int]]:
        asked = select(_D.dataset, _D.readmitted, func.count()).where(_D.readmitted.is_not(None)).group_by(_D.dataset, _D.readmitted)
        found: dict[str, dict[int, int]] = defaultdict(dict)
        with self._database.read() as connection:
            for name, version, rows in connection.execute(asked if dataset is None else asked.where(_D.dataset == dataset)):
                found[name][version] = rows
        return found


def _parts(items: Sequence[Any]) -> Sequence[Sequence[Any]]:
    return [items[start : start + _AT_ONCE] for start in range(0, len(items), _AT_ONCE)]


def _decision(row: RowMapping) -> Decision:
    facts = {name: value for name, value in row.items() if name != "dataset"}
    return Decision(**{**facts, "state": RowState(facts["state"])})
