"""Connections of a model server, and how they end: told in an answer, so that no client sends into a line that is being closed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from socket import socket
from typing import Any

from flyball.app.heads import BoundedHeads
from flyball.core.optional import extra
from flyball.predict.place import BACKLOG

with extra("serve"):
    import uvicorn
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
    from uvicorn.server import ServerState

LINGER_SECONDS = 0.5
"""Who keeps a line open may still ask for so long once the server is to end; the answer says that it was the last."""
_POLL_SECONDS = 0.02


class Lines(ServerState):
    """All connections. `shed` of them are to come anew after their next answer, and all once the server is `draining`."""

    def __init__(self) -> None:
        super().__init__()
        self.draining = False
        self.shed = 0
        self.changed: Callable[[], None] = lambda: None


class Connection(BoundedHeads):
    """One line to a client."""

    server_state: Lines

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.server_state.changed()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.server_state.changed()

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        lines = self.server_state
        if lines.draining or lines.shed:
            lines.shed = max(0, lines.shed - 1)
            self.cycle.keep_alive = False

    @property
    def owes(self) -> bool:
        """Whether a request is inside."""
        cycle: RequestResponseCycle | None = self.cycle  # none before the first request
        return cycle is not None and not cycle.response_complete

    def end_after_answer(self) -> None:
        """The answer that is owed is the last."""
        if self.owes:
            self.cycle.keep_alive = False


class Server(uvicorn.Server):
    """Says when it listens; told to end, it takes no new line, gives every answer that it owes, and says with each that it is the last."""

    def __init__(self, config: uvicorn.Config, listening: Callable[[], None] = lambda: None) -> None:
        super().__init__(config)
        self.server_state = self.lines = Lines()
        self._listening = listening
        self.up, self.ending = asyncio.Event(), asyncio.Event()
        self.leaving: Callable[[], None] = lambda: None
        """Called once, when the end begins."""

    def stop(self) -> None:
        """End soon."""
        self.should_exit = True

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        self._listening()
        self.up.set()

    def make(self) -> Connection:
        """What speaks over a line that somebody else has accepted."""
        return Connection(config=self.config, server_state=self.lines, app_state=self.lifespan.state)

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for found in sockets or ():
            found.close()
        self.leaving()
        self.ending.set()
        self.lines.draining = True
        for line in self.lines.connections:
            if isinstance(line, Connection):
                line.end_after_answer()
        for _ in range(round(LINGER_SECONDS / _POLL_SECONDS)):
            if not self.lines.connections:
                break
            await asyncio.sleep(_POLL_SECONDS)
        await super().shutdown(sockets)


def config(app: Callable[..., Any], *, grace_seconds: float) -> uvicorn.Config:
    """How `app` is served; answers that are not ready `grace_seconds` after the end was asked for are given up."""
    return uvicorn.Config(
        app, http=Connection, ws="none", lifespan="off", interface="asgi3", log_config=None, log_level="warning", access_log=False,
        server_header=False, proxy_headers=False, timeout_keep_alive=75, timeout_graceful_shutdown=int(grace_seconds), backlog=BACKLOG,
    )  # fmt: skip
