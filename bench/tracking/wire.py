"""A client as thin as can be: one connection, one segment per request, ACKs at once. What it measures is the server.

Without quick ACKs the kernel holds them back for 40 ms, which a server that answers in two segments waits for; whoever asks as most HTTP
clients do feels that, and ``quick=False`` shows it.
"""

from __future__ import annotations

import json
import socket
from typing import Any
from urllib.parse import urlsplit


class AnswerError(Exception):
    """The server refused what a benchmark asked."""


class ClosedError(AnswerError):
    """The server closed the connection."""


class Wire:
    """One connection to one server; not thread-safe."""

    def __init__(self, url: str, token: str | None = None, *, quick: bool = True) -> None:
        parts = urlsplit(url)
        self._host, self._quick = f"{parts.hostname}:{parts.port}", quick
        self._address = (parts.hostname or "", parts.port or 80)
        self._socket = self._connected()
        self._token = f"Authorization: Bearer {token}\r\n" if token else ""
        self._rest = b""

    def _connected(self) -> socket.socket:
        found = socket.create_connection(self._address)
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return found

    def request(self, method: str, path: str, *, body: object = None) -> bytes:
        """The bytes of a POST or GET; `body` is JSON."""
        data = b"" if body is None else json.dumps(body).encode()
        fields = f"Host: {self._host}\r\n{self._token}Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        return f"{method} {path} HTTP/1.1\r\n{fields}".encode() + data

    def ask(self, method: str, path: str, *, body: object = None) -> Any:
        """What the server says, as JSON.

        Raises:
            AnswerError: it did not say 200.
        """
        return json.loads(self.send(self.request(method, path, body=body)) or b"null")

    def send(self, request: bytes) -> bytes:
        """The body of the answer to these bytes.

        Raises:
            AnswerError: it is not a 200.
        """
        try:
            self._socket.sendall(request)
            found = self._until_head()
        except (ConnectionError, ClosedError):  # a server closes what was idle for some seconds; benchmarks may ask twice
            self._socket.close()
            self._socket, self._rest = self._connected(), b""
            self._socket.sendall(request)
            found = self._until_head()
        head, _, body = found.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines[1:])}
        if fields.get(b"transfer-encoding", b"").lower() == b"chunked":
            answer, self._rest = self._chunks(body)
        else:
            answer, self._rest = self._exactly(body, int(fields.get(b"content-length", b"0")))
        if b" 200 " not in lines[0] + b" ":
            raise AnswerError(f"{lines[0].decode()}: {answer[:500].decode(errors='replace')}")
        return answer

    def _receive(self) -> bytes:
        data = self._socket.recv(1 << 20)
        if not data:
            raise ClosedError("the connection was closed")
        if self._quick:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        return data

    def _until_head(self) -> bytes:
        data = self._rest
        while b"\r\n\r\n" not in data:
            data += self._receive()
        return data

    def _exactly(self, data: bytes, length: int) -> tuple[bytes, bytes]:
        parts, got = [data], len(data)
        while got < length:
            parts.append(self._receive())
            got += len(parts[-1])
        whole = b"".join(parts)
        return whole[:length], whole[length:]

    def _chunks(self, data: bytes) -> tuple[bytes, bytes]:
        found: list[bytes] = []
        while True:
            while b"\r\n" not in data:
                data += self._receive()
            size, _, data = data.partition(b"\r\n")
            chunk, data = self._exactly(data, int(size, 16) + 2)
            if size == b"0":
                return b"".join(found), data
            found.append(chunk[:-2])

    def close(self) -> None:
        """Let go of the connection."""
        self._socket.close()
