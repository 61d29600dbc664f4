"""A server may refuse, be busy, go away and come back: what was acknowledged is there, what was not is absent, and each has its error."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from flyball.core.errors import HeldError
from flyball.core.events import Event
from flyball.core.ids import EventId
from flyball.storage import _postgresengine
from flyball.storage._sqlstore import SqlEventLog
from flyball.storage.database import Database, open_database
from flyball.storage.errors import BusyError, DiskFullError, LeaseLostError, ReadOnlyError
from flyball.storage.servererrors import (
    CommitUnknownError,
    DatabaseUrlError,
    NumberNotStorableError,
    ServerBusyError,
    ServerFailedError,
    ServerGoneError,
    ServerRefusedError,
    ServerUnreachableError,
    StatementTimeoutError,
    TextNotStorableError,
)
from tests.databases import PostgresDatabases, opened
from tests.postgres import PATIENCE_SECONDS, PostgresServer, binaries, serving

START = datetime(2013, 1, 1, tzinfo=UTC)


@pytest.fixture
def database(postgres_databases: PostgresDatabases, tmp_path: Path) -> Iterator[Database]:
    with opened(postgres_databases, tmp_path) as database:
        yield database


@pytest.fixture(scope="module")
def durable() -> Iterator[PostgresServer]:
    """A server as in production: nothing about its disk is made light of."""
    programs = binaries()
    if programs is None:
        pytest.skip("there is no PostgreSQL on this machine")
    with serving(programs, {}) as server:
        yield server


@pytest.fixture
def mortal(durable: PostgresServer, tmp_path: Path) -> Iterator[Database]:
    """A database whose server is killed."""
    databases = PostgresDatabases(durable, template=None)
    with opened(databases, tmp_path) as database:
        yield database
    databases.drop()


def event(name: str) -> Event:
    return Event(EventId(name), "a.b", "s", START)


def names(database: Database) -> list[str]:
    return [each.id for each in SqlEventLog(database).list()]


def run(database: Database, statement: str, **values: object) -> None:
    with database.write_freely() as connection:
        connection.execute(sa.text(statement), values)


def terminate(database: Database, *, where: str = "true") -> None:
    """End all other connections to the database as its administrator would."""
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    run(database, f"{others} AND {where}")


def test_a_url_that_is_none_is_refused_without_repeating_it() -> None:
    for url in ("no url", "mysql://u:secret@h/d", "postgresql://u:secret@h", "sqlite://", "postgresql://u:secret@h:port/d"):
        with pytest.raises(DatabaseUrlError) as found:
            open_database(url)
        assert "secret" not in str(found.value)


def test_nobody_there_is_said_without_the_password() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(ServerUnreachableError, match=rf"postgresql://ann@127\.0\.0\.1:{port}/home: .*refused") as found:
            open_database(f"postgresql://ann:secret@127.0.0.1:{port}/home")
    assert "secret" not in str(found.value)


def test_a_database_that_is_not_there_is_said(postgres: PostgresServer) -> None:
    with pytest.raises(ServerUnreachableError, match='database "nowhere" does not exist'):
        open_database(postgres.url("nowhere"))


def test_a_role_that_may_not_make_tables_is_refused(postgres: PostgresServer) -> None:
    name = postgres.create()
    with postgres.connect() as connection:
        connection.execute("DROP ROLE IF EXISTS guest")
        connection.execute("CREATE ROLE guest LOGIN")
    with pytest.raises(ServerRefusedError, match="permission denied"):
        open_database(postgres.url(name).replace("flyball@", "guest@"))
    postgres.drop(name)


def test_a_database_of_another_encoding_is_refused(postgres: PostgresServer) -> None:
    with postgres.connect() as connection:
        connection.execute("CREATE DATABASE ascii TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
    with pytest.raises(ServerFailedError, match="SQL_ASCII"):
        open_database(postgres.url("ascii"))
    postgres.drop("ascii")


def test_a_statement_of_ours_that_is_wrong_stays_what_it_is(database: Database) -> None:
    with pytest.raises(sa.exc.ProgrammingError, match="nonsense"):
        run(database, "SELECT * FROM nonsense")


def test_what_the_database_cannot_keep_is_the_givers_fault(database: Database) -> None:
    put = "INSERT INTO leases VALUES (:name, NULL, :token, 0)"
    for name in ("nul \0", "half \ud800", "x" * 300):
        with pytest.raises(TextNotStorableError):
            run(database, put, name=name, token=1)
    with pytest.raises(NumberNotStorableError):
        run(database, put, name="big", token=2**70)
    with pytest.raises(NumberNotStorableError):
        run(database, "INSERT INTO leases VALUES ('big', NULL, CAST(:token AS numeric), 0)", token=2**64)


def test_a_server_that_takes_no_writes_is_said(database: Database) -> None:
    with pytest.raises(ReadOnlyError, match="takes no writes"):
        run(database, "SET TRANSACTION READ ONLY; DELETE FROM leases")


def test_a_server_that_only_follows_another_is_no_place_to_open(postgres: PostgresServer) -> None:
    name = postgres.create()
    with pytest.raises(ServerUnreachableError, match="read-only"):
        open_database(f"{postgres.url(name)}&options=-c%20default_transaction_read_only%3Don")
    postgres.drop(name)


def test_a_disk_that_is_full_is_said(database: Database) -> None:
    with pytest.raises(DiskFullError, match="No room"):  # its words, without filling a disk
        run(database, "DO $$ BEGIN RAISE EXCEPTION 'No room' USING ERRCODE = 'disk_full'; END $$")


def test_a_statement_that_is_broken_off_is_said(database: Database) -> None:
    with pytest.raises(StatementTimeoutError, match="statement timeout"):
        run(database, "SET LOCAL statement_timeout = 20; SELECT pg_sleep(60)")


def test_who_waits_for_a_turn_too_long_is_told(database: Database, postgres_databases: PostgresDatabases, tmp_path: Path) -> None:
    url = f"{postgres_databases.url(tmp_path)}&options=-c%20lock_timeout%3D50"
    other = open_database(url)
    with database.write(), pytest.raises(BusyError, match="lock timeout") as found, other.write():
        pass
    assert isinstance(found.value, ServerBusyError)
    with database.write(), other.write_freely() as connection:  # needs no turn
        connection.execute(sa.text("INSERT INTO leases VALUES ('a', NULL, 1, 0)"))
    other.close()


def test_a_deadlock_ends_in_a_typed_error_and_one_of_two_goes_on(database: Database) -> None:
    run(database, "INSERT INTO leases VALUES ('a', NULL, 0, 0), ('b', NULL, 0, 0)")
    both = threading.Barrier(2, timeout=PATIENCE_SECONDS)

    def take(first: str, second: str) -> str:
        move = sa.text("UPDATE leases SET token = token + 1 WHERE name = :name")
        try:
            with database.write_freely() as connection:
                connection.execute(move, {"name": first})
                both.wait()
                connection.execute(move, {"name": second})
        except BusyError:
            return "busy"
        return "done"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(take, "ab", "ba")) == ["busy", "done"]
    with database.read() as connection:
        assert connection.execute(sa.text("SELECT token FROM leases")).scalars().all() == [1, 1]


def test_a_free_transaction_that_appends_takes_its_turn_then(database: Database) -> None:
    log, seen = SqlEventLog(database), threading.Event()

    def late() -> None:
        with database.write_freely() as connection:
            connection.execute(sa.text("INSERT INTO leases VALUES ('late', NULL, 1, 0)"))
            seen.set()
            log.append(event("second"))

    thread = threading.Thread(target=late)
    with database.write():
        thread.start()
        assert seen.wait(PATIENCE_SECONDS)
        log.append(event("first"))
    thread.join()
    assert names(database) == ["first", "second"]


def test_a_connection_that_breaks_in_the_middle_writes_nothing(database: Database) -> None:
    def write() -> None:
        with database.write() as connection:
            SqlEventLog(database).append(event("lost"))
            pid = connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
            with ThreadPoolExecutor(1) as pool:
                pool.submit(run, database, "SELECT pg_terminate_backend(:pid)", pid=pid).result()
            SqlEventLog(database).append(event("after"))

    with pytest.raises(ServerGoneError, match="Nothing was half-written"):
        write()
    assert names(database) == []


def test_connections_that_have_died_are_not_used_again(database: Database) -> None:
    for _ in range(3):
        with database.read(), database.write():
            pass  # two connections in the pool
        with ThreadPoolExecutor(1) as pool:
            pool.submit(terminate, database).result()
        SqlEventLog(database).list()
        with database.write():
            pass


@pytest.mark.parametrize("kept", [True, False])
def test_a_commit_whose_connection_breaks_is_asked_for(database: Database, monkeypatch: pytest.MonkeyPatch, *, kept: bool) -> None:
    commit = sa.engine.RootTransaction.commit

    def wait_until_kept() -> None:
        while not names(database):
            pass

    def broken(transaction: sa.engine.RootTransaction) -> None:  # the network's doing, after the server has heard of it or before
        monkeypatch.setattr(sa.engine.RootTransaction, "commit", commit)
        raw = transaction.connection.connection.driver_connection
        assert raw is not None
        if kept:
            raw.pgconn.send_query(b"COMMIT")
            with ThreadPoolExecutor(1) as pool:
                pool.submit(wait_until_kept).result(PATIENCE_SECONDS)
        raw.pgconn.finish()
        commit(transaction)

    def write() -> None:
        with database.write():
            SqlEventLog(database).append(event("e"))
            monkeypatch.setattr(sa.engine.RootTransaction, "commit", broken)

    if kept:
        write()
    else:
        with pytest.raises(ServerGoneError):
            write()
    assert names(database) == (["e"] if kept else [])


def test_a_commit_of_which_nobody_can_tell_says_so(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_postgresengine, "RESOLVE_SECONDS", 0.0)
    commit = sa.engine.RootTransaction.commit

    def broken(transaction: sa.engine.RootTransaction) -> None:
        monkeypatch.setattr(sa.engine.RootTransaction, "commit", commit)
        raw = transaction.connection.connection.driver_connection
        assert raw is not None
        raw.pgconn.finish()
        commit(transaction)

    def write() -> None:
        with database.write():
            monkeypatch.setattr(sa.engine.RootTransaction, "commit", broken)

    with pytest.raises(CommitUnknownError, match="as a whole or not at all"):
        write()


_WRITER = """
import itertools, sys
from datetime import UTC, datetime
from flyball.core.errors import HeldError
from flyball.core.events import Event
from flyball.core.errors import UnavailableError
from flyball.storage._sqlstore import SqlEventLog
from flyball.storage.database import open_database
database = open_database(sys.argv[1])
log = SqlEventLog(database)
for number in itertools.count():
    try:
        log.append(Event(f"{sys.argv[2]}-{number}", "a.b", "s", datetime(2013, 1, 1, tzinfo=UTC)))
    except UnavailableError as error:
        print("failed", f"{sys.argv[2]}-{number}", type(error).__name__, flush=True)
        sys.stdin.readline()
        continue
    print("told", f"{sys.argv[2]}-{number}", flush=True)
