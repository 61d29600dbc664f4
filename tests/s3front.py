"""A door before a real S3 server, for tests: it creates once what is to be created once, and is as moody as a test asks."""

from __future__ import annotations

import http.client
import http.server
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx
import pytest

from flyball.storage.blobsurl import Bucket
from tests.s3 import KEY, S3Server

_PATIENCE_SECONDS = 60
_MOTO = Path(__file__).parents[1] / ".venv-clients/moto/bin/moto_server"
_HOP = {"connection", "transfer-encoding", "keep-alive", "content-length"}


class S3Front(http.server.ThreadingHTTPServer):
    """Passes requests on to `server`, which knows no conditions; an object is created under a lock, where there is none.

    `moods` are taken by the requests whose method and path hold the word of each: "busy" and "broken" are answers without the server,
    "slow" waits first, "lost" does what is asked and does not answer.
    """

    daemon_threads = True

    def __init__(self, server: S3Server) -> None:
        super().__init__(("127.0.0.1", 0), _Door)
        self.behind, self.creating = server, threading.Lock()
        self.moods: list[tuple[str, str]] = []
        self.endpoint = f"http://127.0.0.1:{self.server_port}"

    def create_bucket(self, name: str, prefix: str = "home") -> Bucket:
        """A fresh bucket behind the door."""
        self.behind.create_bucket(name)
        return Bucket(name=name, prefix=prefix, endpoint=self.endpoint, region="us-east-1")

    def mood(self, asked: str) -> str:
        """What this request meets."""
        for at, (mood, word) in enumerate(self.moods):
            if word in asked:
                del self.moods[at]
                return mood
        return "fine"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that did not wait is what was asked for."""


class _Door(http.server.BaseHTTPRequestHandler):
    server: S3Front
    protocol_version = "HTTP/1.1"

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        mood = self.server.mood(f"{self.command} {unquote(self.path)}")
        if mood in {"busy", "broken"}:
            self._answer(503 if mood == "busy" else 500, [], content=b"")
            return
        if mood == "slow":
            time.sleep(3)
        if self.headers.get("If-None-Match") == "*":
            with self.server.creating:
                if (self.server.behind.root / Path(unquote(urlsplit(self.path).path).lstrip("/"))).exists():
                    answer: tuple[int, list[tuple[str, str]], bytes] = (412, [], b"")
                else:
                    answer = self._ask(body)
        else:
            answer = self._ask(body)
        if mood == "lost":
            self.close_connection = True
            self.connection.close()
            return
        self._answer(answer[0], answer[1], content=answer[2])

    def _ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        behind = http.client.HTTPConnection(urlsplit(self.server.behind.endpoint).netloc, timeout=60)
        try:
            behind.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                behind.putheader(name, value)
            behind.endheaders(body)
            found = behind.getresponse()
            # rclone gives the part that was asked for, and calls it the whole.
            status = 206 if found.status == 200 and found.getheader("Content-Range") else found.status
            return status, found.getheaders(), found.read()
        finally:
            behind.close()

    def _answer(self, status: int, headers: list[tuple[str, str]], *, content: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in _HOP:
                self.send_header(name, value)
        length = {name.lower(): value for name, value in headers}.get("content-length", "0")
        self.send_header("Content-Length", length if self.command == "HEAD" else str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_HEAD = do_PUT = do_DELETE = do_POST = _pass  # noqa: N815 - the names that http.server calls

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing."""


@contextmanager
def fronting(server: S3Server) -> Iterator[S3Front]:
    """The door, open until the block ends."""
    front = S3Front(server)
    thread = threading.Thread(target=front.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield front
    finally:
        front.shutdown()
        front.server_close()
        thread.join()


@contextmanager
def serving_moto(place: Path) -> Iterator[Bucket]:
    """A bucket of another server, which knows conditions itself; skips where its environment is not made."""
    program = _MOTO if _MOTO.exists() else shutil.which("moto_server")
    if program is None:
        pytest.skip("there is no .venv-clients/moto, a second S3 server for these tests; make clients makes it")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    endpoint = f"http://127.0.0.1:{port}"
    with (place / "moto.log").open("wb") as out:
        process = subprocess.Popen([program, "-H", "127.0.0.1", "-p", str(port)], stdout=out, stderr=out, stdin=subprocess.DEVNULL)
    try:
        for _ in range(_PATIENCE_SECONDS * 10):
            if process.poll() is not None:
                pytest.skip(f"moto_server does not start: {(place / 'moto.log').read_text()[-300:]}")
            with suppress(httpx.HTTPError):
                httpx.put(f"{endpoint}/bucket", headers={"Authorization": f"AWS4-HMAC-SHA256 Credential={KEY}/x/us-east-1/s3/aws4_request"})
                break
            time.sleep(0.1)
        yield Bucket(name="bucket", prefix="home", endpoint=endpoint, region="us-east-1")
    finally:
        process.terminate()
        process.wait(_PATIENCE_SECONDS)
