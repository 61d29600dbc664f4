"""The process of the model server: reads its settings, listens, serves until it is told to end, and then ends what it began."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
from functools import partial
from pathlib import Path

from flyball.app.modelserver import ModelServer, ServerSettings
from flyball.core.clock import MonotonicTimer, WallClock
from flyball.core.optional import extra
from flyball.governance import Authority, Boundary, HostGuard, OwnerToken, TokenBook, check_bind
from flyball.governance.certificates import Credentials
from flyball.governance.ledger import SharedLedger
from flyball.governance.limits import Rates
from flyball.predict.app import PredictApp
from flyball.predict.connections import Server, config
from flyball.predict.fleet import Alone, Fleet
from flyball.predict.grpc.beside import beside
from flyball.predict.limits import Admission, Limits
from flyball.predict.meter import QUEUE_SECONDS
from flyball.predict.options import Options
from flyball.predict.place import announced, listen
from flyball.predict.watching import watched
from flyball.storage.clockfile import RUN

with extra("serve"):
    import uvloop

GRACE_SECONDS = 5.0
START_SECONDS = 10.0
_ALONE_SECONDS = 10.0
"""How long the model of a server of one plan may take for an answer: nobody stands in for it."""
TAKEN = Path(RUN) / "taken"
"""What the processes of a server took of the limits that they share."""
_LOAD_SECONDS = 60.0
"""A server of one plan has nothing to answer with until that is loaded, and ends where it cannot be."""


def run(options: Options) -> None:
    """Serve until SIGTERM or SIGINT, in this process.

    Raises:
        FlyballError: it cannot listen there, or has nothing to serve.
    """
    check_bind(options.host, authenticated=options.auth)
    credentials = options.credentials()
    listener = listen(options.host, options.port)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(options, listener, credentials=credentials))


async def serve(options: Options, listener: socket.socket, *, credentials: Credentials | None = None) -> None:
    """Serve on `listener` until a signal comes; what was asked before is answered then.

    Connections that come while the last plan is loaded wait for it.
    """
    port = listener.getsockname()[1]
    token = OwnerToken.open(options.home) if options.auth else None
    models = ModelServer.open(options.home, server_settings(options, port=port, token=token))
    app = application(options, models, guard=guard_of(options, credentials, port=port), token=token)
    serve_as(app, Alone(models))
    outer, traces = watched(app, models.engine, timer=MonotonicTimer(), environment=os.environ)
    told = partial(announced, options.home, port, certificate=options.certificate)
    server = Server(config(outer, grace_seconds=GRACE_SECONDS), told, credentials=credentials)
    for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn takes over, and hands back to these when it has ended
        signal.signal(number, lambda *_: server.stop())
    try:
        await models.start(START_SECONDS if options.plan is None else _LOAD_SECONDS)
        if options.plan is not None:
            models.check_whole()
        gc.collect()
        gc.freeze()  # what is loaded stays, and need not be looked through again
        async with beside(app, options, credentials=credentials):
            await server.serve(sockets=[listener])
    finally:
        await models.close()
        if traces is not None:
            await asyncio.to_thread(traces.close)


def server_settings(options: Options, *, port: int, token: OwnerToken | None, worker: int = 0) -> ServerSettings:
    """The wiring that the options ask for."""
    return ServerSettings(
        control_url=options.control_url, name=options.name_at(port),
        token=options.control_token or (None if token is None else token.value),
        journal_bytes=options.journal_bytes, plan=options.plan, worker=worker, trust=options.trust,
        deadline_seconds=ServerSettings.deadline_seconds if options.plan is None else _ALONE_SECONDS,
    )  # fmt: skip


def serve_as(app: PredictApp, fleet: Fleet) -> None:
    """What concerns all processes is asked of the fleet."""
    app.plane.repository, app.plane.figures = fleet, fleet.figures


def guard_of(options: Options, credentials: Credentials | None, *, port: int) -> HostGuard:
    """By which names the server may be called: those that it was given, and those that its certificate was issued for."""
    return HostGuard.of(options.host, port, names=[*options.names, *(credentials.names if credentials else ())])


def application(
    options: Options, models: ModelServer, *, guard: HostGuard, token: OwnerToken | None, worker: int | None = None
) -> PredictApp:  # fmt: skip
    """What answers requests that pass the `guard`; `worker` is its number among several that answer at the same port."""
    book = TokenBook(options.home, clock=WallClock(), timer=MonotonicTimer())
    boundary = Boundary(guard, Authority(token, tokens=book))
    return PredictApp(models.engine, boundary, timer=MonotonicTimer(), admission=_admission(options, worker))


def _admission(options: Options, worker: int | None) -> Admission:
    """Who is let in; processes at one port count together what they give."""
    timer = MonotonicTimer()
    queue_seconds = QUEUE_SECONDS if options.plan is None else 2 * _ALONE_SECONDS
    limits = Limits(body_seconds=options.body_seconds, bulk_rows=options.bulk_rows, queue_seconds=queue_seconds)
    ledger = None if worker is None else SharedLedger(options.home / TAKEN, worker, timer=timer)
    return Admission(limits, Rates.of(os.environ), timer=timer, ledger=ledger)
