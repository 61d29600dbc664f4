"""The one owner of what lies in a server's database, over all machines: a lock for as long as a connection, and a token that outlives it.

The lock says at once who lives: the server frees it with the owner's connection. A connection can break while its owner lives, and then
another may take over; so every owner has a higher token than those before it, and looks in each of its turns whether it is the last.
"""

from __future__ import annotations

import os
import select
import socket
from contextlib import ExitStack, suppress

from flyball.core.clock import MonotonicTimer
from flyball.core.errors import HeldError
from flyball.core.optional import extra
from flyball.storage.errors import LeaseLostError

with extra("store"):
    from sqlalchemy import Connection, Engine, text
    from sqlalchemy.exc import SQLAlchemyError

NAME = "owner of the loop"
PATIENCE_SECONDS = 2.0
"""How long a server may take to notice that an owner has died."""

_LOCK = text("SELECT pg_try_advisory_lock(1718384749, hashtext(current_schema()))")
_HOLDER = text("SELECT holder FROM leases WHERE name = :name")
_TOKEN = text("SELECT token FROM leases WHERE name = :name")
_TAKE = text(
    "INSERT INTO leases (name, holder, token, beat) VALUES (:name, :holder, 1, 0)"
    " ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, token = leases.token + 1 RETURNING token"
)


class Owner:
    """This process as the owner; not thread-safe, but used by who has the process's turn."""

    def __init__(self, engine: Engine, place: str, *, holder: str) -> None:
        self._engine, self._place = engine, place
        self._holder = f"{holder} (pid {os.getpid()} on {socket.gethostname()})"
        self._session: Connection | None = None
        self._timer = MonotonicTimer()
        self._token = 0

    def lock(self) -> None:
        """Be the one who lives.

        Raises:
            HeldError: another is.
        """
        self.release()
        with ExitStack() as undo:
            session = undo.enter_context(self._engine.connect()).execution_options(isolation_level="AUTOCOMMIT")
            until = self._timer.seconds() + PATIENCE_SECONDS
            while not session.execute(_LOCK).scalar_one():
                if self._timer.seconds() > until:
                    raise HeldError(f"The database {self._place}", _holder(session))
                select.select((), (), (), 0.05)
            undo.pop_all()
        self._session = session

    def take(self, connection: Connection) -> None:
        """Be the last of all owners, in the turn that is open on `connection`; the lock is ours."""
        self._token = connection.execute(_TAKE, {"name": NAME, "holder": self._holder[:512]}).scalar_one()

    def check(self, connection: Connection) -> None:
        """Nobody has taken over since, up to the end of the turn that is open on `connection`.

        Raises:
            LeaseLostError: another has.
            HeldError: another is about to.
        """
        if connection.execute(_TOKEN, {"name": NAME}).scalar_one() != self._token:
            raise LeaseLostError(NAME, self._holder, now_held_by=_holder(connection))
        if not self._alive():
            self.lock()  # the server was restarted, and nobody was faster

    def _alive(self) -> bool:
        if self._session is None:
            return False
        raw = self._session.connection.driver_connection
        if raw is None or raw.closed:
            return False
        try:
            self._session.exec_driver_sql("SELECT 1")
        except SQLAlchemyError:
            return False
        return True

    def release(self) -> None:
        """It is free; idempotent."""
        session, self._session = self._session, None
        if session is not None:
            with suppress(SQLAlchemyError):
                session.invalidate()  # the lock ends with the connection: it must not go back to the pool
            with suppress(SQLAlchemyError):
                session.close()


def _holder(connection: Connection) -> str:
    return connection.execute(_HOLDER, {"name": NAME}).scalar_one_or_none() or "another process that has just started"
