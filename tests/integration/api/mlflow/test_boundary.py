"""What the door refuses before it knows what is asked: strangers, foreign paths, wrong methods, broken bodies; each in MLflow's form."""

from __future__ import annotations

import base64
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, cast

import httpx
import pytest

from flyball.testing.mlflow import open_mlflow_door
from flyball.tracking.runs import Runs
from flyball.tracking.search.errors import SearchStoppedError
from tests.asking import PREFIX, Door

METRIC = "POST runs/log-metric"


def test_a_stranger_learns_nothing_but_that_it_lives(door: Door) -> None:
    health = door.stranger.get("/health")
    assert (health.status_code, health.text) == (200, "OK")
    for method, path in (
        ("GET", "/version"),
        ("GET", f"{PREFIX}experiments/search"),
        ("POST", f"{PREFIX}no-such"),
        ("GET", "/get-artifact"),
    ):
        answer = door.stranger.request(method, path)
        assert answer.status_code == 401
        assert answer.json()["error_code"] == "UNAUTHENTICATED"
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_basic_auth_is_a_name_with_its_token(door: Door) -> None:
    token = door.owner.headers["authorization"].removeprefix("Bearer ")
    basic = base64.b64encode(f"owner:{token}".encode()).decode()
    assert door.stranger.get("/version", headers={"Authorization": f"Basic {basic}"}).status_code == 200
    wrong = base64.b64encode(b"owner:wrong").decode()
    assert door.stranger.get("/version", headers={"Authorization": f"Basic {wrong}"}).status_code == 401


def test_another_sites_page_is_refused(door: Door) -> None:
    answer = door.owner.post(f"{PREFIX}runs/create", json={"experiment_id": "0"}, headers={"Origin": "http://evil.example"})
    assert (answer.status_code, answer.json()["error_code"]) == (403, "PERMISSION_DENIED")
    answer = door.owner.get("/version", headers={"Host": "evil.example"})
    assert (answer.status_code, answer.json()["error_code"]) == (403, "PERMISSION_DENIED")


@pytest.mark.parametrize(
    "route",
    [
        "GET /api/2.0/mlflow/traces", "POST /api/3.0/mlflow/traces", "POST /api/3.0/mlflow/traces/search",
        "POST /api/2.0/mlflow/traces/x/tags",
        "GET /api/3.0/mlflow/scorers/list", "GET /ajax-api/3.0/mlflow/gateway/endpoints/list", "POST /api/3.0/mlflow/datasets/create",
        "POST /api/3.0/mlflow/prompt-optimization/jobs", "GET /api/2.0/mlflow/webhooks", "GET /api/3.0/mlflow/workspaces",
        "POST /api/2.0/mlflow/nonsense", "GET /api/2.0/nonsense", "POST /api/3.0/mlflow/runs/create", "GET /api/4.0/x", "PUT /ajax-api/x",
    ],
)  # fmt: skip
def test_what_we_do_not_keep_has_no_endpoint(door: Door, route: str) -> None:
    assert "no endpoint" in door.refuse(route, status=404, code="ENDPOINT_NOT_FOUND")


def test_a_wrong_method_is_told_the_right_ones(door: Door) -> None:
    answer = door.ask("PUT runs/get")
    assert (answer.status_code, answer.headers["allow"], answer.json()["error_code"]) == (405, "GET", "ENDPOINT_NOT_FOUND")
    assert door.ask("POST logged-models/m-1/tags").headers["allow"] == "PATCH"


def test_pages_ask_by_their_own_prefix(door: Door) -> None:
    run = door.run()
    assert door.say("GET /ajax-api/2.0/mlflow/runs/get", run_id=run)["run"]["info"]["run_id"] == run
    info = door.say("GET /api/3.0/mlflow/server-info")
    assert info == door.say("GET /ajax-api/3.0/mlflow/server-info")
    assert info["multipart_uploads_enabled"] is True


