"""The short way of a request and the long one say the same to the same bytes, however these come."""

from __future__ import annotations

import asyncio
import gc
import gzip
import json
import re
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyball.core.clock import MonotonicTimer, WallClock
from flyball.core.ids import Digest, RandomIds
from flyball.governance import Authority, Boundary, HostGuard, OwnerToken
from flyball.governance.buckets import Rate
from flyball.governance.limits import Rates
from flyball.governance.permissions import Permission
from flyball.predict.app import PredictApp
from flyball.predict.connections import Connection, Lines, config
from flyball.predict.limits import Admission, Limits
from flyball.runtimes import Description, ModelManifest
from flyball.serving.engine import Engine
from flyball.serving.plan import EndpointPlan, InputColumn, VersionPlan
from flyball.serving.record import decode
from flyball.serving.version import LoadedEndpoint, LoadedVersion, RequestAsIs, Serving
from flyball.storage._localjournal import LocalJournal

TOKEN = "t" * 43
PATIENCE_SECONDS = 60.0
UNLIMITED = Rates({}, None)
_ID = re.compile(rb"prd-[0-9a-z]{26}")


class Model:
    """The sum of its numbers; it has no answer to 13."""

    manifest = ModelManifest(format="linear", features=("x",), dtypes=("Float64",), task="regression")

    def predict(self, frame: pl.DataFrame) -> Any:
        numbers = frame["x"].to_numpy()
        if (numbers == 13).any():
            raise ValueError("13 is unlucky")
        return np.nan_to_num(numbers) * 2


def endpoint() -> LoadedEndpoint:
    inputs = (InputColumn("x", "Float64"), InputColumn("name", "String", required=False))
    plan = VersionPlan(number=1, model_digest=Digest("d"), task="regression", inputs=inputs)
    version = LoadedVersion(plan, None, RequestAsIs(), Model(), {}, Description(task="regression"))
    known = EndpointPlan(endpoint="e", model="m", revision=1, champion=1, canary=None, share=0.0, versions=(plan,))
    return LoadedEndpoint.of(known, {1: version})


