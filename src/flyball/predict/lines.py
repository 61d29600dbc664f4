"""The lines of a model server: over each of them requests come one after another, and go the short way or the long one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from flyball.app.heads import BoundedHeads
from flyball.core.optional import extra
from flyball.predict.headers import Head
from flyball.predict.lane import METHOD, Lane, Spot
from flyball.predict.replies import Reply

with extra("serve"):
    from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle
    from uvicorn.server import ServerState

_METHOD = METHOD.encode()
_LONG = frozenset({b"expect", b"transfer-encoding", b"upgrade"})
"""Who sends one of these headers goes the long way."""
_BULK = b"application/vnd.apache.arrow.stream"
"""Bodies of this kind may have more rows than one batch."""
_NOTHING: Head = {}


class Lines(ServerState):
    """All connections. `shed` of them are to come anew after their next answer, and all once the server is `draining`."""

    def __init__(self) -> None:
        super().__init__()
        self.draining = False
        self.shed = 0
        self.changed: Callable[[], None] = lambda: None
        self._usual, self._usual_of = b"", self.default_headers

    def usual(self) -> bytes:
        """The headers that each answer has, as they are written."""
        if self._usual_of is not self.default_headers:  # uvicorn makes them anew each second
            self._usual_of = self.default_headers
            self._usual = b"".join(name + b": " + value + b"\r\n" for name, value in self.default_headers)
        return self._usual


class _Taken(RequestResponseCycle):
    """What uvicorn knows of the request of a line that the lane has: that it is there, and whether it is the last. One for each line."""

    def __init__(self) -> None:
        self.response_complete, self.keep_alive, self.disconnected = True, True, False
        self.message_event = asyncio.Event()


class Connection(BoundedHeads):
    """One line to a client. What the app's lane takes goes there, once it is whole; all else goes to the app."""

    server_state: Lines

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._lane: Lane | None = getattr(self.app, "lane", None)
        self._taken, self._spot, self._head, self._body = _Taken(), None, _NOTHING, b""
        self._rested = 0.0

    _spot: Spot | None
    """Where the request is going that is being read, if the lane takes it."""
    _head: Head

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.server_state.changed()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
            self.timeout_keep_alive_task = None
        self.server_state.changed()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._spot is not None:  # its body is still to come, and may be slow
            self._give_up()

    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn's says nothing, which is no
        """Who says no more may still want the answer that is owed, which is the last."""
        if not self.owes or self.cycle.more_body or self.scheme == "https":  # over TLS nobody says no more and listens on
            return False
        self.cycle.keep_alive = False
        return True

    # ---- what is read -----------------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self._lane is None:
            super().on_message_begin()
            return
        self._in_head = True
        self.url, self.headers, self.expect_100_continue = b"", [], False

    def on_headers_complete(self) -> None:
        self._spot = None if self._lane is None else self._find(self._lane)
        if self._spot is None:
            self._go_long()
        else:
            self._met()
            self._body = b""
            self._taken.response_complete, self._taken.more_body = False, True
            self._taken.keep_alive = self.parser.should_keep_alive()
            self.cycle = self._taken
        lines = self.server_state
        if lines.draining or lines.shed:
            lines.shed = max(0, lines.shed - 1)
            self.cycle.keep_alive = False

    def _find(self, lane: Lane) -> Spot | None:
        """Where the lane takes the request; None where something of it is out of the common."""
        found = lane.find(self.url)
        if found is None or self.owes or self.flow.write_paused:
            return None
        head, parser = dict(self.headers), self.parser
        odd = len(head) != len(self.headers) or b"content-length" not in head or not head.keys().isdisjoint(_LONG)
        odd = odd or head.get(b"content-type") == _BULK
        if odd or parser.get_method() != _METHOD or parser.get_http_version() != "1.1":
            return None
        self._head = head
        return found

    def _go_long(self) -> None:
        """The request goes to the app, as uvicorn does it."""
        if self._lane is not None:
            url, headers, expects = self.url, self.headers, self.expect_100_continue
            super().on_message_begin()
            self.url, self.expect_100_continue = url, expects
            self.headers.extend(headers)
        super().on_headers_complete()

    def _give_up(self) -> None:
        """The request that was to go to the lane goes to the app, with what is there of its body."""
        body, last = self._body, not self._taken.keep_alive
        self._spot, self._body = None, b""
        self._taken.response_complete = True
        if self.transport.is_closing():
            return
        self._go_long()
        if last:
            self.cycle.keep_alive = False
        if body:
            super().on_body(body)

    def on_body(self, body: bytes) -> None:
        if self._spot is None:
            super().on_body(body)
        else:
            self._body = self._body + body if self._body else body

    def on_message_complete(self) -> None:
        spot = self._spot
        if spot is None or self._lane is None:
            super().on_message_complete()
            return
        self._spot, body, self._body = None, self._body, b""
        self._taken.more_body = False
        self._lane.take(spot, self._head, body=body, line=self, address=self.client[0] if self.client else "")

    # ---- what is answered -------------------------------------------------------------------------------------------------

    def answer(self, reply: Reply) -> None:
        """The request that the lane took has this answer."""
        taken = self._taken
        taken.response_complete = True
        if taken.disconnected or self.transport.is_closing():
            return
        parts = [STATUS_LINE[reply.status], self.server_state.usual()]
        for name, value in reply.headers:
            parts += (name, b": ", value, b"\r\n")
        parts.append(b"\r\n" if taken.keep_alive else b"connection: close\r\n\r\n")
        parts.append(reply.body)
        self.transport.write(b"".join(parts))
        if not taken.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def on_response_complete(self) -> None:
        if self.pipeline or self.transport.is_closing():
            super().on_response_complete()
            return
        self.server_state.total_requests += 1
        self.flow.resume_reading()
        self._rested = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self._look)

    def _unset_keepalive_if_required(self) -> None:
        """Nothing: one timer of a line looks now and then how long it rests, which costs less than one for each request."""

    def _look(self) -> None:
        self.timeout_keep_alive_task = None
        if self.owes or self._in_head:
            return
        left = self._rested + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self.timeout_keep_alive_task = self.loop.call_later(left, self._look)
        else:
            self.timeout_keep_alive_handler()

    @property
    def owes(self) -> bool:
        """Whether a request is inside."""
        cycle: RequestResponseCycle | None = self.cycle  # none before the first request
        return cycle is not None and not cycle.response_complete

    def end_after_answer(self) -> None:
        """The answer that is owed is the last."""
        if self.owes:
            self.cycle.keep_alive = False
