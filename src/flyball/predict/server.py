"""The process of the model server: reads its settings, listens, serves until it is told to end, and then ends what it began."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from flyball.app.heads import BoundedHeads
from flyball.app.listening import announce, bind
from flyball.app.modelserver import JOURNAL_BYTES, ModelServer, ServerSettings
from flyball.app.settings import NotRunningError, Settings
from flyball.core.clock import MonotonicTimer, WallClock
from flyball.core.errors import FlyballError
from flyball.core.optional import extra
from flyball.governance import Authority, Boundary, HostGuard, OwnerToken, TokenBook, check_bind
from flyball.predict.app import Limits, PredictApp

with extra("serve"):
    import uvicorn
    import uvloop

BACKLOG = 2048
GRACE_SECONDS = 2
_START_SECONDS = 10.0
_ALONE_SECONDS = 10.0
"""How long the model of a server of one plan may take for an answer: nobody stands in for it."""
_LOAD_SECONDS = 60.0
"""A server of one plan has nothing to answer with until that is loaded, and ends where it cannot be."""
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to serve. `names` are further host names by which the server may be called; `control_url` None follows nobody.

    `plan` is what is served instead of the home's own plan; whoever wrote it decides, and nobody is followed.
    """

    home: Path
    host: str
    port: int
    auth: bool
    control_url: str | None
    names: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    plan: Path | None = None
    journal_bytes: int = JOURNAL_BYTES


def parse(arguments: Sequence[str]) -> Options:
    """The options: those that were given, else those of the home's `flyball up`, else their defaults.

    Raises:
        SettingError: the home's settings are damaged.
    """
    parser = argparse.ArgumentParser(prog="python -m flyball.predict", description="Serve the models of a home.")
    parser.add_argument("--home", type=Path, required=True, help="the home whose models are served")
    parser.add_argument("--host", help="the address to listen on")
    parser.add_argument("--port", type=int, help="the port to listen on; 0 is any free one")
    parser.add_argument("--control", metavar="URL", help="where the control plane is, which says what to serve")
    parser.add_argument("--name", action="append", default=[], help="a further host name by which clients call this server")
    parser.add_argument("--plan", type=Path, metavar="FILE", help="serve what this plan says, and follow nobody")
    parser.add_argument("--no-auth", action="store_true", help="ask nobody for a token (loopback only)")
    parser.add_argument("--body-seconds", type=float, default=Limits.body_seconds, help="how long the body of a request may take to arrive")
    parser.add_argument("--journal-bytes", type=int, default=JOURNAL_BYTES, help="how much may wait until the control plane has read it")
    given = parser.parse_args(arguments)
    home = given.home.resolve()
    try:
        settings, control = Settings.load(home), True
    except NotRunningError:
        settings, control = Settings(project=Path(), home=home), False
    return Options(
        home=home,
        host=given.host or settings.host,
        port=settings.serve_port if given.port is None else given.port,
        auth=(settings.auth or given.plan is not None) and not given.no_auth,
        control_url=given.control or (settings.control_url if control and given.plan is None else None),
        plan=given.plan,
        names=tuple(given.name),
        limits=Limits(body_seconds=given.body_seconds),
        journal_bytes=given.journal_bytes,
    )


def main(arguments: Sequence[str]) -> int:
    """Serve until SIGTERM or SIGINT; the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        options = parse(arguments)
        check_bind(options.host, authenticated=options.auth)
        listener = _listen(options.host, options.port)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(options, listener))
    except FlyballError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


async def serve(options: Options, listener: socket.socket) -> None:
    """Serve on `listener` until a signal comes; what was asked before is answered then.

    Connections that come while the last plan is loaded wait for it.
    """
    port = listener.getsockname()[1]
    token = OwnerToken.open(options.home) if options.auth else None
    settings = ServerSettings(
        control_url=options.control_url, token=None if token is None else token.value, name=f"{options.host}-{port}".replace(":", "-"),
        journal_bytes=options.journal_bytes, plan=options.plan,
        deadline_seconds=ServerSettings.deadline_seconds if options.plan is None else _ALONE_SECONDS,
    )  # fmt: skip
    models = ModelServer.open(options.home, settings)
    book = TokenBook(options.home, clock=WallClock(), timer=MonotonicTimer())
    boundary = Boundary(HostGuard.of(options.host, port, names=options.names), Authority(token, tokens=book))
    app = PredictApp(models.engine, boundary, timer=MonotonicTimer(), limits=options.limits)
    server = _Server(_config(app), lambda: _announce(options.home, port))
    for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn takes over, and hands back to these when it has ended
        signal.signal(number, lambda *_: server.stop())
    try:
        await models.start(_START_SECONDS if options.plan is None else _LOAD_SECONDS)
        if options.plan is not None:
            models.check_whole()
        gc.collect()
        gc.freeze()  # what is loaded stays, and need not be looked through again
        await server.serve(sockets=[listener])
    finally:
        await models.close()


def _config(app: PredictApp) -> uvicorn.Config:
    return uvicorn.Config(
        app, http=BoundedHeads, ws="none", lifespan="off", interface="asgi3", log_config=None, log_level="warning", access_log=False,
        server_header=False, timeout_keep_alive=75, timeout_graceful_shutdown=GRACE_SECONDS, backlog=BACKLOG,
    )  # fmt: skip


class _Server(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config, listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._listening = listening

    def stop(self) -> None:
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._listening()


def _listen(host: str, port: int) -> socket.socket:
    listener = bind(host, port, field="serve_port")
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener


def _announce(home: Path, port: int) -> None:
    announce(home, "predict", port=port)
    _LOG.info("the model server listens on port %d", port)