class Wire(asyncio.Transport):
    """What a server writes; nothing is read from it, and closed is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.written, self.closed = b"", False
        self.protocol: Any = None

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"peername": ("127.0.0.1", 4000), "sockname": ("127.0.0.1", 80)}.get(name, default)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self.closed:
            self.written += bytes(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)

    abort = close

    def pause_reading(self) -> None:
        """Whoever sends goes on: what is sent here is sent."""

    resume_reading = pause_reading


class _Around:
    """The app, with its lane or without; counts what it is asked itself."""

    def __init__(self, app: PredictApp, *, short: bool) -> None:
        self._app, self.asked = app, 0
        if short:
            self.lane = app.lane

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked += 1
        await self._app(scope, receive, send)


class Side:
    """A server without sockets, with the lane or without it."""

    def __init__(self, place: Path, *, short: bool, rates: Rates) -> None:
        timer = MonotonicTimer()
        self.journal = LocalJournal.write(place)
        self.engine = Engine(self.journal, clock=WallClock(), ids=RandomIds(), timer=timer)
        self.engine.serving = Serving(1, {"e": endpoint()})
        self.admission = Admission(Limits(body_bytes=10_000), rates, timer=timer)
        boundary = Boundary(HostGuard(["h"]), Authority(OwnerToken(TOKEN)))
        app = PredictApp(self.engine, boundary, timer=timer, admission=self.admission)

        self.config = config(_Around(app, short=short), grace_seconds=1.0)
        self.config.load()
        self.lines = Lines()

    async def say(self, parts: Sequence[bytes], *, waits: bool, ends: bool) -> tuple[bytes, bool]:
        """What is written to who says `parts`, waits for an answer to each or not, and at the end says no more or hangs up."""
        wire, line = Wire(), Connection(config=self.config, server_state=self.lines, app_state={})
        wire.protocol = line
        line.connection_made(wire)
        for part in parts:
            if not wire.closed:
                line.data_received(part)
            if waits:
                await settled(line, wire)
        if ends and not wire.closed and not line.eof_received():
            wire.close()
        await settled(line, wire)
        closed = wire.closed
        wire.close()
        for _ in range(20):
            await asyncio.sleep(0)
        return _ID.sub(b"ID", wire.written), closed

    def facts(self) -> Any:
        """What is left behind: counted requests, who is inside, and the journal."""
        records = [decode(entry.payload) for entry in self.journal.read_after(0)]
        kept = [(row.endpoint, row.version, row.request, row.scores, row.error, row.callers, row.traces) for row in records]
        return dict(self.engine.counters.requests), self.admission.requests, self.admission.inside_bytes, kept


async def settled(line: Connection, wire: Wire) -> None:
    """All that is whole is answered."""
    for _ in range(30):
        await asyncio.sleep(0)
    until = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while line.owes and not wire.closed and not line.cycle.more_body:
        assert asyncio.get_running_loop().time() < until, "an answer is owed"
        await asyncio.sleep(0.001)


def said_by_both(parts: Sequence[bytes], *, waits: bool, ends: bool, rates: Rates = UNLIMITED) -> list[Any]:
    async def main() -> list[Any]:
        with tempfile.TemporaryDirectory() as place:
            found = []
            for short in (True, False):
                side = Side(Path(place) / str(short), short=short, rates=rates)
                told = await side.say(parts, waits=waits, ends=ends)
                await side.engine.finish()
                found.append((told, side.facts()))
                side.journal.close()
            return found

    return asyncio.run(main())


def http(
    body: bytes = b"", *more: str, start: str = "POST /predict/e HTTP/1.1", kind: str = "application/json", plain: bool = True
) -> bytes:
    usual = ["Host: h", f"Authorization: Bearer {TOKEN}"] if plain else []
    length = [] if any(line.lower().startswith(("content-length", "transfer-")) for line in more) else [f"Content-Length: {len(body)}"]
    kinds = [f"Content-Type: {kind}"] if kind else []
    return "\r\n".join([start, *usual, *kinds, *length, *more]).encode() + b"\r\n\r\n" + body


def rows(*found: Any) -> bytes:
    return json.dumps({"rows": found}).encode()


V2 = "POST /v2/models/e/infer HTTP/1.1"
GOOD = rows({"x": 1.5})
TENSORS = {"inputs": [{"name": "x", "shape": [2], "datatype": "FP64", "data": [1.0, 2.0]}], "id": "7"}
RAW = json.dumps({"inputs": [{"name": "x", "shape": [1], "datatype": "FP64", "parameters": {"binary_data_size": 8}}]}).encode()
CASES = {
    "one row": http(GOOD),
    "rows": http(rows({"x": 1, "name": "ä"}, {"x": None}, {"x": 3.5})),
    "no body": http(),
    "no json": http(b'{"rows": [{'),
    "unknown field": http(rows({"x": 1, "y": 2})),
    "missing field": http(rows({"name": "a"})),
    "a row that the model refuses": http(rows({"x": 13})),
    "no content type": http(GOOD, kind=""),
    "another content type": http(GOOD, kind="text/plain"),
    "a charset": http(GOOD, kind="application/json; charset=UTF-8"),
    "tensors": http(json.dumps(TENSORS).encode(), start=V2),
    "wrong tensors": http(json.dumps({"inputs": []}).encode(), start=V2),
    "binary tensors": http(RAW + np.array([4.0]).tobytes(), f"Inference-Header-Content-Length: {len(RAW)}", start=V2),
    "a lying length": http(RAW, "Inference-Header-Content-Length: 10000", start=V2),
    "a version": http(json.dumps(TENSORS).encode(), start="POST /v2/models/e/versions/1/infer HTTP/1.1"),
    "no such version": http(json.dumps(TENSORS).encode(), start="POST /v2/models/e/versions/x/infer HTTP/1.1"),
    "no such endpoint": http(GOOD, start="POST /predict/f HTTP/1.1"),
    "no such path": http(GOOD, start="POST /nowhere HTTP/1.1"),
    "another method": http(GOOD, start="PUT /predict/e HTTP/1.1"),
    "another route": http(b"", start="GET /healthz HTTP/1.1"),
    "a query": http(GOOD, start="POST /predict/e?ages=true HTTP/1.1"),
    "an escaped path": http(GOOD, start="POST /predict/%65 HTTP/1.1"),
    "a whole address": http(GOOD, start="POST http://h/predict/e HTTP/1.1"),
    "packed": http(gzip.compress(GOOD, mtime=0), "Content-Encoding: gzip"),
    "packed wrongly": http(GOOD, "Content-Encoding: gzip"),
    "packed as nobody does": http(GOOD, "Content-Encoding: br"),
    "an answer packed": http(GOOD, "Accept-Encoding: deflate", start="POST /predict/f HTTP/1.1"),
    "chunks": http(b"%x\r\n%s\r\n0\r\n\r\n" % (len(GOOD), GOOD), "Transfer-Encoding: chunked"),
    "is it wanted": http(GOOD, "Expect: 100-continue"),
    "an old protocol": http(GOOD, start="POST /predict/e HTTP/1.0"),
    "the last": http(GOOD, "Connection: close"),
    "an upgrade": http(GOOD, "Connection: upgrade", "Upgrade: h2c"),
    "too large": http(b" " * 10_001),
    "a stranger": http(GOOD, "Host: h", plain=False),
    "a wrong token": http(GOOD, "Host: h", "Authorization: Bearer no", plain=False),
    "two tokens": http(GOOD, f"Authorization: Bearer {TOKEN}"),
    "two kinds": http(GOOD, "Content-Type: text/plain"),
    "another host": http(GOOD, "Host: i", plain=False),
    "another site": http(GOOD, "Origin: http://evil.example"),
    "an actor": http(GOOD, "Flyball-Actor: ann", "Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    "a length that is none": http(GOOD, "Content-Length: many"),
    "no http": b"\x16\x03\x01 hello\r\n\r\n",
    "half a request": http(GOOD)[:-4],
    "half a head": http(GOOD)[:30],
}


@pytest.mark.parametrize("waits", [True, False], ids=["waiting", "at once"])
@pytest.mark.parametrize("name", CASES)
def test_both_ways_say_the_same(name: str, *, waits: bool) -> None:
    short, long = said_by_both([CASES[name]], waits=waits, ends=True)
    assert short == long


@settings(max_examples=40, deadline=None)
@given(
    names=st.lists(st.sampled_from(sorted(CASES)), min_size=1, max_size=4), cuts=st.lists(st.integers(0, 1200), max_size=6),
    waits=st.booleans(), ends=st.booleans(),
)  # fmt: skip
def test_both_ways_say_the_same_however_bytes_are_cut_and_follow_one_another(
    names: list[str], cuts: list[int], *, waits: bool, ends: bool
) -> None:
    whole = b"".join(CASES[name] for name in names)
    places = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    parts = [whole[start:end] for start, end in pairwise(places)]
    short, long = said_by_both(parts, waits=waits, ends=ends)
    assert short == long


def test_what_is_whole_and_usual_goes_the_short_way(tmp_path: Path) -> None:
    async def main() -> int:
        side = Side(tmp_path, short=True, rates=UNLIMITED)
        written, _ = await side.say([CASES["one row"], CASES["tensors"], CASES["no json"], CASES["packed"]], waits=True, ends=True)
        side.journal.close()
        assert written.count(b"HTTP/1.1") == 4
        asked: int = side.config.loaded_app.asked
        return asked

    assert asyncio.run(main()) == 0


def test_a_request_leaves_nothing_to_the_collector(tmp_path: Path) -> None:
    async def main() -> int:
        side = Side(tmp_path, short=True, rates=UNLIMITED)
        await side.say([CASES["one row"]] * 10, waits=True, ends=True)
        gc.collect()
        gc.disable()
        try:
            await side.say([CASES["one row"]] * 100, waits=True, ends=True)
            return gc.collect()
        finally:
            gc.enable()
            side.journal.close()

    assert asyncio.run(main()) < 100  # things; of a connection some are left


def test_both_ways_count_who_asks_too_often() -> None:
    rates = Rates({Permission.PREDICT: Rate(0.001, 2)}, Rate(0.001, 1))
    parts = [CASES["one row"], CASES["tensors"], CASES["one row"], CASES["tensors"], CASES["a stranger"], CASES["a stranger"]]
    short, long = said_by_both(parts, waits=True, ends=True, rates=rates)
    assert short == long
    assert short[0][0].count(b"HTTP/1.1 429") == 3


def test_who_says_no_more_is_answered_and_then_closed() -> None:
    ((written, closed), _), _ = said_by_both([CASES["one row"] * 3], waits=False, ends=True)
    assert (written.count(b"HTTP/1.1 200 OK"), written.count(b"connection: close"), closed) == (3, 1, True)
