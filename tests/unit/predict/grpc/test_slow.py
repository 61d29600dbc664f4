"""Who does not read what is answered, or never ends what they ask, holds nothing for long, and only places of their own."""

from __future__ import annotations

import asyncio
import gzip
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flyball.core.clock import MonotonicTimer, WallClock
from flyball.core.ids import RandomIds
from flyball.governance import Authority
from flyball.governance.limits import Rates
from flyball.predict.batching import Batcher
from flyball.predict.dataplane import DataPlane
from flyball.predict.grpc.door import Door, Keepers
from flyball.predict.grpc.lines import cut
from flyball.predict.grpc.server import GrpcServer, Place
from flyball.predict.limits import Admission, Limits
from flyball.serving.engine import Engine
from flyball.storage._localjournal import LocalJournal
from tests.rawhttp2 import RawClient

METADATA, STREAM = "/inference.GRPCInferenceService/ServerMetadata", "/inference.GRPCInferenceService/ModelStreamInfer"
SECONDS = 60.0


@dataclass
class Listening:
    """A server of gRPC in this loop."""

    admission: Admission
    engine: Engine
    port: int

    def counted(self, status: str) -> int:
        return sum(count for (_, code), count in self.engine.counters.calls.items() if code == status)

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(SECONDS):
            while not true():  # noqa: ASYNC110  what is counted sets no events
                await asyncio.sleep(0.01)


@asynccontextmanager
async def listening(place: Path, **limits: Any) -> AsyncIterator[Listening]:
    timer = MonotonicTimer()
    admission = Admission(Limits(requests=8, caller_share=0.5, **limits), Rates({}, None), timer=timer)
    journal = LocalJournal.write(place)
    engine = Engine(journal, clock=WallClock(), ids=RandomIds(), timer=timer)
    plane = DataPlane(engine, Batcher(engine), meter=admission.meter)
    door = Door(plane, Keepers(Authority(None), admission, timer))
    server = await GrpcServer.start(door, admission.limits, place=Place("127.0.0.1", 0))
    try:
        yield Listening(admission, engine, server.port)
    finally:
        await server.stop(0)
        journal.close()


def test_who_does_not_read_holds_their_own_places_and_loses_the_connection(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with listening(tmp_path / "journal", answer_seconds=1.5) as server:
            client = await RawClient.connect(server.port, window=0)
            for _ in range(6):
                client.call(METADATA)
            await server.until(lambda: server.counted("RESOURCE_EXHAUSTED") == 2)  # one caller has no more than its share, which is 4
            await asyncio.wait_for(client.ended(), SECONDS)
            await server.until(lambda: server.admission.requests == 0)
            assert server.admission.inside_bytes == 0
            assert server.counted("DEADLINE_EXCEEDED") >= 1
            await client.close()

    with caplog.at_level(logging.ERROR):
        asyncio.run(main())
    assert not caplog.records


def test_who_makes_room_late_gets_the_answer(tmp_path: Path) -> None:
    async def main() -> None:
        async with listening(tmp_path / "journal") as server:
            client = await RawClient.connect(server.port, window=0)
            stream = client.call(METADATA)
            await server.until(lambda: server.admission.inside_bytes > 0)  # what is not read counts
            client.make_room(stream)
            assert b"grpc-status\x010" in await asyncio.wait_for(client.trailers(stream), SECONDS)
            await server.until(lambda: server.admission.requests == 0)
            await client.close()

    asyncio.run(main())


def test_a_request_that_never_ends_is_ended(tmp_path: Path) -> None:
    async def main() -> None:
        async with listening(tmp_path / "journal", body_seconds=0.5) as server:
            client = await RawClient.connect(server.port, window=1 << 16)
            for path in (METADATA, STREAM):
                begun = [client.call(path, None), client.call(path, b"abc", whole=False)]
                for stream in begun:
                    assert b"slow-body" in await asyncio.wait_for(client.trailers(stream), SECONDS)
            await server.until(lambda: server.admission.requests == 0)
            await client.close()

    asyncio.run(main())


def test_who_hangs_up_half_way_leaves_nothing_behind(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with listening(tmp_path / "journal") as server:
            client = await RawClient.connect(server.port, window=0)
            for _ in range(2):
                client.call(METADATA)
                client.call(METADATA, None)
            await server.until(lambda: server.admission.requests == 4)
            await client.close()
            await server.until(lambda: server.admission.requests == 0)
            again = await RawClient.connect(server.port, window=1 << 16)
            assert b"grpc-status\x010" in await asyncio.wait_for(again.trailers(again.call(METADATA)), SECONDS)
            await again.close()

    with caplog.at_level(logging.ERROR):
        asyncio.run(main())
    assert not caplog.records


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    async def main() -> None:
        async with listening(tmp_path / "journal") as server:
            client = await RawClient.connect(server.port, window=1 << 16)
            small = client.call(METADATA, gzip.compress(b""), packed=True)
            bomb = client.call(METADATA, gzip.compress(bytes(11 << 20)), packed=True)
            assert b"grpc-status\x010" in await asyncio.wait_for(client.trailers(small), SECONDS)
            assert b"larger than max" in await asyncio.wait_for(client.trailers(bomb), SECONDS)
            await client.close()

    asyncio.run(main())


def test_nobody_else_is_cut() -> None:
    assert not cut("ipv4:127.0.0.1:1", port=1)
    assert not cut("unix:", port=1)
