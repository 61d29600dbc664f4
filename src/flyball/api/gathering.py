"""An answer leaves in one piece: uvicorn writes head and body apart, and each piece costs a call here and a wake-up at the client.

A client that reads the head first and a system that delays acknowledgements would even wait 40 ms in between, were it not for
TCP_NODELAY, which asyncio sets.
"""

from __future__ import annotations

import asyncio
from typing import Any

from flyball.app.heads import BoundedHeads


class WholeAnswers(BoundedHeads):
    """uvicorn's protocol, whose writes of one turn of the loop leave together."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(Gathering(transport, self.loop))


class Gathering:
    """A transport that holds what is written until the loop turns; everything else is that of the transport below."""

    def __init__(self, transport: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._held: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """To be sent when the loop turns, after what was written before."""
        if not self._held:
            self._loop.call_soon(self._send)
        self._held.append(data)

    def close(self) -> None:
        """Send what is held, and close."""
        self._send()
        self._transport.close()

    def _send(self) -> None:
        held, self._held = self._held, []
        if held:
            self._transport.write(held[0] if len(held) == 1 else b"".join(held))
