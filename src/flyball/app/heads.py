"""A connection that does not say in time what it wants, or does not read what it gets, is closed: uvicorn itself would wait for ever."""

from __future__ import annotations

import asyncio
from typing import Any

from flyball.core.optional import extra

with extra("serve"):
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 10.0
HEAD_BYTES = 64 << 10
READ_SECONDS = 30.0
"""So long an answer may stand still because nobody reads it; what then waits in our memory is thrown away."""


class BoundedHeads(HttpToolsProtocol):
    """uvicorn's protocol with limits on the head of a request, which is read before anybody is asked for a token, and on slow readers."""

    read_seconds = READ_SECONDS
    _deadline: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None
    _head_bytes, _in_head = 0, False

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._deadline = self.loop.call_later(HEAD_SECONDS, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._met()
        self._read()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_head and self._deadline is None:  # most heads are whole at once, and need no timer
            self._deadline = self.loop.call_later(HEAD_SECONDS, self.transport.close)
        if self._deadline is not None:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True

    def on_headers_complete(self) -> None:
        self._met()
        super().on_headers_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._unread is None:
            self._unread = self.loop.call_later(self.read_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._read()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        if self._unread is None:  # closing waits for what was not read
            self._unread = self.loop.call_later(self.read_seconds, self.transport.abort)

    def _read(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _met(self) -> None:
        self._head_bytes, self._in_head = 0, False
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
