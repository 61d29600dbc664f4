"""One address for all replicas: each line that is opened there goes on to the replica that has the fewest, byte for byte.

It knows nothing of what passes but one sentence: where no replica answers, HTTP callers are told so. It reads no tokens and ends no TLS.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import cast

from flyball.core.optional import extra

with extra("serve"):
    import uvloop

CONNECT_SECONDS = 2.0
HIGH_BYTES = 1 << 20
_BACKLOG = 2048
_TURN_SECONDS = 0.005
_SILENT_SECONDS, _ASK_SECONDS, _ASKS = 10, 5, 3
"""A line on which nothing comes for so long is asked whether anybody is there, so often: a node that is gone says nothing."""
_BODY = b'{"error":{"code":"no-replica","message":"No replica answers just now. Ask again in a moment."}}'
NOBODY = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 1\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(_BODY), _BODY)
)
_LOG = logging.getLogger(__name__)
Address = tuple[str, int]


class Front:
    """Forwards what comes to `listener` to the places that were `set` last, from `start` to `stop`, in a thread of its own. Thread-safe.

    Lines that are open stay where they are: a replica that drains ends them itself.
    """

    def __init__(self, listener: socket.socket, *, nobody: bytes = NOBODY) -> None:
        self._listener, self.nobody = listener, nobody
        self._places: tuple[Address, ...] = ()
        self.open: Counter[Address] = Counter()
        self.ends: set[_End] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._listens = threading.Event()
        self._thread = threading.Thread(target=self._run, name="front", daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.getsockname()[1])

    def start(self) -> None:
        """Take lines from now on."""
        self._thread.start()
        self._listens.wait()

    def set(self, places: Sequence[Address]) -> None:
        """New lines go to these, and to no others."""
        self._places = tuple(places)

    def stop(self) -> None:
        """Take no more lines; those that are open end; idempotent."""
        if self._loop is not None:
            with suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()
        self._listener.close()

    def choose(self) -> list[Address]:
        """The places, that with the fewest lines first."""
        return sorted(self._places, key=lambda place: self.open[place])

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._serve())
        except Exception:  # noqa: BLE001 - a thread's rim
            _LOG.exception("the front has ended")
        finally:
            self._listens.set()

    async def _serve(self) -> None:
        loop = self._loop = asyncio.get_running_loop()
        server = await loop.create_server(partial(_Caller, self), sock=self._listener, backlog=_BACKLOG)
        self._listens.set()
        await self._stop.wait()
        server.close()
        while self.ends:
            for end in self.ends:
                end.abort()
            await asyncio.sleep(_TURN_SECONDS)


class _End(asyncio.Protocol):
    """One end of a line: what comes here leaves at the other end, and no faster than that takes it."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self.transport: asyncio.Transport | None = None
        self.other: _End | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's own is one but in name
        self.transport.set_write_buffer_limits(HIGH_BYTES)
        self._front.ends.add(self)

    def abort(self) -> None:
        """The line is no more."""
        if self.transport is not None:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        if self.other is not None and self.other.transport is not None and self.other.transport.can_write_eof():
            with suppress(OSError, RuntimeError):  # it has just gone
                self.other.transport.write_eof()
        return True  # who says no more may still be answered

    def pause_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self._front.ends.discard(self)
        if self.other is None or self.other.transport is None:
            return
        if exc is None:
            self.other.transport.close()
        else:
            self.other.transport.abort()


class _Caller(_End):
    """The end at which a line was opened."""

    def __init__(self, front: Front) -> None:
        super().__init__(front)
        self._going: asyncio.Task[None] | None = None
        self._early, self._ended = bytearray(), False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._going = asyncio.get_running_loop().create_task(self._go_on(cast("asyncio.Transport", transport)))

    def data_received(self, data: bytes) -> None:
        if self.other is not None:
            super().data_received(data)
            return
        self._early += data
        if self.transport is not None:
            self.transport.pause_reading()  # until there is somebody who takes it; a loop may begin to read whatever we say before

    def eof_received(self) -> bool:
        self._ended = True
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._going is not None:
            self._going.cancel()
        super().connection_lost(exc)

    async def _go_on(self, transport: asyncio.Transport) -> None:
        front, loop = self._front, asyncio.get_running_loop()
        for place in front.choose():
            front.open[place] += 1  # at once, lest all that come together choose the same
            far = _Far(self, front, closed=partial(_closed, front.open, place))
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    await loop.create_connection(lambda far=far: far, *place)  # type: ignore[misc]  # mypy infers no lambda with a default
            except (OSError, TimeoutError):
                _closed(front.open, place)
                continue
            except asyncio.CancelledError:
                far.transport.abort() if far.transport is not None else _closed(front.open, place)
                raise
            self._hand_over(far, transport)
            return
        transport.write(front.nobody)
        transport.close()

    def _hand_over(self, far: _Far, transport: asyncio.Transport) -> None:
        self.other = far
        if far.transport is not None and self._early:
            far.transport.write(bytes(self._early))
        if far.transport is not None and self._ended:
            far.transport.write_eof()
        transport.resume_reading()


class _Far(_End):
    """The end at a replica; `closed` is called once it is."""

    def __init__(self, caller: _Caller, front: Front, *, closed: Callable[[], None]) -> None:
        super().__init__(front)
        self.other, self._closed = caller, closed

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        made = transport.get_extra_info("socket")
        made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        options = (("TCP_KEEPIDLE", _SILENT_SECONDS), ("TCP_KEEPINTVL", _ASK_SECONDS), ("TCP_KEEPCNT", _ASKS))
        for name, value in options:  # not all systems have all
            if hasattr(socket, name):
                made.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)

    def eof_received(self) -> bool:
        return False  # a replica that ends a line has said all: the caller gets it, and the line ends

    def connection_lost(self, exc: Exception | None) -> None:
        self._closed()
        super().connection_lost(exc)


def _closed(counted: Counter[Address], place: Address) -> None:
    counted[place] -= 1
    if counted[place] <= 0:
        del counted[place]
