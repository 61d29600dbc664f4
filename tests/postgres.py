"""A PostgreSQL server of the tests' own, from the binaries of this machine; it listens on a socket in a directory of its own only."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql

from tests.nobody import NOBODY

PATIENCE_SECONDS = 60
# What is lost with the machine alone need not reach the disk in tests, but where they say that it must.
HASTY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "logging_collector": "off",
    "log_min_messages": "fatal",
}


def binaries() -> Path | None:
    """Where `postgres` and `initdb` are: on PATH, or where Debian puts them."""
    found = shutil.which("postgres")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if all((place / name).exists() for name in ("postgres", "initdb"))), None)


def _as_nobody() -> dict[str, Any]:
    # PostgreSQL does not run as root.
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}


@dataclass
class PostgresServer:
    """One server; it may be killed and started again over the same data."""

    place: Path
    programs: Path
    settings: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None
    numbers: Iterator[int] = field(default_factory=count)

    def url(self, database: str) -> str:
        """The URL of one of its databases."""
        return f"postgresql://flyball@/{database}?host={quote(str(self.place), safe='')}"

    def start(self) -> None:
        """Run it, and wait until it answers."""
        given = [word for name, value in (SETTINGS | dict(self.settings)).items() for word in ("-c", f"{name}={value}")]
        command = [str(self.programs / "postgres"), "-D", str(self.place / "data"), "-k", str(self.place), *given]
        with (self.place / "log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=self.place, stdout=log, stderr=log, **_as_nobody())
        for _ in range(PATIENCE_SECONDS * 20):
            try:
                self.connect().close()
            except psycopg.OperationalError:
                assert self.process.poll() is None, (self.place / "log").read_text()
                self._pause()
            else:
                return
        raise AssertionError((self.place / "log").read_text())

    def _pause(self) -> None:
        assert self.process is not None
        try:
            self.process.wait(0.05)
        except subprocess.TimeoutExpired:
            return

    def connect(self, database: str = "postgres") -> psycopg.Connection[tuple[Any, ...]]:
        """A connection of the test's own."""
        return psycopg.connect(self.url(database), autocommit=True)

    def create(self, *, template: str | None = None) -> str:
        """A new database; one that is no template sorts texts by a language, as those of most people do."""
        name = f"test_{next(self.numbers)}"
        words = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template or "template0"))
        with self.connect() as connection:
            icu = template is None and connection.info.server_version >= 150000
            connection.execute(words + sql.SQL(" LOCALE_PROVIDER icu ICU_LOCALE 'en-US'") if icu else words)
        return name

    def drop(self, database: str) -> None:
        """Remove it, whoever is connected to it."""
        with self.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))

    def kill(self) -> None:
        """End it and all its children without a word."""
        assert self.process is not None
        self._signal(signal.SIGKILL)

    def stop(self) -> None:
        """End it in good order."""
        if self.process is not None and self.process.poll() is None:
            self._signal(signal.SIGINT)

    def _signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)
        self.process.wait(PATIENCE_SECONDS)


@contextmanager
def serving(programs: Path, settings: Mapping[str, str]) -> Iterator[PostgresServer]:
    """A server with a fresh cluster; it and its data are gone afterwards."""
    place = Path(tempfile.mkdtemp(prefix="flyball-pg-"))  # a socket's path may have 107 bytes, which pytest's directories go beyond
    try:
        if os.geteuid() == 0:
            os.chown(place, NOBODY, pwd.getpwuid(NOBODY).pw_gid)
        make = [str(programs / "initdb"), "-D", str(place / "data"), "-U", "flyball", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"]
        subprocess.run(make, cwd=place, check=True, capture_output=True, **_as_nobody())
        server = PostgresServer(place, programs, settings)
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(place, ignore_errors=True)
