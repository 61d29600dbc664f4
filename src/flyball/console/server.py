"""The console put together: the page inside the framework, the guard around it, and one listener."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from flyball.console.archive import Archives
from flyball.console.controlplane import ControlPlane
from flyball.console.datastyle import DATA_STYLE
from flyball.console.downloads import add_downloads
from flyball.console.endpointstyle import ENDPOINT_STYLE
from flyball.console.errors import PortTakenError
from flyball.console.frame import Surroundings
from flyball.console.guard import Guard
from flyball.console.pages import add_pages
from flyball.console.plainpages import missing_page
from flyball.console.recordstyle import RECORD_STYLE
from flyball.console.runsscript import RUNS_SCRIPT
from flyball.console.script import HEAD
from flyball.console.sessions import Everybody, Sessions, Visitors
from flyball.console.style import STYLE
from flyball.console.watch import Watch
from flyball.core.clock import Clock, MonotonicTimer, WallClock
from flyball.core.optional import extra
from flyball.governance.certificates import Credentials
from flyball.governance.hosts import HostGuard, check_bind

with extra("console"):
    import uvicorn
    from fastapi import FastAPI
    from fastapi.exception_handlers import http_exception_handler
    from fastapi.responses import HTMLResponse
    from nicegui import app, core, ui
    from starlette.exceptions import HTTPException
    from starlette.requests import Request
    from starlette.responses import Response

BACKLOG = 128
FAVICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" fill="none" stroke="#2f5bd0" stroke-width="2.4" stroke-linecap="round">'
    '<path d="M16 4v24M10 28h12M16 7 7.5 15.5M16 7l8.5 8.5M7.5 17.5 16 23l8.5-5.5"/><circle cx="6.5" cy="16.5" r="4" fill="#2f5bd0"/>'
    '<circle cx="25.5" cy="16.5" r="4" fill="#2f5bd0"/></svg>'
)


@dataclass(frozen=True)
class Listener:
    """Where the console listens. `names` are further host names by which it may be called; `logins` is off on loopback only.

    Programs that bring the owner's `token` may read figures. With `credentials` TLS is spoken, and nothing else.
    """

    host: str = "127.0.0.1"
    port: int = 8502
    names: tuple[str, ...] = ()
    logins: bool = True
    run_file: Path | None = None
    token: str | None = None
    credentials: Credentials | None = None


def serve(plane: ControlPlane, archives: Archives, *, listener: Listener, control_url: str) -> None:
    """Serve the console until the process is told to end.

    Raises:
        OpenBindError: others could look, and nobody is asked who they are.
        PortTakenError: somebody else listens there.
    """
    check_bind(listener.host, authenticated=listener.logins)
    clock, timer = WallClock(), MonotonicTimer()
    watch = Watch(plane, clock=clock, timer=timer)
    visitors: Visitors = Sessions(plane, timer) if listener.logins else Everybody()
    with _bound(listener) as bound:
        port = bound.getsockname()[1]
        inside = _framework(Surroundings(plane, watch, archives, control_url, logins=listener.logins))
        hosts = HostGuard.of(listener.host, port, names=[*listener.names, *(listener.credentials.names if listener.credentials else ())])
        guard = Guard(inside, hosts=hosts, visitors=visitors, cookie=f"flyball-console-{port}", token=listener.token)
        config = uvicorn.Config(
            guard, log_config=None, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=1,
            ws_max_size=1 << 20,
        )  # fmt: skip
        watch.start()
        server = _Server(config, listener.credentials)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, server.end)
        with _announced(listener.run_file, port, clock=clock):
            server.run(sockets=[bound])
        watch.stop()


def _framework(around: Surroundings) -> FastAPI:
    add_pages(around)
    add_downloads(app, around)
    ui.add_head_html(HEAD + RUNS_SCRIPT, shared=True)
    ui.add_css(STYLE + RECORD_STYLE + DATA_STYLE + ENDPOINT_STYLE, shared=True)
    # A console that ended and came back shall find its pages waiting, not gone.
    core.app.config.quasar_config["loadingBar"] = {"skipHijack": True}
    logging.getLogger("nicegui").setLevel(logging.ERROR)
    outer = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    ui.run_with(
        outer, title="Flyball", favicon=FAVICON, dark=False, tailwind=False, show_welcome_message=False, binding_refresh_interval=None,
        reconnect_timeout=5.0, cache_control_directives="private, max-age=31536000, immutable",
    )  # fmt: skip
    app.exception_handler(404)(_missing)
    app.on_exception(lambda error: logging.getLogger(__name__).error("The console's page failed.", exc_info=error))
    return outer


async def _missing(request: Request, error: Exception) -> Response:
    """What a route says of its own, as it says it; elsewhere a page that leads back."""
    found = request.scope.get("endpoint")
    if found is not None and found is not app and isinstance(error, HTTPException):
        return await http_exception_handler(request, error)
    return HTMLResponse(missing_page(request.url.path), 404)


class _Server(uvicorn.Server):
    """Ends also by a signal that comes before it listens to signals itself; that it raises one once more when it is done does nothing."""

    _ended = False

    def __init__(self, config: uvicorn.Config, credentials: Credentials | None) -> None:
        super().__init__(config)
        self._credentials = credentials

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen; uvicorn itself would wait a minute for who does not speak TLS."""
        await super().startup(sockets if self._credentials is None else [])
        if self._credentials is not None:
            kind: Any = self.config.http_protocol_class
            make = partial(kind, config=self.config, server_state=self.server_state, app_state=self.lifespan.state)
            self.servers += await self._credentials.listen(make, sockets or (), backlog=BACKLOG)

    def end(self, number: int, frame: object) -> None:
        """End as soon as it runs."""
        del number, frame
        self._ended = True

    async def on_tick(self, counter: int) -> bool:
        """Whether to end now."""
        return await super().on_tick(counter) or self._ended


@contextlib.contextmanager
def _bound(listener: Listener) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in listener.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((listener.host, listener.port))
        except OSError as error:
            raise PortTakenError(listener.host, listener.port, why=error.strerror or str(error)) from error
        bound.listen(BACKLOG)
        yield bound


@contextlib.contextmanager
def _announced(run_file: Path | None, port: int, *, clock: Clock) -> Iterator[None]:
    """The run file says where this process listens, for as long as it does."""
    if run_file is None:
        yield
        return
    run_file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=run_file.parent, prefix=f".{run_file.name}.")
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        json.dump({"pid": os.getpid(), "port": port, "started": clock.now().isoformat()}, file)
    Path(name).replace(run_file)
    try:
        yield
    finally:
        run_file.unlink(missing_ok=True)
