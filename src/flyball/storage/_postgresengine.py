"""PostgreSQL under a `Database`: a server that homes share between machines.

Turns are an advisory lock of the transaction: who has it holds it until the commit is seen by all. So what SQLite gives by having one
writer is given here as well, and only to those who ask for it. Texts sort and compare by their bytes (collation "C"), as on SQLite.
"""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Literal

from flyball.core.clock import MonotonicTimer
from flyball.core.errors import FlyballError
from flyball.core.optional import extra
from flyball.storage._postgreserrors import ERRORS, translate
from flyball.storage._postgresowner import Owner
from flyball.storage.databaseurl import shown
from flyball.storage.schema import BINARY
from flyball.storage.servererrors import CommitUnknownError, ServerFailedError, ServerGoneError

with extra("store"):
    from sqlalchemy import URL, Connection, Engine, RootTransaction, create_engine, event, text
    from sqlalchemy.exc import DBAPIError, InvalidatePoolError, SQLAlchemyError

with extra("postgres"):
    import psycopg

BUSY_SECONDS = 60.0
RESOLVE_SECONDS = 30.0
"""How long we try to learn how a commit ended whose connection broke."""

OLDEST = 130000

# A server whose client has died without a word notices within a minute, and gives its turn to others.
_SETTINGS = {
    "lock_timeout": f"{BUSY_SECONDS * 1000:.0f}",
    "idle_in_transaction_session_timeout": f"{BUSY_SECONDS * 1000:.0f}",  # a client that was stopped in one gives its locks back
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "default_transaction_isolation": r"read\ committed",
    "default_transaction_read_only": "off",
    "timezone": "UTC",
    "jit": "off",  # it costs a search more to compile than to run
}
_CONNECT = {
    "client_encoding": "utf8",
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "target_session_attrs": "read-write",  # of several hosts the one that takes writes, also after they have changed roles
}

# One round trip: the turn, and the number by which the commit can be asked for.
_TURN = text("SELECT pg_advisory_xact_lock(1718384748, hashtext(current_schema())), pg_current_xact_id()::text")
_STATUS = text("SELECT pg_xact_status(CAST(:xid AS xid8))")
_UNSORTED = text(
    "SELECT c.table_name, c.column_name, c.data_type, c.character_maximum_length FROM information_schema.columns c"
    " JOIN information_schema.tables t USING (table_schema, table_name)"
    " WHERE table_schema = current_schema() AND t.table_type = 'BASE TABLE'"
    " AND c.data_type IN ('text', 'character varying') AND c.collation_name IS DISTINCT FROM 'C' ORDER BY 1, 2"
)


