"""The body of a request, gathered as ASGI brings it in parts: for whichever door, and no byte beyond its limit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

Message: TypeAlias = MutableMapping[str, Any]


class ClientGoneError(Exception):
    """The client has closed the connection before its body was whole; there is nobody to answer."""


async def gathered(receive: Callable[[], Awaitable[Message]], *, limit_bytes: int, first: Message | None = None) -> bytes | None:
    """The whole body, or None where it is longer; `first` has come already.

    Raises:
        ClientGoneError: nobody waits for an answer.
    """
    parts, size, message = list[bytes](), 0, first
    while True:
        message = await receive() if message is None else message
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        part = message.get("body", b"")
        size += len(part)
        if size > limit_bytes:
            return None
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)
        message = None
