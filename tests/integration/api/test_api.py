"""The door on a real socket: what each route answers, and what bad requests get."""

from __future__ import annotations

import gzip
import logging
import socket
import threading
import time
from contextlib import suppress
from typing import Any

import httpx
import pytest

from flyball.core.errors import ConflictError, HeldError, IntegrityError, InvalidError, UnavailableError

Served = Any


def code(response: httpx.Response) -> str:
    """The error's code, where the answer has the one form of all errors and nothing else."""
    (error,) = response.json().values()
    assert set(error) == {"code", "message"}
    assert response.headers["content-type"] == "application/json"
    return str(error["code"])


def test_each_route_answers_its_owner(served: Served) -> None:
    served.plane.happen("loop.started")
    get = served.owner.get
    assert served.stranger.get("/healthz").json() == {"status": "ok"}
    assert get("/api/v1/status").json()["project"] == "still"
    assert get("/api/v1/models").json()["models"][0]["name"] == "late"
    assert get("/api/v1/models/late").json()["endpoint"] == "late"
    assert get("/api/v1/models/late/windows").json() == {"windows": []}
    assert get("/api/v1/models/late/versions").json() == {"versions": []}
    assert get("/api/v1/events").json()["position"] == 1
    assert get("/api/v1/events/evt-1/causes").json()["events"][0]["type"] == "loop.started"
    assert get("/api/v1/datasets").json()["datasets"][0]["name"] == "flights"
    assert get("/api/v1/predictions/prd-1").json() == {"prediction": {"id": "prd-1"}}
    assert get("/api/v1/parity").json() == {"report": None}
    assert served.owner.post("/api/v1/parity").json() == {"report": {"rows": 0}}
    assert "/api/v1/models/{name}" in get("/openapi.json").json()["paths"]


def test_a_deed_says_who_and_why(served: Served) -> None:
    path = "/api/v1/endpoints/late"
    done = served.owner.post(f"{path}/promote", json={"version": 3, "why": "best"}, headers={"Flyball-Actor": "user:ada"})
    assert done.json()["deployment"]["champion"] == 3
    assert served.owner.post(f"{path}/rollback", json={}).status_code == 200
    (promoted, rolled) = served.plane.deeds
    assert promoted[:3] == ("promote", "late", 3)
    assert (promoted[3].actor, promoted[3].why) == ("user:ada", "best")
    assert rolled[:3] == ("rollback", "late", None)
    assert (rolled[3].actor, rolled[3].why) == ("owner", "")


def test_rows_with_the_same_key_count_once(served: Served) -> None:
    def push() -> Any:
        return served.owner.post("/api/v1/datasets/flights/rows", json={"rows": [{"a": 1}]}, headers={"Idempotency-Key": "k"}).json()

    assert push() == {"accepted": 1, "quarantined": [], "duplicate": False}
    assert push()["duplicate"]
    assert served.owner.post("/api/v1/datasets/flights/rows?visible=true", json={"rows": [{}]}).json()["accepted"] == 1


def test_a_long_poll_ends_with_the_first_event(served: Served) -> None:
    threading.Timer(0.3, lambda: [served.plane.happen("x", "model/other"), served.plane.happen("y")]).start()
    found = served.owner.get("/api/v1/events?wait=30&model=late", timeout=90).json()
    assert [event["type"] for event in found["events"]] == ["y"]
    assert served.owner.get(f"/api/v1/events?after={found['position']}&wait=0.1").json() == {"events": [], "position": found["position"]}


def test_many_polls_wait_at_once_and_others_are_answered_meanwhile(served: Served) -> None:
    found: list[httpx.Response] = []
    threads = [threading.Thread(target=lambda: found.append(served.owner.get("/api/v1/events?wait=30", timeout=90))) for _ in range(12)]
    for thread in threads:
        thread.start()
    deadline = time.perf_counter() + 60
    while len(found) < 4 and time.perf_counter() < deadline:
        time.sleep(0.02)
    assert [response.status_code for response in found] == [503] * 4  # more than the eight that may wait
    assert {response.headers["retry-after"] for response in found} == {"1"}
    assert served.owner.get("/api/v1/status", timeout=30).status_code == 200
    served.plane.happen("x")
    for thread in threads:
        thread.join(60)
    assert sorted(response.status_code for response in found) == [200] * 8 + [503] * 4


