"""What differs between the SQL engines under a `Database`: how a transaction begins, who waits for whom, and what their errors mean."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal, Protocol

from flyball.core.errors import FlyballError
from flyball.core.optional import extra

with extra("store"):
    from sqlalchemy import Connection


class SqlEngine(Protocol):
    """One database and the connections to it; thread-safe. Its blocks commit when they end, and take everything back when they raise."""

    @property
    def name(self) -> Literal["sqlite", "postgresql"]:
        """Which engine it is, as SQLAlchemy calls it."""
        ...

    @property
    def place(self) -> Path | str:
        """Where the database is, as a message may say it: without secrets."""
        ...

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """All that `translate` may have to say something about."""
        ...

    def opening(self) -> AbstractContextManager[None]:
        """What has to be right before the schema is looked at; others who open the same database wait where they must."""
        ...

    def reading(self) -> AbstractContextManager[Connection]:
        """One consistent view that waits for no writer."""
        ...

    def writing(self) -> AbstractContextManager[Connection]:
        """A transaction that has its turn: no other one that has a turn begins, anywhere, before this one has ended."""
        ...

    def writing_freely(self) -> AbstractContextManager[Connection]:
        """A transaction without a turn; on an engine that has one writer at a time it has one all the same."""
        ...

    def driving(self) -> AbstractContextManager[Any]:
        """The driver's own connection, each statement of which is a transaction without a turn."""
        ...

    def take_turn(self, connection: Connection) -> None:
        """Give a turn to the transaction that is open on `connection` without one."""
        ...

    def own(self, holder: str) -> None:
        """Be the one owner of the database's loop; every later turn of ours makes sure of it."""
        ...

    def disown(self) -> None:
        """Own it no longer; idempotent."""
        ...

    def settle_schema(self, connection: Connection) -> None:
        """What the migrations leave to the engine; in the transaction that ran them."""
        ...

    def translate(self, error: Exception) -> FlyballError | None:
        """Our error for one of the outside world; None where a statement of ours is at fault."""
        ...

    def close(self) -> None:
        """Let go of all connections; idempotent."""
        ...
