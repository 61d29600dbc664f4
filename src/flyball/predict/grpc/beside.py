"""gRPC beside HTTP: one application, one event loop, two ports. Light, for most servers have no gRPC."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from flyball.app.listening import announce
from flyball.core.clock import MonotonicTimer
from flyball.governance.certificates import Credentials
from flyball.predict.app import PredictApp
from flyball.predict.options import Options

GRACE_SECONDS = 5.0


@asynccontextmanager
async def beside(
    app: PredictApp, options: Options, *, shared: bool = False, credentials: Credentials | None = None
) -> AsyncIterator[None]:  # fmt: skip
    """Until the block ends gRPC is answered at its port, if it has one, by what answers HTTP; then calls that are in may end.

    HOME/run/grpc.json says where. A `shared` port is one that several processes listen at, which `place.reserve` keeps for them.

    Raises:
        MissingExtraError: gRPC is not installed.
        PortTakenError, BindError: nobody can listen there.
    """
    if options.grpc_port is None:
        yield
        return
    from flyball.predict.grpc.door import Door, Keepers
    from flyball.predict.grpc.server import GrpcServer, Place

    door = Door(app.plane, Keepers(app.boundary.authority, app.admission, MonotonicTimer()))
    place = Place(options.host, options.grpc_port, shared, credentials)
    server = await GrpcServer.start(door, app.admission.limits, place=place)
    announce(options.home, "grpc", port=server.port, certificate=options.certificate)
    try:
        yield
    finally:
        await server.stop(GRACE_SECONDS)