def test_a_stop_lets_the_long_polls_go(served: Served) -> None:
    threading.Timer(0.3, served.stop.set).start()
    assert served.owner.get("/api/v1/events?wait=30", timeout=90).json() == {"events": [], "position": 0}


def test_the_plan_is_told_when_it_is_another(served: Served) -> None:
    path = "/api/v1/serving/plan"
    assert served.owner.get(f"{path}?revision=0&server=m1").json()["revision"] == 1
    assert served.owner.get(f"{path}?revision=1&wait=0.1&server=m1").status_code == 304
    assert served.plane.servers == {"m1": 1}

    def change() -> None:
        served.plane.plan = type(served.plane.plan)(revision=2)

    threading.Timer(0.2, change).start()
    assert served.owner.get(f"{path}?revision=1&wait=10&server=m1").json()["revision"] == 2


def test_a_login_code_opens_a_session_once(served: Served) -> None:
    made = served.owner.post("/api/v1/login-codes")
    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    login = {"code": made.json()["code"]}
    session = served.owner.post("/api/v1/sessions", json=login)
    assert session.status_code == 201
    again = served.owner.post("/api/v1/sessions", json=login)
    assert (again.status_code, code(again)) == (401, "login-code")
    bearer = {"Authorization": f"Bearer {session.json()['token']}"}
    assert served.stranger.get("/api/v1/status", headers=bearer).status_code == 200
    assert served.stranger.delete("/api/v1/sessions", headers=bearer).status_code == 200
    assert served.stranger.get("/api/v1/status", headers=bearer).status_code == 401


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer wrong", "Basic dDp0", "Bearer " + "t" * 44])
@pytest.mark.parametrize("path", ["/api/v1/status", "/openapi.json", "/docs", "/nowhere", "/api/v1/models/late"])
def test_a_stranger_gets_401_and_nothing_else(served: Served, header: str | None, path: str) -> None:
    for method in ("GET", "POST", "DELETE", "OPTIONS", "PATCH", "HEAD"):
        response = served.stranger.request(method, path, headers={} if header is None else {"Authorization": header})
        assert response.status_code == 401, method
        assert response.headers["www-authenticate"] == "Bearer"
        if method != "HEAD":
            assert code(response) == "unauthenticated"


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Origin": "null"}])
def test_a_foreign_host_or_origin_gets_403(served: Served, headers: dict[str, str]) -> None:
    for method, path in (("GET", "/healthz"), ("GET", "/api/v1/status"), ("POST", "/api/v1/parity"), ("OPTIONS", "/")):
        response = served.owner.request(method, path, headers=headers)
        assert response.status_code == 403
        assert code(response).startswith("foreign-")
    assert served.plane.deeds == []


def test_the_owner_is_told_what_is_not_there(served: Served) -> None:
    for path in ("/nowhere", "/docs", "/redoc", "/api/v1/models/", "/api/v1/models/a/b"):
        response = served.owner.get(path)
        assert (response.status_code, code(response)) == (404, "no-such-route")
    response = served.owner.post("/api/v1/status")
    assert (response.status_code, code(response)) == (405, "method")
    for path in ("/api/v1/models/lat", "/api/v1/predictions/x", "/api/v1/events/evt-9/causes"):
        response = served.owner.get(path)
        assert (response.status_code, code(response)) == (404, "not-found")


