"""Serving an app on a socket until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import threading
from collections.abc import Iterator
from functools import partial

from flyball.api.gathering import WholeAnswers
from flyball.app.listening import bind
from flyball.core.optional import extra
from flyball.governance.certificates import Credentials

with extra("control"):
    import uvicorn
    from fastapi import FastAPI

GRACE_SECONDS = 3
BACKLOG = 1024


class _Server(uvicorn.Server):
    """Ends by `stop` or a signal, lets the long polls go first, and returns instead of dying by the signal."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, *, stop: threading.Event, credentials: Credentials | None) -> None:
        super().__init__(config)
        self._app, self._stop, self._credentials = app, stop, credentials

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen; uvicorn itself would wait a minute for who does not speak TLS."""
        await super().startup(sockets if self._credentials is None else [])
        if self._credentials is not None:
            make = partial(WholeAnswers, config=self.config, server_state=self.server_state, app_state=self.lifespan.state)
            self.servers += await self._credentials.listen(make, sockets or (), backlog=BACKLOG)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGTERM and Ctrl-C ask to stop, where signals can be heard at all."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop.set)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    async def on_tick(self, counter: int) -> bool:
        """Whether to end now."""
        if self._stop.is_set():
            self.should_exit = True
        if self.should_exit:
            self._app.state.waiting.stop()
        return await super().on_tick(counter)


def serve(
    app: FastAPI,
    *,
    host: str,
    port: int,
    sock: socket.socket | None = None,
    stop: threading.Event | None = None,
    credentials: Credentials | None = None,
) -> None:
    """Answer requests until SIGTERM, Ctrl-C or `stop`; then finish what runs, for at most 3 seconds, and return with `stop` set.

    With `credentials` TLS is spoken, and nothing else.

    Raises:
        PortTakenError: another program has the port.
    """
    stop = stop or threading.Event()
    listener = sock or bind(host, port, field="control_port")
    config = uvicorn.Config(
        app, http=WholeAnswers, log_config=None, access_log=False, server_header=False, proxy_headers=False, lifespan="off", ws="none",
        timeout_keep_alive=75, timeout_graceful_shutdown=GRACE_SECONDS, backlog=BACKLOG,
    )  # fmt: skip
    try:
        _Server(config, app, stop=stop, credentials=credentials).run(sockets=[listener])
    finally:
        stop.set()
        listener.close()
