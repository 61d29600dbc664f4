"""A control plane that answers on a real socket."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import httpx
import pytest

from flyball.api.app import Limits
from flyball.testing.controlplane import StillPlane
from flyball.testing.doors import open_door

TOKEN = "t" * 43
LIMITS = Limits(body_bytes=100_000, body_seconds=0.5, long_polls=8)


@dataclass
class Served:
    """Where it answers, what stands behind it, and a client that is the owner."""

    port: int
    plane: StillPlane
    owner: httpx.Client
    stranger: httpx.Client
    stop: threading.Event


@contextmanager
def running(token: str | None) -> Iterator[Served]:
    plane, stop = StillPlane(), threading.Event()
    with (
        open_door(plane, token=token, limits=LIMITS, stop=stop) as url,
        httpx.Client(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}) as owner,
        httpx.Client(base_url=url) as stranger,
    ):
        yield Served(int(url.rpartition(":")[2]), plane, owner, stranger, stop)


@pytest.fixture
def served() -> Iterator[Served]:
    with running(TOKEN) as found:
        yield found


@pytest.fixture
def start() -> Iterator[Callable[[str | None], Served]]:
    with ExitStack() as stack:
        yield lambda token: stack.enter_context(running(token))