"""


def writer(url: str, name: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _WRITER, url, name]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def lines(child: subprocess.Popen[str], count: int) -> list[list[str]]:
    assert child.stdout is not None
    return [child.stdout.readline().split() for _ in range(count)]


def ended(child: subprocess.Popen[str]) -> list[list[str]]:
    """All that a writer had still said when it was killed."""
    assert child.stdout is not None
    os.kill(child.pid, signal.SIGKILL)
    said = [line.split() for line in child.stdout.read().splitlines()]
    child.communicate()
    return said


def told(said: list[list[str]]) -> list[str]:
    return [words[1] for words in said if words[0] == "told"]


@pytest.mark.parametrize("count", [1, 40])
def test_killed_clients_leave_whole_what_they_told_and_their_turn_to_others(
    postgres_databases: PostgresDatabases, database: Database, tmp_path: Path, count: int
) -> None:
    url = postgres_databases.url(tmp_path)
    writers = {name: writer(url, name) for name in ("ann", "bob")}
    said = {name: told(lines(child, count) + ended(child)) for name, child in writers.items()}
    with database.write():  # when we have our turn, theirs are over
        found = names(database)
    for name, acknowledged in said.items():
        own = [each for each in found if each.startswith(name)]
        assert own == [f"{name}-{number}" for number in range(len(own))]
        assert len(acknowledged) <= len(own) <= len(acknowledged) + 1


def test_a_killed_server_comes_back_with_all_that_was_told(durable: PostgresServer, mortal: Database) -> None:
    with mortal.read() as connection:
        url = durable.url(connection.execute(sa.text("SELECT current_database()")).scalar_one())
    writers = {name: writer(url, name) for name in ("ann", "bob")}
    said = {name: lines(child, 20) for name, child in writers.items()}
    for _ in range(2):
        durable.kill()
        for name, child in writers.items():
            while said[name][-1][0] != "failed":
                said[name] += lines(child, 1)
        durable.start()
        for name, child in writers.items():
            assert child.stdin is not None
            child.stdin.write("go on\n")
            child.stdin.flush()
            said[name] += lines(child, 20)
    for name, child in writers.items():
        said[name] += ended(child)
    with mortal.write():
        found = names(mortal)
    for name, words in said.items():
        own = [each for each in found if each.startswith(name)]
        failed = [each[1] for each in words if each[0] == "failed" and each[2] != "CommitUnknownError"]
        assert set(told(words)) <= set(own)
        assert not set(failed) & set(own), "what was said to have failed is absent"
        assert own == sorted(own, key=lambda each: int(each.rpartition("-")[2]))


def test_who_follows_the_log_of_many_processes_misses_nothing(
    postgres_databases: PostgresDatabases, database: Database, tmp_path: Path
) -> None:
    log = SqlEventLog(database)
    writers = [writer(postgres_databases.url(tmp_path), f"w{number}") for number in range(4)]
    position, seen = 0, list[str]()
    while len(seen) < 400:
        for at, each in log.read_after(position, limit=7):
            assert at > position
            position = at
            seen.append(each.id)
    for child in writers:
        ended(child)
    with database.write():
        seen += [each.id for _, each in log.read_after(position, limit=10**6)]
    assert seen == names(database)


def test_a_loop_has_one_owner_over_all_machines(postgres_databases: PostgresDatabases, tmp_path: Path) -> None:
    with opened(postgres_databases, tmp_path) as one, opened(postgres_databases, tmp_path) as other:
        one.own("flyball up flights.py")
        with pytest.raises(HeldError, match=rf"flyball up flights\.py \(pid {os.getpid()} on "):
            other.own("flyball backtest")
        SqlEventLog(one).append(event("by the owner"))
        SqlEventLog(other).append(event("by another process"))  # the stores are open to all
        one.disown()
        one.disown()
        other.own("flyball backtest")
    with opened(postgres_databases, tmp_path) as third:  # who closes it owns it no longer
        third.own("flyball up flights.py")
        third.own("flyball up flights.py")


def test_an_owner_whose_connection_broke_goes_on_unless_another_was_faster(postgres_databases: PostgresDatabases, tmp_path: Path) -> None:
    with opened(postgres_databases, tmp_path) as one, opened(postgres_databases, tmp_path) as other:
        one.own("first")
        terminate(other)
        SqlEventLog(one).append(event("goes on"))
        with pytest.raises(HeldError, match="first"):
            other.own("second")
        terminate(other)
        other.own("second")
        with pytest.raises(LeaseLostError, match="second"):
            SqlEventLog(one).append(event("too late"))
        SqlEventLog(other).append(event("by the new one"))
        other.disown()
        with pytest.raises(LeaseLostError):
            SqlEventLog(one).append(event("too late"))
        assert names(one) == ["goes on", "by the new one"]


_OWNER = """
import sys
from flyball.storage.database import open_database
database = open_database(sys.argv[1])
database.own("flyball up")
print("owner", flush=True)
sys.stdin.read()
"""


def test_a_killed_owner_leaves_it_free_at_once(postgres_databases: PostgresDatabases, database: Database, tmp_path: Path) -> None:
    command = [sys.executable, "-c", _OWNER, postgres_databases.url(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert lines(child, 1) == [["owner"]]
        with pytest.raises(HeldError, match=f"pid {child.pid}"):
            database.own("flyball up")
        os.kill(child.pid, signal.SIGKILL)
    database.own("flyball up")
