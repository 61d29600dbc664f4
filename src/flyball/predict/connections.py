"""Connections of a model server, and how they end: told in an answer, so that no client sends into a line that is being closed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from socket import socket
from typing import Any

from flyball.core.optional import extra
from flyball.governance.certificates import HANDSHAKE_SECONDS, Credentials
from flyball.predict.lines import Connection, Lines
from flyball.predict.place import BACKLOG

with extra("serve"):
    import uvicorn

__all__ = ["LINGER_SECONDS", "Connection", "Lines", "Server", "config"]

LINGER_SECONDS = 0.5
"""Who keeps a line open may still ask for so long once the server is to end; the answer says that it was the last."""
_POLL_SECONDS = 0.02


class Server(uvicorn.Server):
    """Says when it listens; told to end, it takes no new line, gives every answer that it owes, and says with each that it is the last."""

    def __init__(
        self, config: uvicorn.Config, listening: Callable[[], None] = lambda: None, *, credentials: Credentials | None = None
    ) -> None:
        super().__init__(config)
        self.server_state = self.lines = Lines()
        self._listening, self._credentials = listening, credentials
        self.up, self.ending = asyncio.Event(), asyncio.Event()
        self.leaving: Callable[[], None] = lambda: None
        """Called once, when the end begins."""

    def stop(self) -> None:
        """End soon."""
        self.should_exit = True

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets if self._credentials is None else [])
        if self._credentials is not None:  # uvicorn itself would wait a minute for who does not speak TLS
            self.servers += await self._credentials.listen(self.make, sockets or (), backlog=BACKLOG)
        self._listening()
        self.up.set()

    async def take(self, line: socket) -> None:
        """Speak over a line that somebody else has accepted.

        Raises:
            OSError: it is gone, or whoever is there does not speak TLS.
        """
        shown = self._credentials
        given: dict[str, Any] = {} if shown is None else {"ssl": shown.context, "ssl_handshake_timeout": HANDSHAKE_SECONDS}
        await asyncio.get_running_loop().connect_accepted_socket(self.make, line, **given)

    def make(self) -> Connection:
        """What speaks over a line."""
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