class PostgresEngine:
    """A `SqlEngine` on the server's database that `url` names."""

    name: Literal["postgresql"] = "postgresql"
    errors: tuple[type[Exception], ...] = ERRORS

    def __init__(self, url: URL) -> None:
        self.place = shown(url)
        self._engine = _engine(url)
        self._owner: Owner | None = None

    @contextmanager
    def opening(self) -> Iterator[None]:
        """The server is one that we can work with."""
        with self._engine.connect() as connection:
            version = int(connection.execute(text("SHOW server_version_num")).scalar_one())
            encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
        if version < OLDEST:
            raise ServerFailedError(self.place, f"its version is {version // 10000}, and the oldest that will do is {OLDEST // 10000}")
        if encoding != "UTF8":
            raise ServerFailedError(self.place, f"its encoding is {encoding}, and must be UTF8")
        yield

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with self._engine.connect() as fresh:
            connection = fresh.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with connection.begin():
                yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        with ExitStack() as held:
            try:
                connection, transaction, xid = self._begin_turn(held)
            except DBAPIError as error:
                if not error.connection_invalidated:
                    raise
                held.pop_all().close()  # the server has gone and perhaps come back since it was last used: nothing was begun
                connection, transaction, xid = self._begin_turn(held)
            yield connection
            self._commit(transaction, xid)

    def _begin_turn(self, held: ExitStack) -> tuple[Connection, RootTransaction, str]:
        connection = held.enter_context(self._engine.connect())
        transaction = held.enter_context(_taken_back(connection.begin()))
        return connection, transaction, self._take_turn(connection)

    @contextmanager
    def writing_freely(self) -> Iterator[Connection]:
        with self._engine.connect() as connection, _taken_back(connection.begin()) as transaction:
            yield connection
            self._commit(transaction, None)

    @contextmanager
    def driving(self) -> Iterator[Any]:
        pooled = self._engine.raw_connection()
        try:
            raw: Any = pooled.driver_connection
            raw.autocommit = True
            try:
                yield raw
            finally:
                if not raw.closed:
                    raw.autocommit = False
        finally:
            pooled.close()

    def take_turn(self, connection: Connection) -> None:
        self._take_turn(connection)

    def _take_turn(self, connection: Connection) -> str:
        xid: str = connection.execute(_TURN).one()[1]
        if self._owner is not None:
            self._owner.check(connection)
        return xid

    def own(self, holder: str) -> None:
        self.disown()
        owner = Owner(self._engine, self.place, holder=holder)
        owner.lock()
        try:
            with self.writing() as connection:
                owner.take(connection)
        except BaseException:
            owner.release()
            raise
        self._owner = owner

    def disown(self) -> None:
        owner, self._owner = self._owner, None
        if owner is not None:
            owner.release()

    def _commit(self, transaction: RootTransaction, xid: str | None) -> None:
        """Commit; where the connection breaks over that, ask the server how it ended."""
        try:
            transaction.commit()
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            if not self._was_committed(xid, str(error.orig)):
                raise ServerGoneError(self.place, str(error.orig)) from error

    def _was_committed(self, xid: str | None, reason: str) -> bool:
        timer = MonotonicTimer()
        until = timer.seconds() + RESOLVE_SECONDS
        while xid is not None and timer.seconds() < until:
            try:
                with self._engine.connect() as connection:
                    status = connection.execute(_STATUS, {"xid": xid}).scalar_one()
            except SQLAlchemyError:  # it is still restarting
                status = "in progress"
            if status != "in progress":
                return bool(status == "committed")
            select.select((), (), (), 0.1)
        raise CommitUnknownError(self.place, reason)

    def settle_schema(self, connection: Connection) -> None:
        """Every text column sorts by its bytes, whatever the database's own collation: indexes serve prefixes, lists come as on SQLite."""
        quote = connection.dialect.identifier_preparer.quote
        for table, column, kind, length in connection.execute(_UNSORTED).all():
            limit = "" if length is None else f"({length})"
            of = f'ALTER TABLE {quote(table)} ALTER COLUMN {quote(column)} TYPE {kind}{limit} COLLATE "C"'
            connection.exec_driver_sql(of)

    def translate(self, error: Exception) -> FlyballError | None:
        return translate(error, self.place)

    def close(self) -> None:
        self.disown()
        self._engine.dispose()


@contextmanager
def _taken_back(transaction: RootTransaction) -> Iterator[RootTransaction]:
    """Rolled back when the block raises, and what it raised is what is told."""
    try:
        yield transaction
    except BaseException:
        with suppress(SQLAlchemyError):  # a broken connection: the server has done it
            transaction.rollback()
        raise


def _engine(url: URL) -> Engine:
    given = {**_CONNECT, **url.query}
    settings = " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items())
    given["options"] = f"{settings} {given.get('options', '')}".strip()
    given.setdefault("application_name", f"flyball {os.getpid()}")
    engine = create_engine(url.set(query=given), pool_size=10, max_overflow=40, pool_timeout=BUSY_SECONDS, pool_use_lifo=True)

    @event.listens_for(engine, "checkout")
    def _checkout(raw: psycopg.Connection[Any], record: Any, *_: object) -> None:
        # A server that has gone has said so, or has closed: what can be read unasked is no good sign. That is known without asking it.
        if record.info.setdefault("pid", os.getpid()) != os.getpid() or raw.closed or _speaks(raw.fileno()):
            raise InvalidatePoolError

    @event.listens_for(engine, "before_cursor_execute")
    def _before(*given: Any) -> None:
        _, cursor, _, _, context, _ = given
        if context is not None and BINARY in context.execution_options:
            cursor.format = psycopg.pq.Format.BINARY

    return engine


def _speaks(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN | select.POLLHUP | select.POLLERR)
    return bool(poll.poll(0))