@pytest.mark.parametrize(
    ("body", "headers", "status", "wanted"),
    [
        (b"{", {}, 400, "broken-json"),
        (b"\xff\xfe", {}, 400, "broken-json"),
        (b"[" * 90_000, {}, 422, "json-shape"),
        (b'{"rows": [{"a": "\\ud800"}]}', {}, 400, "broken-json"),
        (b'{"rows": [{"a": "\\uDC00\\ud83d"}]}', {}, 400, "broken-json"),
        (b'{"rows": [{"\\ud800": 1}]}', {}, 400, "broken-json"),
        (b"", {"Content-Type": "application/json"}, 400, "broken-json"),
        (b"[]", {}, 422, "rows"),
        (b"{}", {}, 422, "rows"),
        (b'{"rows": {}}', {}, 422, "rows"),
        (b'{"rows": [1]}', {}, 422, "rows"),
        (b'{"rows": [{}], "more": 1}', {}, 422, "rows"),
        (b'{"a": 1}\n{', {"Content-Type": "application/x-ndjson"}, 400, "broken-json"),
        (b'{"rows": []}', {"Content-Type": "text/plain"}, 415, "content-type"),
        (b'{"rows": []}', {"Content-Type": ""}, 415, "content-type"),
        (b'{"rows": []}', {"Content-Type": "application/json; charset=utf-16"}, 415, "content-type"),
        (b'{"rows": []}', {"Content-Encoding": "br"}, 415, "content-type"),
        (b'{"rows": []}', {"Content-Encoding": "gzip"}, 400, "broken-body"),
        (gzip.compress(b'{"rows": [{}]}', mtime=0)[:-9], {"Content-Encoding": "gzip"}, 400, "broken-body"),
        (gzip.compress(bytes(65 << 20), 9, mtime=0), {"Content-Encoding": "gzip"}, 413, "body-too-large"),
        (b'{"rows": []}', {"Idempotency-Key": "k" * 201}, 422, "request-form"),
        (b'{"rows": ["' + b"x" * 200_000 + b'"]}', {}, 413, "body-too-large"),
    ],
)
def test_a_bad_body_is_named(served: Served, body: bytes, headers: dict[str, str], status: int, wanted: str) -> None:
    headers = {"Content-Type": "application/json", **headers}
    response = served.owner.post("/api/v1/datasets/flights/rows", content=body, headers=headers)
    assert (response.status_code, code(response)) == (status, wanted)
    assert served.plane.rows == {}


def test_a_whole_pair_is_one_character(served: Served) -> None:
    body = b'{"rows": [{"a": "\\ud83d\\ude00"}]}'
    headers = {"Content-Type": "application/json; charset=UTF-8"}
    assert served.owner.post("/api/v1/datasets/flights/rows", content=body, headers=headers).status_code == 200
    assert list(served.plane.rows.values()) == [[{"a": "\N{GRINNING FACE}"}]]


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (b'[{"a": 1}]', {"Content-Type": "application/json"}),
        (b'{"a": 1}\n', {"Content-Type": "application/x-ndjson"}),
        (gzip.compress(b'{"rows": [{"a": 1}]}', mtime=0), {"Content-Type": "application/json", "Content-Encoding": "gzip"}),
        (
            gzip.compress(b'{"a"', mtime=0) + gzip.compress(b": 1}", mtime=0),
            {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"},
        ),
    ],
    ids=["a list", "lines", "gzip", "gzip of two members"],
)
def test_rows_come_in_several_forms(served: Served, content: bytes, headers: dict[str, str]) -> None:
    assert served.owner.post("/api/v1/datasets/flights/rows", content=content, headers=headers).status_code == 200
    assert list(served.plane.rows.values()) == [[{"a": 1}]]


def test_ten_thousand_rows_are_the_most(served: Served) -> None:
    rows: list[dict[str, int]] = [{}] * 10_001
    assert served.owner.post("/api/v1/datasets/flights/rows", json={"rows": rows}).status_code == 422
    assert served.owner.post("/api/v1/datasets/flights/rows", json={"rows": rows[1:]}).json()["accepted"] == 10_000


@pytest.mark.parametrize("query", ["after=-1", "after=x", "limit=0", "limit=1001", "wait=31", "wait=-1", "wait=nan"])
def test_a_bad_question_is_named(served: Served, query: str) -> None:
    response = served.owner.get(f"/api/v1/events?{query}")
    assert (response.status_code, code(response)) == (422, "request-form")


