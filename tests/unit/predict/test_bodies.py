"""Bodies are read whole, whenever their parts come, and no longer or further than is said."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from flyball.app.gathering import ClientGoneError
from flyball.predict.bodies import choose_coding, deflate, inflate, read
from flyball.predict.errors import BodyTooLargeError, DamagedBodyError, SlowBodyError

Parts = list[tuple[bytes, bool]]


def receiving(parts: Parts, *, waits: bool, then: str = "http.disconnect") -> Callable[[], Coroutine[Any, Any, dict[str, Any]]]:
    """What an ASGI server gives: each part at once, or only after the event loop has turned."""
    left = list(parts)

    async def receive() -> dict[str, Any]:
        if waits:
            await asyncio.sleep(0.001)
        if not left:
            if then == "never":
                await asyncio.Event().wait()
            return {"type": then}
        body, more = left.pop(0)
        return {"type": "http.request", "body": body, "more_body": more}

    return receive


def whole(parts: Parts, *, waits: bool, then: str = "http.disconnect", seconds: float = 60, limit_bytes: int = 100) -> bytes:
    return asyncio.run(read(receiving(parts, waits=waits, then=then), limit_bytes=limit_bytes, seconds=seconds))


@pytest.mark.parametrize("waits", [False, True], ids=["there", "waited for"])
@pytest.mark.parametrize("parts", [[(b"abc", False)], [(b"ab", True), (b"c", False)], [(b"", True), (b"abc", True), (b"", False)]])
def test_a_body_is_read_whole(parts: Parts, *, waits: bool) -> None:
    assert whole(parts, waits=waits) == b"abc"


@pytest.mark.parametrize("waits", [False, True], ids=["there", "waited for"])
def test_a_caller_who_hung_up_is_gone(*, waits: bool) -> None:
    for parts in ([], [(b"ab", True)]):
        with pytest.raises(ClientGoneError):
            whole(parts, waits=waits)


@pytest.mark.parametrize("waits", [False, True], ids=["there", "waited for"])
def test_a_body_may_be_too_large(*, waits: bool) -> None:
    for parts in ([(b"x" * 101, False)], [(b"x" * 60, True), (b"x" * 60, True)]):
        with pytest.raises(BodyTooLargeError):
            whole(parts, waits=waits)


@pytest.mark.parametrize("waits", [False, True], ids=["there", "waited for"])
def test_a_body_may_be_too_slow(*, waits: bool) -> None:
    for parts in ([], [(b"ab", True)]):
        with pytest.raises(SlowBodyError):
            whole(parts, waits=waits, then="never", seconds=0.02)


def test_a_reader_that_is_cancelled_lets_go() -> None:
    async def cancelled() -> None:
        task = asyncio.ensure_future(read(receiving([], waits=False, then="never"), limit_bytes=10, seconds=60))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())


@pytest.mark.parametrize("coding", [b"gzip", b"deflate"])
def test_what_is_packed_is_unpacked(coding: bytes) -> None:
    packed = deflate(b"abc" * 1000, coding)
    assert inflate(packed, coding, limit_bytes=3000) == b"abc" * 1000
    with pytest.raises(BodyTooLargeError):
        inflate(packed, coding, limit_bytes=2999)
    for damaged in (packed[:-1], packed + b"x", b"", b"\x1f\x8b\x08"):
        with pytest.raises(DamagedBodyError):
            inflate(damaged, coding, limit_bytes=3000)


def test_a_stream_without_its_frame_is_unpacked_too() -> None:
    packing = zlib.compressobj(wbits=-15)
    assert inflate(packing.compress(b"abc") + packing.flush(), b"deflate", limit_bytes=3) == b"abc"


@pytest.mark.parametrize(
    ("accepted", "size", "coding"),
    [
        (b"", 1 << 20, None), (b"identity", 1 << 20, None), (b"gzip", 10, b"gzip"), (b"deflate", 10, b"deflate"),
        (b"gzip, deflate", 10, None), (b"gzip, deflate", 1 << 20, b"gzip"), (b"br, deflate", 1 << 20, b"deflate"),
        (b"gzip;q=0, deflate", 1 << 20, b"deflate"), (b"br", 1 << 20, None), (b"gzip; q=0.5, br", 1 << 20, b"gzip"),
    ],
)  # fmt: skip
def test_how_an_answer_goes_back(accepted: bytes, size: int, coding: bytes | None) -> None:
    assert choose_coding(accepted, size) == coding
