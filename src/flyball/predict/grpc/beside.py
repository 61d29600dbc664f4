"""gRPC beside HTTP: one application, one event loop, two ports. Light, for most servers have no gRPC."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from flyball.app.listening import announce
from flyball.core.clock import MonotonicTimer
from flyball.predict.app import PredictApp

GRACE_SECONDS = 5.0


@asynccontextmanager
async def beside(app: PredictApp, home: Path, *, host: str, port: int | None, shared: bool = False) -> AsyncIterator[None]:
    """Until the block ends gRPC is answered at `port` by what answers HTTP, unless that is None; then calls that are in may end.

    HOME/run/grpc.json says where. A `shared` port is one that several processes listen at, which `place.reserve` keeps for them.

    Raises:
        MissingExtraError: gRPC is not installed.
        PortTakenError, BindError: nobody can listen there.
    """
    if port is None:
        yield
        return
    from flyball.predict.grpc.door import Door, Keepers
    from flyball.predict.grpc.server import GrpcServer

    door = Door(app.plane, Keepers(app.boundary.authority, app.admission, MonotonicTimer()))
    server = await GrpcServer.start(door, app.admission.limits, host=host, port=port, shared=shared)
    announce(home, "grpc", port=server.port)
    try:
        yield
    finally:
        await server.stop(GRACE_SECONDS)
