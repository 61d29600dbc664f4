"""After a crash between a table's commit and its SQL row: which of the missing rows' commits are there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flyball.storage.tables import TableCommit, TableStore


@dataclass(frozen=True, slots=True)
class PendingCommit:
    """A job that was to append to `table`, and whose SQL row is missing."""

    table: str
    job: str


def reconcile(tables: TableStore, pending: Iterable[PendingCommit]) -> dict[PendingCommit, TableCommit]:
    """The pending ones whose rows are in their table, with where: write their SQL rows now. Run the others again.

    Reads only; the same question gets the same answer until someone appends.
    """
    found = ((one, tables.find_commit(one.table, one.job)) for one in pending)
    return {one: commit for one, commit in found if commit is not None}
