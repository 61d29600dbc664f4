"""Connections that stand still are closed, and those that do not are not."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import Any

import pytest
import uvicorn
import uvloop
from uvicorn.server import ServerState

from flyball.app.heads import BoundedHeads

PART = b"x" * (1 << 20)
PARTS = 32


class Impatient(BoundedHeads):
    read_seconds = 0.5


async def much(scope: Any, receive: Any, send: Any) -> None:
    del scope, receive
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % (len(PART) * PARTS))]})
    for place in range(PARTS):
        await send({"type": "http.response.body", "body": PART, "more_body": place + 1 < PARTS})


async def _received(pause_seconds: float) -> tuple[int, ServerState]:
    """How many bytes come to a client that pauses after each of the first three parts that it reads."""
    config = uvicorn.Config(much, lifespan="off", log_level="critical")
    config.load()
    state, loop = ServerState(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: Impatient(config=config, server_state=state, app_state={}), "127.0.0.1", 0)
    client = socket.create_connection(server.sockets[0].getsockname())
    client.setblocking(False)
    await loop.sock_sendall(client, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    found = pauses = 0
    with client, suppress(ConnectionError):
        while part := await loop.sock_recv(client, 1 << 20):
            found += len(part)
            if pauses < 3:
                pauses += 1
                await asyncio.sleep(pause_seconds)
    server.close()
    return found, state


@pytest.mark.parametrize("factory", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_an_answer_that_nobody_reads_is_thrown_away(factory: Any) -> None:
    with asyncio.Runner(loop_factory=factory) as runner:
        found, state = runner.run(_received(5.0))
    assert found < len(PART) * PARTS
    assert not state.connections


@pytest.mark.parametrize("factory", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_who_reads_slowly_gets_all(factory: Any) -> None:
    with asyncio.Runner(loop_factory=factory) as runner:
        found, _ = runner.run(_received(0.01))
    assert found > len(PART) * PARTS
