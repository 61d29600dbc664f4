"""Every door is fed what nobody should send: each answer is a refusal that says why, and the server goes on."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl
import pytest

from flyball.testing.model_server import ServerProcess
from flyball.testing.serving_home import ServingHome, trip

ARROW, JSON, CSV = "application/vnd.apache.arrow.stream", "application/json", "text/csv"
ROW = trip(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    home = ServingHome.trips(tmp_path_factory.mktemp("hostile"))
    home.add_linear(1)
    home.keep(home.plan(1))
    with ServerProcess(home.path) as running:
        yield running


def stream() -> bytes:
    out = io.BytesIO()
    pl.DataFrame([ROW]).with_columns(pl.col("leaves_at").str.to_datetime(time_zone="UTC")).write_ipc_stream(out)
    return out.getvalue()


INPUTS = [
    {"name": name, "shape": [1], "datatype": "FP64" if isinstance(value, float) else "BYTES", "data": [value]}
    for name, value in ROW.items()
]
DOORS: Mapping[str, tuple[str, str, bytes]] = {
    "rows": ("/predict/late", JSON, json.dumps({"rows": [ROW]}).encode()),
    "vector": ("/predict/late.vector", JSON, json.dumps({"rows": [ROW]}).encode()),
    "arrow": ("/predict/late", ARROW, stream()),
    "v2": ("/v2/models/late/infer", JSON, json.dumps({"inputs": INPUTS}).encode()),
    "v1": ("/v1/models/late:predict", JSON, json.dumps({"instances": [ROW]}).encode()),
    "invocations": ("/invocations", JSON, json.dumps({"dataframe_split": {"columns": list(ROW), "data": [list(ROW.values())]}}).encode()),
    "csv": ("/invocations", CSV, "\n".join([",".join(ROW), ",".join(map(str, ROW.values()))]).encode()),
    "index": ("/v2/repository/index", JSON, b"{}"),
    "load": ("/v2/repository/models/late/load", JSON, b"{}"),
}
BOMB, OTHER_BOMB = gzip.compress(bytes(20 << 20)), zlib.compress(bytes(20 << 20))
_NAMES = (b"rows", b"instances", b"inputs", b"dataframe_records", b"parameters")
HALF = rb'{"\ud800": 1}'
WRONG: Mapping[str, Any] = {
    "nothing but bytes": lambda _: (b"\xff\xfe" * 500, {}),
    "zeros": lambda _: (bytes(1000), {}),
    "half": lambda body: (body[: max(1, len(body) // 2)], {}),
    "twice": lambda body: (body + body, {}),
    "deep lists": lambda _: (b"[" * 100_000, {}),
    "deep objects": lambda _: (b'{"a":' * 100_000, {}),
    "deep rows": lambda _: (b"".join(b'"%s":%s,' % (name, b"[" * 50_000 + b"]" * 50_000) for name in _NAMES).join((b"{", b'"z":1}')), {}),
    "half a character": lambda _: (b'{"rows":[%s],"instances":[%s],"inputs":[%s],"parameters":{"\\ud800":1}}' % (HALF, HALF, HALF), {}),
    "half a character in a row": lambda _: (b'{"rows":[%s]}' % HALF, {}),
    "no gzip": lambda body: (body, {"Content-Encoding": "gzip"}),
    "gzip cut off": lambda body: (gzip.compress(body)[:-4], {"Content-Encoding": "gzip"}),
    "gzip and more": lambda body: (gzip.compress(body) + b"x", {"Content-Encoding": "gzip"}),
    "a bomb": lambda _: (BOMB, {"Content-Encoding": "gzip"}),
    "another bomb": lambda _: (OTHER_BOMB, {"Content-Encoding": "deflate"}),
    "brotli": lambda body: (body, {"Content-Encoding": "br"}),
    "packed twice": lambda body: (gzip.compress(gzip.compress(body)), {"Content-Encoding": "gzip, gzip"}),
    "a coding of no letters": lambda body: (body, {"Content-Encoding": "gz\xe9p"}),
}
_LENIENT = {("twice", "csv"), ("twice", "arrow")}
"""Two tables of text are one with a strange row, and a stream ends where it says so."""


@pytest.mark.parametrize("wrong", WRONG)
def test_what_nobody_should_send_is_refused_with_the_reason(server: ServerProcess, wrong: str) -> None:
    for door, (path, kind, body) in DOORS.items():
        sent, headers = WRONG[wrong](body)
        answer = server.request("POST", path, body=sent, headers={"Content-Type": kind, **headers})
        if (wrong, door) in _LENIENT and answer.status == 200:
            continue
        assert 400 <= answer.status < 500, (door, answer.status, answer.body[:200])
        assert answer.headers["content-type"] == JSON, door
        assert {"error", "error_code"} & answer.json.keys(), door
    assert server.predict(ROW).status == 200


def test_words_of_a_head_that_are_none_change_nothing(server: ServerProcess) -> None:
    odd = {"Accept": "\xff\xfe" * 100, "Accept-Encoding": "gzip;q=abc, *;q=\xff", "traceparent": "\xff" * 2000, "User-Agent": "\xe9"}
    for door in ("rows", "arrow", "v2", "v1", "invocations", "csv"):
        path, kind, body = DOORS[door]
        for query in ("", "?ages=%ff", "?ages=true&ages=%ff%fe&" + "a=1&" * 500):
            answer = server.request("POST", path + query, body=body, headers={"Content-Type": kind, **odd})
            assert answer.status == 200, (door, query, answer.body[:200])
    assert "Traceback" not in server.log
    assert "Invalid HTTP" not in server.log
