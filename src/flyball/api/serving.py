"""Serving an app on a socket until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
import threading
from collections.abc import Iterator

from flyball.app.settings import PortTakenError
from flyball.core.errors import InvalidError
from flyball.core.optional import extra

with extra("control"):
    import uvicorn
    from fastapi import FastAPI

GRACE_SECONDS = 3
BACKLOG = 1024


class BindError(InvalidError):
    """A place that nobody can listen at."""

    code = "bind"

    def __init__(self, host: str, port: int, *, reason: str) -> None:
        super().__init__(f"Nothing can listen on {host}:{port}: {reason}. Choose another host or port.")


def bind(host: str, port: int, *, field: str = "control_port") -> socket.socket:
    """A socket that listens soon; port 0 is any free one. `field` is the one of `Settings` that a person would change.

    Raises:
        PortTakenError: another program has the port.
        BindError: the host is not one of this machine, or the port is not for us.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
    except OSError as error:
        made.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTakenError(host, port, field=field) from error
        raise BindError(host, port, reason=error.strerror or str(error)) from error
    return made


class _Server(uvicorn.Server):
    """Ends by `stop` or a signal, lets the long polls go first, and returns instead of dying by the signal."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, *, stop: threading.Event) -> None:
        super().__init__(config)
        self._app, self._stop = app, stop

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


def serve(app: FastAPI, *, host: str, port: int, sock: socket.socket | None = None, stop: threading.Event | None = None) -> None:
    """Answer requests until SIGTERM, Ctrl-C or `stop`; then finish what runs, for at most 3 seconds, and return with `stop` set.

    Raises:
        PortTakenError: another program has the port.
    """
    stop = stop or threading.Event()
    listener = sock or bind(host, port)
    config = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, proxy_headers=False, lifespan="off", ws="none", timeout_keep_alive=75,
        timeout_graceful_shutdown=GRACE_SECONDS, backlog=BACKLOG,
    )  # fmt: skip
    try:
        _Server(config, app, stop=stop).run(sockets=[listener])
    finally:
        stop.set()
        listener.close()