@pytest.mark.parametrize(
    "body",
    [
        b"{bad", b"[1]", b'"text"', b"5", b"\xff\xfe", b'{"key": "\xff"}', b'{"key": "\\ud800"}', b'{"run_id": "a\\u0000"}', b"[" * 50_000,
        b'{"a":' * 50_000, b"NaN", b'"{"', b"null",
    ],
    ids=range(13),
)  # fmt: skip
def test_a_body_that_is_no_object_is_refused(door: Door, body: bytes) -> None:
    assert door.refuse(METRIC, body)


def test_a_body_must_say_that_it_is_json(door: Door) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        answer = door.owner.post(f"{PREFIX}runs/log-metric", content=b'{"run_id": "x"}', headers={"Content-Type": kind})
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    answer = door.owner.post(f"{PREFIX}runs/get", content=b"{}", headers={"Content-Type": "application/json; charset=utf-8"})
    assert answer.status_code == 405


def test_an_empty_body_has_no_fields(door: Door) -> None:
    assert "'run_id'" in door.refuse("POST runs/delete")
    assert "'key'" in door.refuse(METRIC, b"")


def test_a_body_that_is_too_long_is_not_read(door: Door) -> None:
    assert "bytes" in door.refuse(METRIC, b" " * 2_000_001, status=413)


def test_a_query_is_read_with_care(door: Door) -> None:
    assert "'run_id'" in door.refuse("GET runs/get")
    for query in ("run_id=%00", "run_id=%ff", "&".join(f"a{number}=1" for number in range(2000))):
        answer = door.owner.get(f"{PREFIX}runs/get?{query}")
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), query
    assert "'max_results'" in door.refuse("GET experiments/search", max_results="x")


def test_an_answer_is_kept_by_nobody(door: Door) -> None:
    answer = door.ask("GET experiments/get", experiment_id="0")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.fixture
def broken(door: Door) -> Iterator[httpx.Client]:
    """A door behind which everything fails."""

    class Broken:
        def __getattr__(self, name: str) -> object:
            raise ZeroDivisionError(name)

    broken: Any = Broken()
    services = type(door.services)(broken, broken, broken)
    with open_mlflow_door(services, token=None) as url, httpx.Client(base_url=url) as client:
        yield client


def test_a_defect_of_ours_says_where_to_look(broken: httpx.Client) -> None:
    answer = broken.get(f"{PREFIX}runs/get", params={"run_id": "x"})
    assert (answer.status_code, answer.json()["error_code"]) == (500, "INTERNAL_ERROR")
    assert "err-" in answer.json()["message"]
    assert "ZeroDivision" not in answer.text


def test_answers_leave_in_one_piece(door: Door) -> None:
    """A client that got the head alone would wait for the rest: 40 ms where acknowledgements are delayed."""
    host, port = door.url.removeprefix("http://").split(":")
    token = door.owner.headers["authorization"]
    with socket.create_connection((host, int(port)), timeout=60) as raw:
        request = f"GET /version HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: {token}\r\n\r\n".encode()
        for _ in range(40):
            raw.sendall(request)
            got = raw.recv(4096)
            assert got.startswith(b"HTTP/1.1 200")
            assert got.endswith(b"3.17.0")


class EndlessRuns:
    """A store whose searches end only when they are told to."""

    def __init__(self) -> None:
        self.begun, self.ended = threading.Event(), threading.Event()
        self._stop: Callable[[], bool] = self.ended.is_set

    def until(self, stop: Callable[[], bool]) -> EndlessRuns:
        self._stop = stop
        return self

    def search(self, *_: object, **__: object) -> object:
        self.begun.set()
        while not self._stop():
            time.sleep(0.01)
        self.ended.set()
        raise SearchStoppedError


def test_a_search_ends_when_nobody_waits_for_it(door: Door) -> None:
    runs = EndlessRuns()
    services = replace(door.services, tracking=replace(door.services.tracking, runs=cast("Runs", runs)))
    with open_mlflow_door(services, token=None) as url:
        host, port = url.removeprefix("http://").split(":")
        body = b'{"experiment_ids": ["0"]}'
        head = f"POST {PREFIX}runs/search HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n"
        with socket.create_connection((host, int(port))) as raw:
            raw.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            assert runs.begun.wait(60)
        assert runs.ended.wait(60)
