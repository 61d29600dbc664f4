"""Bodies are read here and nowhere else: JSON by their head, whole, in time, and never more than the cap."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping

import msgspec

from flyball.api.errors import BodyTooLargeError, BrokenJsonError, ContentTypeError, SlowBodyError
from flyball.api.jsonshape import check_shape
from flyball.app.gathering import Message, gathered
from flyball.governance import Permission

SMALL: Mapping[Permission, int] = {
    Permission.LOGIN: 64 << 10, Permission.RELEASE: 64 << 10, Permission.ADMIN: 64 << 10, Permission.READ: 1 << 20,
    Permission.REGISTER: 1 << 20,
}  # fmt: skip
"""The most bytes of bodies that never are larger, by what their routes take."""
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
Receive = Callable[[], Awaitable[Message]]


class Intake:
    """Reads at most `limit_bytes` within `seconds`; of some `permissions`' routes at most what is said there."""

    def __init__(self, limit_bytes: int, seconds: float, *, permissions: Mapping[Permission, int] = SMALL) -> None:
        self._limit, self._seconds = limit_bytes, seconds
        self._permissions = permissions

    async def read(self, headers: dict[bytes, bytes], receive: Receive, *, permission: Permission) -> Receive:
        """A `receive` that gives the whole body at once.

        Raises:
            ContentTypeError: there is a body, and it is not plain JSON.
            BodyTooLargeError: it is longer than the cap; no more than the cap was read.
            SlowBodyError: it did not come in time.
            BrokenJsonError: a text in it is none: it has half of a pair that stands for one character.
            ClientGoneError: nobody waits for an answer.
        """
        length = headers.get(b"content-length", b"")
        if b"transfer-encoding" in headers or length not in {b"", b"0"}:
            _check_type(headers)
        body = await self.take(length, receive, permission=permission)
        _check_text(body)
        return _once(body, receive)

    async def take(self, length: bytes, receive: Receive, *, permission: Permission | None = None) -> bytes:
        """The whole body, whatever JSON is in it; `length` is what its head says of it.

        Raises:
            BodyTooLargeError, SlowBodyError, ClientGoneError: as of `read`.
            JsonShapeError: it nests too deep, or has too many values.
        """
        limit = self._limit if permission is None else min(self._limit, self._permissions.get(permission, self._limit))
        body = await self._gather(length, receive, limit=limit)
        check_shape(body)
        return body

    async def read_raw(self, headers: dict[bytes, bytes], receive: Receive) -> Receive:
        """A `receive` that gives the whole body at once, whatever it is: its route looks at its type.

        Raises:
            BodyTooLargeError, SlowBodyError, ClientGoneError: as of `read`.
        """
        return _once(await self._gather(headers.get(b"content-length", b""), receive, limit=self._limit), receive)

    async def _gather(self, length: bytes, receive: Receive, *, limit: int) -> bytes:
        if length.isdigit() and int(length) > limit:
            raise BodyTooLargeError(limit)
        try:
            async with asyncio.timeout(self._seconds):
                body = await gathered(receive, limit_bytes=limit)
        except TimeoutError as error:
            raise SlowBodyError(self._seconds) from error
        if body is None:
            raise BodyTooLargeError(limit)
        return body


def _check_type(headers: dict[bytes, bytes]) -> None:
    kind, _, parameters = headers.get(b"content-type", b"").decode("latin-1").partition(";")
    charset = parameters.strip().lower().replace('"', "")
    if kind.strip().lower() != "application/json" or charset not in {"", "charset=utf-8"}:
        raise ContentTypeError(headers.get(b"content-type", b"").decode("latin-1"))
    encoding = headers.get(b"content-encoding", b"identity").decode("latin-1")
    if encoding.lower() != "identity":
        raise ContentTypeError(f"{kind.strip()} in {encoding}")


def _check_text(body: bytes) -> None:
    # Python's parser lets such texts pass, and every store that they reach later would fail.
    if _SURROGATE.search(body) is None:
        return
    try:
        msgspec.json.decode(body)
    except UnicodeDecodeError as error:
        raise BrokenJsonError("it is not UTF-8") from error
    except msgspec.DecodeError as error:
        raise BrokenJsonError(str(error)) from error
    except RecursionError as error:
        raise BrokenJsonError("it is nested too deep") from error


def _once(body: bytes, receive: Receive) -> Receive:
    given = False

    async def whole() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return whole
