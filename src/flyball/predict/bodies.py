"""Bodies as they come: read within limits of size and time, and unpacked within the same limits."""

from __future__ import annotations

import asyncio
import types
import zlib
from collections.abc import Callable, Coroutine, Generator
from typing import Any, TypeAlias

from flyball.app.gathering import Message, gathered
from flyball.predict.errors import BodyTooLargeError, DamagedBodyError, EncodingError, SlowBodyError

Receive: TypeAlias = Callable[[], Coroutine[Any, Any, Message]]

IDENTITY = b"identity"
_GZIP, _ZLIB, _RAW = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS
_CODINGS = {b"gzip": _GZIP, b"x-gzip": _GZIP, b"deflate": _ZLIB}
_LEVEL = 1
"""A level more packs a few percent more, and takes twice as long."""
_WORTH_BYTES = 16 << 10


async def read(receive: Receive, *, limit_bytes: int, seconds: float) -> bytes:
    """The whole body. One that came with its head, as nearly all do, is taken without a timer, which costs more than the body does.

    Raises:
        ClientGoneError: nobody waits for an answer any more.
        BodyTooLargeError, SlowBodyError: it is more, or takes longer, than is waited for.
    """
    receiving = receive()
    message: Message | None = None
    waited = None
    try:
        waited = receiving.send(None)
    except StopIteration as done:
        found: Message = done.value
        if not found.get("more_body", False) and found["type"] == "http.request":
            return _limited(found.get("body", b""), limit_bytes)
        message = found
    try:
        async with asyncio.timeout(seconds):
            body = await gathered(receive, limit_bytes=limit_bytes, first=message or await _begun(receiving, waited))
    except TimeoutError as error:
        raise SlowBodyError(seconds) from error
    if body is None:
        raise BodyTooLargeError(limit_bytes)
    return body


@types.coroutine
def _begun(receiving: Coroutine[Any, Any, Message], waited: Any) -> Generator[Any, Any, Message]:
    """The rest of a coroutine that was begun by hand and waits for `waited` now."""
    while True:
        try:
            try:
                sent = yield waited
            except BaseException as error:  # noqa: BLE001 - it is the coroutine's, whatever it is
                waited = receiving.throw(error)
            else:
                waited = receiving.send(sent)
        except StopIteration as done:
            found: Message = done.value
            return found


def _limited(body: bytes, limit_bytes: int) -> bytes:
    if len(body) > limit_bytes:
        raise BodyTooLargeError(limit_bytes)
    return body


def check_coding(coding: bytes) -> bytes:
    """The one coding that the header names, in lower case.

    Raises:
        EncodingError: it is another one, or several.
    """
    found = coding.strip().lower()
    if found not in _CODINGS and found not in {b"", IDENTITY}:
        raise EncodingError(coding.decode("latin-1"))
    return found


def inflate(body: bytes, coding: bytes, *, limit_bytes: int) -> bytes:
    """What was packed; no more than the limit is ever unpacked.

    Raises:
        BodyTooLargeError: it would be larger.
        DamagedBodyError: it is cut off, broken, or something follows it.
    """
    bits = _CODINGS[coding]
    if bits == _ZLIB and not _is_zlib(body):  # some clients take deflate to be the stream without its frame
        bits = _RAW
    unpacking = zlib.decompressobj(bits)
    try:
        found = unpacking.decompress(body, limit_bytes + 1)
    except zlib.error as error:
        raise DamagedBodyError(coding.decode(), str(error)) from error
    if len(found) > limit_bytes:
        raise BodyTooLargeError(limit_bytes)
    if not unpacking.eof:
        raise DamagedBodyError(coding.decode(), "it ends too early")
    if unpacking.unused_data:
        raise DamagedBodyError(coding.decode(), f"{len(unpacking.unused_data):,} bytes follow its end")
    return found


def _is_zlib(body: bytes) -> bool:
    return len(body) > 1 and body[0] & 0x0F == zlib.DEFLATED and int.from_bytes(body[:2]) % 31 == 0


def choose_coding(accepted: bytes, size: int) -> bytes | None:
    """How an answer of that size goes to a caller who accepts these codings.

    Who names one coding alone wants it. A list is what clients send unasked, so that only an answer that is worth its time is packed.
    """
    if not accepted or accepted == IDENTITY:
        return None
    named = [part.strip().lower() for part in accepted.split(b",")]
    if named in ([b"gzip"], [b"deflate"]):
        return named[0]
    if size < _WORTH_BYTES:
        return None
    wanted = {part.partition(b";")[0].strip() for part in named if not part.replace(b" ", b"").endswith((b";q=0", b";q=0.0"))}
    return next((coding for coding in (b"gzip", b"deflate") if coding in wanted), None)


def deflate(body: bytes, coding: bytes) -> bytes:
    """The body, packed."""
    packing = zlib.compressobj(_LEVEL, zlib.DEFLATED, _CODINGS[coding])
    return packing.compress(body) + packing.flush()
