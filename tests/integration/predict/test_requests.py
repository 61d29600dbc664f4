"""What one sends to a model server, right and wrong, over real sockets."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import pytest

from flyball.testing.model_server import ServerProcess, memory_bytes
from flyball.testing.serving_home import ServingHome, trip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    home = ServingHome.trips(tmp_path_factory.mktemp("serving"))
    home.add_linear(1, intercept=-1.0)
    home.add_linear(2, intercept=1.0)
    home.keep(home.plan(1, 2, share=0.25))
    with ServerProcess(home.path, "--body-seconds", "1") as running:
        yield running


def post(server: ServerProcess, body: bytes, **headers: str) -> Any:
    return server.request("POST", "/predict/late", body=body, headers={name.replace("_", "-"): value for name, value in headers.items()})


def rows(*found: Any) -> bytes:
    return json.dumps({"rows": found}).encode()


def test_an_answer_has_a_prediction_per_row_and_says_who_answered(server: ServerProcess) -> None:
    answer = server.predict(*(trip(number) for number in range(40)))
    assert answer.status == 200
    found = answer.json
    assert [prediction["key"] for prediction in found["predictions"]] == [f"t{number}" for number in range(40)]
    assert {(one["version"], one["route"]) for one in found["predictions"]} == {(1, "champion"), (2, "canary")}
    assert (found["model"], found["version"], found["route"]) == ("late", None, "mixed")
    assert all(one["prediction"] is (one["score"] >= 0.5) for one in found["predictions"])
    assert len({one["id"] for one in found["predictions"]}) == 40


def test_a_key_always_has_the_same_version_and_score(server: ServerProcess) -> None:
    together = {one["key"]: one for one in server.predict(*(trip(number) for number in range(30))).json["predictions"]}
    for number in range(30):
        alone = server.predict(trip(number)).json
        assert (alone["version"], alone["route"]) == (together[f"t{number}"]["version"], together[f"t{number}"]["route"])
        assert alone["predictions"][0]["score"] == together[f"t{number}"]["score"]


def test_what_is_answered_is_journalled_with_all_that_led_to_it(server: ServerProcess) -> None:
    answered = server.predict(trip(7), trip(8)).json["predictions"]
    found = {key: (record, place) for record in server.journal() for place, key in enumerate(record.ids)}
    for prediction in answered:
        record, place = found[prediction["id"]]
        assert (record.keys[place], record.version, record.route) == (prediction["key"], prediction["version"], prediction["route"])
        assert record.scores[place] == prediction["score"]
        assert record.request["line"][place] in {"L2", "L3"}
        assert record.features["calendar.hour"][place] == record.features["calendar.hour"][place]
        assert record.features["sky.temperature"][place] is not None
        assert record.value_times["sky"][place] is not None
        assert record.error is None
        assert record.seconds[place] > 0


@pytest.mark.parametrize(
    ("changes", "warnings"),
    [
        ({"station": "nowhere"}, ["nothing is known for 'sky' of station 'nowhere'", "the model has never seen trips.station 'nowhere'"]),
        ({"line": "new"}, ["the model has never seen trips.line 'new'"]),
        ({"line": None}, []),
        ({"distance": None}, []),
    ],
)
def test_unknown_values_are_answered_and_marked(server: ServerProcess, changes: Mapping[str, Any], warnings: list[str]) -> None:
    found = server.predict(trip(1, **changes), trip(1)).json["predictions"]
    assert found[0].get("warnings", []) == warnings
    assert "warnings" not in found[1]


@pytest.mark.parametrize(
    ("body", "status", "code", "words"),
    [
        (rows(trip(1), {k: v for k, v in trip(2).items() if k != "distance"}), 422, "field", "Row 1, field 'distance': it is missing"),
        (rows(trip(1, distanc=1)), 422, "field", "Did you mean 'distance'?"),
        (rows(trip(1, distance="12")), 422, "field", "the text '12'; send a number"),
        (rows(trip(1, distance=float("nan"))), 422, "field", "nan"),
        (rows(trip(1, distance=float("inf"))), 422, "field", "inf"),
        (rows(trip(1, trip_id=None)), 422, "field", "identifies the row"),
        (rows(trip(1, leaves_at="2026-03-01T00:00:00")), 422, "field", "with its zone"),
        (rows(*[trip(1)] * 10_000), 413, "too-many-rows", "10,000 rows; one may have 1,000"),
        (rows(), 422, "request-shape", "rows"),
        (b'{"rows": [{]}', 400, "not-json", "line 1, column 12"),
        (b'{"rows": [{"trip_id": "\xff"}]}', 400, "not-json", "UTF-8"),
        (b"", 400, "not-json", "line 1"),
        (b"[" * 50_000, 400, "not-json", "nested too deep"),
    ],
)
def test_a_wrong_body_is_told_what_is_wrong(server: ServerProcess, body: bytes, status: int, code: str, words: str) -> None:
    answer = post(server, body)
    assert (answer.status, answer.code) == (status, code)
    assert words in answer.message
    assert server.predict(trip(1)).status == 200


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1"])
def test_another_content_type_is_refused(server: ServerProcess, content_type: str) -> None:
    answer = post(server, rows(trip(1)), Content_Type=content_type)
    assert (answer.status, answer.code) == (415, "content-type")


def test_a_body_packed_as_nobody_unpacks_it_is_refused(server: ServerProcess) -> None:
    answer = post(server, rows(trip(1)), Content_Encoding="br")
    assert (answer.status, answer.code) == (415, "content-encoding")


@pytest.mark.parametrize(("coding", "bits"), [("gzip", 31), ("deflate", 15), ("deflate", -15)], ids=["gzip", "zlib", "raw"])
def test_a_packed_body_is_unpacked_and_its_answer_packed_alike(server: ServerProcess, coding: str, bits: int) -> None:
    packing = zlib.compressobj(wbits=bits)
    body = packing.compress(rows(trip(1))) + packing.flush()
    answer = post(server, body, Content_Encoding=coding, Accept_Encoding=coding)
    assert (answer.status, answer.headers["content-encoding"]) == (200, coding)
    assert json.loads(zlib.decompress(answer.body, 47))["predictions"][0]["key"] == "t1"


def test_a_packed_body_that_is_broken_or_a_bomb_is_refused(server: ServerProcess) -> None:
    packed = gzip.compress(rows(trip(1)))
    cut = post(server, packed[:-9], Content_Encoding="gzip")
    assert (cut.status, cut.code) == (400, "damaged-body")
    assert post(server, b"no gzip", Content_Encoding="gzip").code == "damaged-body"
    assert post(server, packed + packed, Content_Encoding="gzip").code == "damaged-body"
    before = memory_bytes(server.pid)
    bomb = post(server, gzip.compress(bytes(128 << 20), 9), Content_Encoding="gzip")
    assert (bomb.status, bomb.code) == (413, "body-too-large")
    assert memory_bytes(server.pid) - before < 64 << 20


@pytest.mark.parametrize(("accepted", "packed"), [("gzip, deflate, br", False), ("identity", False), ("deflate", True)])
def test_a_small_answer_is_packed_for_whoever_asks_for_it_alone(server: ServerProcess, *, accepted: str, packed: bool) -> None:
    assert ("content-encoding" in post(server, rows(trip(1)), Accept_Encoding=accepted).headers) is packed


def test_a_content_type_may_say_utf_8(server: ServerProcess) -> None:
    assert post(server, rows(trip(1)), Content_Type="application/json; charset=UTF-8").status == 200


def test_a_thousand_rows_are_answered(server: ServerProcess) -> None:
    answer = server.predict(*(trip(number) for number in range(1000)))
    assert answer.status == 200
    assert len(answer.json["predictions"]) == 1000


@pytest.mark.parametrize("headers", [{"Authorization": ""}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic dXNlcjpwYXNz"}])
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/predict/late"), ("POST", "/predict/none"), ("GET", "/metrics"), ("GET", "/nowhere"), ("PUT", "/predict/late")],
)
def test_strangers_learn_nothing(server: ServerProcess, headers: Mapping[str, str], method: str, path: str) -> None:
    answer = server.request(method, path, body=b"x" if method != "GET" else None, headers=headers)
    assert (answer.status, answer.code) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "late" not in answer.message


def test_whether_it_lives_anybody_may_ask(server: ServerProcess) -> None:
    answer = server.request("GET", "/healthz", headers={"Authorization": ""})
    assert (answer.status, answer.json) == (200, {"status": "ok"})


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.example"}, {"Host": "127.0.0.1"}, {"Origin": "http://evil.example"}, {"Origin": "null"}]
)
@pytest.mark.parametrize(("method", "path"), [("POST", "/predict/late"), ("GET", "/healthz"), ("GET", "/metrics")])
def test_a_foreign_host_or_origin_is_refused(server: ServerProcess, headers: Mapping[str, str], method: str, path: str) -> None:
    assert server.request(method, path, body=rows(trip(1)) if method == "POST" else None, headers=headers).status == 403


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_our_own_names_are_answered(server: ServerProcess, host: str) -> None:
    own = f"{host}:{server.port}"
    assert post(server, rows(trip(1)), Host=own, Origin=f"http://{own}").status == 200


def test_unknown_routes_methods_and_endpoints_are_named(server: ServerProcess) -> None:
    assert server.request("GET", "/nowhere").status == 404
    assert server.request("GET", "/predict/").status == 404
    wrong = server.request("GET", "/predict/late")
    assert (wrong.status, wrong.headers["allow"]) == (405, "POST")
    assert server.request("POST", "/healthz", body=b"{}").status == 405
    missing = server.predict(trip(1), endpoint="lete")
    assert (missing.status, missing.code) == (404, "endpoint-not-found")
    assert "Did you mean 'late'?" in missing.message


@pytest.mark.parametrize(("header", "part"), [
    (b"Content-Length: 104857600", b" " * 65536), (b"Transfer-Encoding: chunked", b"10000\r\n" + b" " * 65536 + b"\r\n"),
])  # fmt: skip
def test_a_body_of_100_megabytes_is_refused_before_it_is_read(server: ServerProcess, header: bytes, part: bytes) -> None:
    before, sent = memory_bytes(server.pid), 0
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:

        def send() -> None:
            nonlocal sent
            with suppress(OSError):
                connection.sendall(head(server, header))
                for _ in range(1600):
                    connection.sendall(part)
                    sent += len(part)

        sending = threading.Thread(target=send, daemon=True)
        sending.start()
        answer = connection.recv(65536)
        at_answer = sent
        assert answer.startswith(b"HTTP/1.1 413")
        assert at_answer < 40 << 20
        sending.join(60)
    assert memory_bytes(server.pid) - before < 64 << 20
    assert server.predict(trip(1)).status == 200


def test_a_slow_body_ends_the_request_and_nothing_else(server: ServerProcess) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(head(server, b"Content-Length: 1000") + b'{"rows"')
        assert server.predict(trip(1)).status == 200
        answer = b""
        while part := connection.recv(65536):  # until it is closed
            answer += part
        assert answer.startswith(b"HTTP/1.1 408")
        assert b"slow-body" in answer


def test_an_endless_head_is_cut_off(server: ServerProcess) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection, suppress(ConnectionError):
        connection.sendall(b"GET /healthz HTTP/1.1\r\n")
        for number in range(10_000):
            connection.sendall(b"X-%d: " % number + b"x" * 1000 + b"\r\n")
        assert connection.recv(1000) == b""
    assert number < 9_999
    assert server.predict(trip(1)).status == 200


def test_a_head_that_never_ends_is_given_ten_seconds(server: ServerProcess) -> None:
    start = time.perf_counter()
    with socket.create_connection(("127.0.0.1", server.port), timeout=90) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nX-Slow: ")
        assert connection.recv(1000) == b""
    assert time.perf_counter() - start > 8


def test_a_caller_who_hangs_up_costs_nothing(server: ServerProcess) -> None:
    for _ in range(50):
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
            connection.sendall(head(server, b"Content-Length: 1000") + b'{"rows"')
    for _ in range(50):
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
            body = rows(trip(1))
            connection.sendall(head(server, b"Content-Length: %d" % len(body)) + body)
    assert server.predict(trip(1)).status == 200
    assert "Traceback" not in server.log


def test_requests_behind_one_another_on_a_connection_are_answered_in_order(server: ServerProcess) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        for number in (1, 2, 3):
            body = rows(trip(number))
            connection.sendall(head(server, b"Content-Length: %d" % len(body)) + body)
        answer = b""
        while answer.count(b"HTTP/1.1 200") < 3 or not answer.endswith(b"}"):
            answer += connection.recv(65536)
    assert answer.index(b'"t1"') < answer.index(b'"t2"') < answer.index(b'"t3"')


def test_metrics_count_what_happened(server: ServerProcess) -> None:
    text = server.request("GET", "/metrics").body.decode()
    assert 'flyball_predictions_total{endpoint="late",version="1",route="champion"}' in text
    assert 'flyball_http_requests_total{route="/predict",status="422"}' in text
    assert 'flyball_prediction_warnings_total{endpoint="late",kind="entity"}' in text
    assert "flyball_plan_revision 1" in text


def head(server: ServerProcess, length: bytes) -> bytes:
    fixed = f"POST /predict/late HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nAuthorization: Bearer {server.token}\r\n"
    return fixed.encode() + b"Content-Type: application/json\r\n" + length + b"\r\n\r\n"
