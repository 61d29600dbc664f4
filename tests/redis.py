"""A real Redis server for tests, on a free port of this machine, ended by its process id."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import redis

_PATIENCE_SECONDS = 60


@dataclass
class RedisServer:
    """A server that keeps all it was told on the disk, so that it may be killed and started again."""

    program: str
    place: Path
    port: int
    process: subprocess.Popen[bytes] = field(init=False)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, and return when it answers."""
        command = [self.program, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.place), "--save", ""]
        command += ["--appendonly", "yes", "--appendfsync", "always", "--daemonize", "no"]
        with (self.place / "redis.log").open("ab") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
        for _ in range(_PATIENCE_SECONDS * 20):
            if self._answers():
                return
            assert self.process.poll() is None, (self.place / "redis.log").read_text()
            time.sleep(0.05)
        raise AssertionError("redis-server does not answer")

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def kill(self) -> None:
        """Stop it as a power cut does."""
        self.process.kill()
        self.process.wait(_PATIENCE_SECONDS)

    @contextmanager
    def asleep(self) -> Iterator[None]:
        """It takes connections, and answers nothing."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    @contextmanager
    def client(self) -> Iterator[redis.Redis]:
        """A connection of a test's own."""
        made = redis.Redis.from_url(self.url, socket_timeout=60)
        try:
            yield made
        finally:
            made.close()


def free_port() -> int:
    """A port that nobody listened on just now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def serving_redis(place: Path) -> Iterator[RedisServer]:
    """A server that keeps its data in the directory; skips where there is no program for it."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("there is no redis-server on this machine (apt install redis-server)")
    place.mkdir(parents=True, exist_ok=True)
    server = RedisServer(program, place, free_port())
    server.start()
    try:
        yield server
    finally:
        server.kill()
