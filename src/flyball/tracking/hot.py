"""The seam between what is logged every millisecond and the driver underneath.

Everything else of the room is plain SQLAlchemy. What is hot is written once, in the words that both engines know, with `?` where a value
goes; how a transaction is had, and by how many callers at once, is the engine's affair.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Cursor(Protocol):
    """What a driver gives."""

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> object: ...
    def executemany(self, statement: str, values: Sequence[Sequence[Any]], /) -> object: ...
    def fetchone(self) -> Any: ...
    def fetchall(self) -> list[Any]: ...


class HotWrites(Protocol):
    """A transaction that callers may share.

    An act looks before it writes: one that raises an error of ours has written nothing, so that it takes nothing back from those it shares
    with. It may be run a second time, after the first was taken back whole. Thread-safe; joins the transaction that is open in its
    thread. When `run` returns, what was written is kept.
    """

    def run(self, act: Callable[[Cursor], T]) -> T:
        """What the act returned, after its transaction was committed.

        Raises:
            FlyballError: what the act raised; nothing of it was written.
            UnavailableError: the database cannot write now; nothing was written.
        """
        ...
