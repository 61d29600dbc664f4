"""A control plane that answers on a real socket."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import httpx
import pytest

from flyball.api.app import Limits, create_app
from flyball.api.serving import bind, serve
from flyball.core.clock import MonotonicTimer
from flyball.governance import HostGuard, OwnerToken, Sessions
from flyball.testing.controlplane import StillPlane

TOKEN = "t" * 43
LIMITS = Limits(body_bytes=100_000, body_seconds=0.5, long_polls=8)


@dataclass
class Served:
    """Where it answers, what stands behind it, and a client that is the owner."""

    url: str
    port: int
    plane: StillPlane
    owner: httpx.Client
    stranger: httpx.Client
    stop: threading.Event


@contextmanager
def running(*, token: OwnerToken | None, limits: Limits) -> Iterator[Served]:
    plane, stop = StillPlane(), threading.Event()
    socket = bind("127.0.0.1", 0)
    port = socket.getsockname()[1]
    app = create_app(plane, token=token, sessions=Sessions(MonotonicTimer()), guard=HostGuard.of("127.0.0.1", port), limits=limits)
    socket.listen()  # whoever connects before the server is up waits for it
    thread = threading.Thread(target=serve, args=(app,), kwargs={"host": "127.0.0.1", "port": port, "sock": socket, "stop": stop})
    thread.start()
    url = f"http://127.0.0.1:{port}"
    try:
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}) as owner, httpx.Client(base_url=url) as stranger:
            yield Served(url, port, plane, owner, stranger, stop)
    finally:
        stop.set()
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture
def served() -> Iterator[Served]:
    with running(token=OwnerToken(TOKEN), limits=LIMITS) as found:
        yield found


@pytest.fixture
def start() -> Iterator[Callable[..., Served]]:
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(running(**{"token": OwnerToken(TOKEN), "limits": LIMITS, **settings}))
