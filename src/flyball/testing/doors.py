"""A control plane's door, open on a free port of this machine for as long as a block lasts."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flyball.api.app import DEFAULT_LIMITS, Limits, create_app
from flyball.api.entrance import Entrance
from flyball.api.serving import serve
from flyball.app.controlplane import ControlPlane
from flyball.app.listening import bind
from flyball.core.clock import MonotonicTimer, WallClock
from flyball.governance import HostGuard, OwnerToken, Sessions, TokenBook
from flyball.governance.certificates import Credentials
from flyball.governance.service import TokenService


@contextmanager
def open_door(
    plane: ControlPlane,
    *,
    token: str | None,
    limits: Limits = DEFAULT_LIMITS,
    stop: threading.Event | None = None,
    tokens: TokenService | None = None,
    credentials: Credentials | None = None,
) -> Iterator[str]:
    """The address at which `plane` answers, to the owner of `token` or to everybody on this machine; `stop` ends it early.

    It also answers those who have one of `tokens`, which are kept in a home. With `credentials` it speaks TLS.
    """
    stop = stop or threading.Event()
    listener = bind("127.0.0.1", 0, field="control_port")
    port = listener.getsockname()[1]
    listener.listen()  # whoever connects before the server runs is kept waiting, not refused
    owner = None if token is None else OwnerToken(token)
    book = None if tokens is None else TokenBook(tokens.home, clock=WallClock(), timer=MonotonicTimer())
    guard = HostGuard.of("127.0.0.1", port, names=credentials.names if credentials else ())
    entrance = Entrance(guard, owner, Sessions(MonotonicTimer()), tokens, book, owner_runs_code=True)
    app = create_app(plane, entrance, limits=limits)
    settings = {"host": "127.0.0.1", "port": port, "sock": listener, "stop": stop, "credentials": credentials}
    thread = threading.Thread(target=serve, args=(app,), kwargs=settings, name="door")
    thread.start()
    try:
        yield f"http{'s' if credentials else ''}://127.0.0.1:{port}"
    finally:
        stop.set()
        thread.join(10)