def raw(served: Served, *parts: bytes, pause: float = 0.0) -> bytes:
    """What the server says to these bytes until it closes."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as line:
        for part in parts:
            line.sendall(part)
            time.sleep(pause)
        said = b""
        try:
            while piece := line.recv(65536):
                said += piece
        except (TimeoutError, ConnectionResetError):
            pass
        return said


def head(served: Served, *lines: str) -> bytes:
    first = ("POST /api/v1/datasets/flights/rows HTTP/1.1", f"Host: 127.0.0.1:{served.port}", f"Authorization: Bearer {'t' * 43}")
    return "\r\n".join([*first, "Content-Type: application/json", *lines, "", ""]).encode()


def test_an_endless_head_is_cut_off(served: Served) -> None:
    number = 0
    with socket.create_connection(("127.0.0.1", served.port), timeout=20) as line, suppress(ConnectionError):
        line.sendall(b"GET /healthz HTTP/1.1\r\n")
        for number in range(10_000):
            line.sendall(b"X-%d: " % number + b"x" * 1000 + b"\r\n")
        assert line.recv(1000) == b""
    assert number < 9_999
    assert served.owner.get("/healthz").status_code == 200


def test_a_slow_body_gets_408(served: Served) -> None:
    said = raw(served, head(served, "Content-Length: 1000"), b'{"rows"')
    assert said.startswith(b"HTTP/1.1 408")
    assert b"slow-body" in said


def test_a_body_without_a_length_is_cut_at_the_cap(served: Served) -> None:
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    said = raw(served, head(served, "Transfer-Encoding: chunked"), chunk, chunk)
    assert said.startswith(b"HTTP/1.1 413")


def test_a_stranger_s_body_is_not_waited_for(served: Served) -> None:
    lines = f"POST /api/v1/parity HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\nContent-Length: 100000000\r\n\r\n"
    said = raw(served, lines.encode())
    assert said.startswith(b"HTTP/1.1 401")


def test_a_client_that_leaves_in_the_middle_is_nobody_s_error(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_connection(("127.0.0.1", served.port)) as line:
        line.sendall(head(served, "Content-Length: 1000") + b"{")
    time.sleep(0.3)
    assert served.owner.get("/api/v1/status").status_code == 200
    assert caplog.records == []


@pytest.mark.parametrize(
    ("error", "status", "wanted"),
    [
        (InvalidError("so"), 422, "invalid"),
        (HeldError("it", "him"), 423, "held"),
        (ConflictError("so"), 409, "conflict"),
        (UnavailableError("so"), 503, "unavailable"),
        (IntegrityError("so"), 500, "integrity"),
    ],
)
def test_an_error_of_ours_has_the_status_of_its_class(served: Served, error: Exception, status: int, wanted: str) -> None:
    def fails() -> None:
        raise error

    served.plane.fails = fails
    response = served.owner.get("/api/v1/status")
    assert (response.status_code, code(response)) == (status, wanted)
    assert response.json()["error"]["message"] == str(error)
    assert ("retry-after" in response.headers) is (status == 503)


def test_a_defect_shows_an_id_and_nothing_of_the_inside(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    def fails() -> None:
        raise RuntimeError("secret inside")

    served.plane.fails = fails
    with caplog.at_level(logging.ERROR, "flyball.api"):
        response = served.owner.get("/api/v1/status")
    assert (response.status_code, code(response)) == (500, "internal")
    assert "secret" not in response.text
    (record,) = caplog.records
    assert record.getMessage().partition(":")[0] in response.json()["error"]["message"]
    assert "secret inside" in caplog.text
    served.plane.fails = lambda: None
    assert served.owner.get("/api/v1/status").status_code == 200


def test_a_websocket_is_no_door(served: Served) -> None:
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }
    assert served.stranger.get("/api/v1/events", headers=headers).status_code == 401


def test_without_authentication_the_guard_stays(start: Any) -> None:
    served = start(None)
    assert served.stranger.get("/api/v1/status").status_code == 200
    assert served.stranger.get("/api/v1/status", headers={"Host": "evil.example"}).status_code == 403
