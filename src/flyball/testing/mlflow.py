"""What stands behind the door for MLflow's clients, in a home that nothing else is in; and that door, open on a free port."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flyball.api.app import DEFAULT_LIMITS, Limits, create_app
from flyball.api.entrance import Entrance
from flyball.api.mlflow import Services, mlflow_door
from flyball.api.serving import serve
from flyball.app.keeping import open_keeping
from flyball.app.listening import bind
from flyball.app.stores import Stores
from flyball.core.clock import MonotonicTimer, WallClock
from flyball.core.ids import RandomIds
from flyball.governance import HostGuard, OwnerToken, Sessions, TokenBook
from flyball.storage._localblobs import LocalBlobs
from flyball.storage.database import Database
from flyball.testing.controlplane import StillPlane
from flyball.tracking._artifacts_sqlstore import SqlArtifacts
from flyball.tracking.artifacts import ArtifactLimits, Artifacts


@contextmanager
def open_services(home: Path, *, limits: ArtifactLimits | None = None, database: Database | None = None) -> Iterator[Services]:
    """Runs, models and files of the home, in SQLite or in `database`, which is closed with them, and on its disk."""
    clock, ids = WallClock(), RandomIds()
    stores = Stores.over(database, home, clock=clock, ids=ids) if database else Stores.open(home, clock=clock, ids=ids)
    try:
        kept, artifacts = open_keeping(stores, LocalBlobs(home / "blobs")), SqlArtifacts(stores.database)
        files = Artifacts(artifacts, kept.parts.blobs, transactions=stores.database, clock=clock, ids=ids, limits=limits)
        yield Services(kept.tracking, kept.registry, files)
    finally:
        stores.close()


@contextmanager
def open_mlflow_door(
    services: Services,
    *,
    token: str | None,
    limits: Limits = DEFAULT_LIMITS,
    book: TokenBook | None = None,
    stop: threading.Event | None = None,
) -> Iterator[str]:
    """The address at which MLflow's clients are answered, for the owner of `token` or for everybody on this machine."""
    stop = stop or threading.Event()
    listener = bind("127.0.0.1", 0, field="control_port")
    port = listener.getsockname()[1]
    listener.listen()  # whoever connects before the server runs is kept waiting, not refused
    owner = None if token is None else OwnerToken(token)
    entrance = Entrance(HostGuard.of("127.0.0.1", port), owner, Sessions(MonotonicTimer()), book=book, owner_runs_code=True)
    app = create_app(StillPlane(), entrance, limits=limits, annexes=[mlflow_door(services, limits=limits)])
    settings = {"host": "127.0.0.1", "port": port, "sock": listener, "stop": stop}
    thread = threading.Thread(target=serve, args=(app,), kwargs=settings, name="mlflow-door")
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        stop.set()
        thread.join(30)
